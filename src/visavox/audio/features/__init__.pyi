from .mel import (
    HOP_SIZE,
    LEVEL_RANGE,
    MEL_FRAMES_PER_SECOND,
    MEL_MAX,
    MEL_MIN,
    MEL_WINDOW,
    StreamingMel,
    mel_spectrogram,
    mel_window,
    window_start,
)
from .speech_features import ROWS_PER_SECOND, SpeechFeatures

__all__ = [
    "HOP_SIZE",
    "LEVEL_RANGE",
    "MEL_FRAMES_PER_SECOND",
    "MEL_MAX",
    "MEL_MIN",
    "MEL_WINDOW",
    "ROWS_PER_SECOND",
    "SpeechFeatures",
    "StreamingMel",
    "mel_spectrogram",
    "mel_window",
    "window_start",
]
