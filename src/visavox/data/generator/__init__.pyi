from .augmentation import (
    DECIBELS_PER_UNIT,
    NO_AUGMENTATION,
    CropAugmentation,
    MelAugmentation,
    augment_features,
    augment_mels,
    draw_change,
)
from .clip_file import STORED_MARGIN, ClipFile, encode_jpeg, save_clip
from .clip_store import MANIFEST_NAME, ClipStore, StoredClip, load_store, read_manifest
from .datasets import ExpertDataset, ExpertSampling, FaceDataset, FaceSampling, SpeechDataset, build_sample, smoothed

__all__ = [
    "DECIBELS_PER_UNIT",
    "MANIFEST_NAME",
    "NO_AUGMENTATION",
    "STORED_MARGIN",
    "ClipFile",
    "ClipStore",
    "CropAugmentation",
    "ExpertDataset",
    "ExpertSampling",
    "FaceDataset",
    "FaceSampling",
    "MelAugmentation",
    "SpeechDataset",
    "StoredClip",
    "augment_features",
    "augment_mels",
    "build_sample",
    "draw_change",
    "encode_jpeg",
    "load_store",
    "read_manifest",
    "save_clip",
    "smoothed",
]
