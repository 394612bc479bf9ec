from .audio_augmentation import AudioAugmentation
from .augmentation import (
    DECIBELS_PER_UNIT,
    NO_AUGMENTATION,
    CropAugmentation,
    MelAugmentation,
    RowAugmentation,
    augment_features,
    augment_mels,
    draw_change,
)
from .clip_file import STORED_MARGIN, ClipFile, encode_jpeg, save_clip
from .clip_store import MANIFEST_NAME, ClipStore, StoredClip, load_store, read_manifest
from .datasets import ExpertDataset, ExpertSampling, FaceDataset, FaceSampling, SpeechDataset, build_sample, smoothed
from .feature_cache import FeatureCache, clip_features, fit_rows

__all__ = [
    "DECIBELS_PER_UNIT",
    "MANIFEST_NAME",
    "NO_AUGMENTATION",
    "STORED_MARGIN",
    "AudioAugmentation",
    "ClipFile",
    "ClipStore",
    "CropAugmentation",
    "ExpertDataset",
    "ExpertSampling",
    "FaceDataset",
    "FaceSampling",
    "FeatureCache",
    "MelAugmentation",
    "RowAugmentation",
    "SpeechDataset",
    "StoredClip",
    "augment_features",
    "augment_mels",
    "build_sample",
    "clip_features",
    "draw_change",
    "encode_jpeg",
    "fit_rows",
    "load_store",
    "read_manifest",
    "save_clip",
    "smoothed",
]
