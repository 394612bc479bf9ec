from .silence import find_silence, find_silence_in, gate_audio, gate_silence, silences_of

__all__ = [
    "find_silence",
    "find_silence_in",
    "gate_audio",
    "gate_silence",
    "silences_of",
]
