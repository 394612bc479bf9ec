from .motion_dataset import MotionDataset, MotionSampling, MotionSequence, augment_features, sequences_of
from .motion_store import ROWS_PER_FRAME, MotionClip, MotionStore, load_motion_store
from .motion_sync_dataset import (
    NEAR,
    NO_MOTION_AUGMENTATION,
    MotionAugmentation,
    MotionSyncDataset,
    MotionSyncSampling,
    motion_from_rest,
)
from .postnet_dataset import PostNetDataset, PostNetSampling, SourceClip

__all__ = [
    "NEAR",
    "NO_MOTION_AUGMENTATION",
    "ROWS_PER_FRAME",
    "MotionAugmentation",
    "MotionClip",
    "MotionDataset",
    "MotionSampling",
    "MotionSequence",
    "MotionStore",
    "MotionSyncDataset",
    "MotionSyncSampling",
    "PostNetDataset",
    "PostNetSampling",
    "SourceClip",
    "augment_features",
    "load_motion_store",
    "motion_from_rest",
    "sequences_of",
]
