from .silence import find_silence, find_silence_in, gate_silence, gate_sound

__all__ = [
    "find_silence",
    "find_silence_in",
    "gate_silence",
    "gate_sound",
]
