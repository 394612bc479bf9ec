from .mel import StreamingMel, mel_spectrogram, mel_window, window_start
from .speech_features import HUBERT_PREFIX, ROWS_PER_SECOND, SpeechFeatures, load_features

__all__ = [
    "HUBERT_PREFIX",
    "ROWS_PER_SECOND",
    "SpeechFeatures",
    "StreamingMel",
    "load_features",
    "mel_spectrogram",
    "mel_window",
    "window_start",
]
