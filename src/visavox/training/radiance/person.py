"""Data set of one person, for the tasks that train on it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from visavox.data.radiance.person_data import CAMERA, MOTION, SPLIT
from visavox.losses.radiance import PatchJudge, feature_judge
from visavox.models.perceptual.face_features import FaceFeatures
from visavox.runtime.files import short_digest
from visavox.training.inputs import SHIPPED_FEATURES, LpipsInputs
from visavox.types import PathLike
from visavox.weights.checkpoint import load_model

PatchLoss = Literal["face-features", "lpips"]
"""Names of the losses that compare patches of mouths."""
_PATCH_SIZE = 64
"""Side that patches of mouths are brought to for the face features."""


def describe_person(data: PathLike) -> str:
    """Describe a person's data set in a few words."""
    return f"data set {Path(data).resolve().name}"


def digest_of_person(data: PathLike) -> str:
    """Tell data sets apart by their small files."""
    return short_digest(*(Path(data) / name for name in (MOTION, CAMERA, SPLIT)))


def load_patch_loss(name: PatchLoss, lpips: LpipsInputs | None = None) -> PatchJudge:
    """Load the loss that compares patches of mouths: the shipped face features, or LPIPS.

    Raises:
        InputError: the published numbers of LPIPS are nowhere to be had.
    """
    if name == "lpips":
        return (lpips or LpipsInputs()).load_lpips("alex")
    features = load_model(SHIPPED_FEATURES, FaceFeatures)
    return feature_judge(features.requires_grad_(False).stages, _PATCH_SIZE)
