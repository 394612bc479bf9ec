from .feature_sets import DEFAULT_FEATURES, check_feature_name, load_features
from .recording import RecordingFeatures, features_for, is_wav2lip_mel, silent_row

__all__ = [
    "DEFAULT_FEATURES",
    "RecordingFeatures",
    "check_feature_name",
    "features_for",
    "is_wav2lip_mel",
    "load_features",
    "silent_row",
]
