"""Data of motion: clips of speech features and 68 landmarks, and the samples that are drawn from them.

`motion_store` holds the clips, `feature_cache` the features of their speech; `motion_dataset` is for the VAE,
`motion_sync_dataset` for the SyncNet, `postnet_dataset` for the postnet.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.data.motion.feature_cache import clip_features, fit_rows
    from visavox.data.motion.motion_dataset import (
        MotionDataset,
        MotionSampling,
        MotionSequence,
        augment_features,
        sequences_of,
    )
    from visavox.data.motion.motion_store import ROWS_PER_FRAME, MotionClip, MotionStore, load_motion_store
    from visavox.data.motion.motion_sync_dataset import (
        NEAR,
        NO_MOTION_AUGMENTATION,
        MotionAugmentation,
        MotionSyncDataset,
        MotionSyncSampling,
        motion_from_rest,
    )
    from visavox.data.motion.postnet_dataset import PostNetDataset, PostNetSampling, SourceClip

_HOMES = {
    "MotionAugmentation": "motion_sync_dataset",
    "MotionClip": "motion_store",
    "MotionDataset": "motion_dataset",
    "MotionSampling": "motion_dataset",
    "MotionSequence": "motion_dataset",
    "MotionStore": "motion_store",
    "MotionSyncDataset": "motion_sync_dataset",
    "MotionSyncSampling": "motion_sync_dataset",
    "NEAR": "motion_sync_dataset",
    "NO_MOTION_AUGMENTATION": "motion_sync_dataset",
    "PostNetDataset": "postnet_dataset",
    "PostNetSampling": "postnet_dataset",
    "ROWS_PER_FRAME": "motion_store",
    "SourceClip": "postnet_dataset",
    "augment_features": "motion_dataset",
    "clip_features": "feature_cache",
    "fit_rows": "feature_cache",
    "load_motion_store": "motion_store",
    "motion_from_rest": "motion_sync_dataset",
    "sequences_of": "motion_dataset",
}

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
    "clip_features",
    "fit_rows",
    "load_motion_store",
    "motion_from_rest",
    "sequences_of",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
