from .reduced_whisper import ReducedWhisper, ReducedWhisperConfig
from .whisper_encoder import WhisperEncoder, WhisperEncoderConfig, whisper_mel

__all__ = [
    "ReducedWhisper",
    "ReducedWhisperConfig",
    "WhisperEncoder",
    "WhisperEncoderConfig",
    "whisper_mel",
]
