"""What networks that judge the whole face say of a video."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FaceFigures:
    """What the judges say of one video. A figure that was not asked for is NaN."""

    lpips: float = math.nan
    """LPIPS of the face crop, mean over frames."""
    lpips_network: str | None = None
    """Through which network: alex, vgg or squeeze."""
    cpbd: float = math.nan
    """CPBD of the dubbed face, mean over frames."""
    true_cpbd: float = math.nan
    """CPBD of the true face."""
    identity: float = math.nan
    """Cosine similarity of the embeddings of both faces, mean over frames."""


@dataclass(frozen=True)
class FaceFeatures:
    """Inception features of the faces of one video, frame by frame, for the FID of many."""

    dubbed: np.ndarray
    """float32 (T, 2048)."""
    true: np.ndarray
    """float32 (T, 2048)."""
