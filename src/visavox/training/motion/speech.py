"""Speech for the tasks of motion: clips of a prepared data set with the features that a network takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from visavox.audio.features.speech_features import SpeechFeatures
from visavox.data.motion import MotionStore, load_motion_store
from visavox.errors import InputError
from visavox.models.motion import MotionVae
from visavox.models.sync import MotionSyncNet
from visavox.progress import Progress
from visavox.speech import load_features
from visavox.types import PathLike
from visavox.weights import load_model

TRUE_MOTION = "true"
"""Name that commands take in place of a motion VAE, for the true motion of other speakers."""


def find_features(name: str, feature_size: int) -> SpeechFeatures:
    """Make the speech features that a network takes.

    Raises:
        InputError: there are none of this name, or they have another size.
    """
    features = load_features(name)
    if features.size != feature_size:
        raise InputError(
            f"the features {name} have {features.size} numbers a row, and the network takes {feature_size}; give a "
            "recipe for these features"
        )
    return features


def load_motions(dataset: PathLike, features: SpeechFeatures, progress: Progress) -> tuple[MotionStore, MotionStore]:
    """Load training and validation clips.

    Raises:
        InputError: the data set cannot be used.
    """
    train = load_motion_store(Path(dataset), "train", features, progress=progress)
    return train, load_motion_store(Path(dataset), "validation", features, progress=progress)


def load_pair(sync: str, motion: str | None, device: str | torch.device = "cpu") -> tuple[Any, Any]:
    """Load a motion SyncNet, and the motion VAE that takes the same features; None for no motion VAE.

    Raises:
        InputError: a weights file cannot be used, or their features differ.
    """
    syncnet = load_model(sync, MotionSyncNet)
    vae = load_model(motion, MotionVae, device=device) if motion is not None else None
    if vae is not None and vae.config.features != syncnet.config.features:
        raise InputError(
            f"the motion VAE {motion} takes {vae.config.features} and the motion SyncNet {sync} takes "
            f"{syncnet.config.features}; give two that take the same"
        )
    return syncnet, vae
