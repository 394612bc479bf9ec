from .feature_sets import DEFAULT_FEATURES, check_feature_name, load_features
from .recording import RecordingFeatures, is_wav2lip_mel, recording_features, silent_row

__all__ = [
    "DEFAULT_FEATURES",
    "RecordingFeatures",
    "check_feature_name",
    "is_wav2lip_mel",
    "load_features",
    "recording_features",
    "silent_row",
]
