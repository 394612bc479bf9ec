"""A speaker's face at rest with lips shut, which a predicted motion is counted from.

Identity is not in the sound, so what is predicted is the displacement from the speaker's own rest; but the gap between
the lips stays absolute, so that 0 is a closed mouth for everybody (as in `mouth_motion.py`). Where a clip shows no shut
mouth, its mean face is shut by the way in which faces open: the *opening mode*, how all points move on average when
the lips part by a centimetre.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visavox.errors import InputError
from visavox.face.geometry.landmarks import IBUG_68
from visavox.face.geometry.pose import canonical_face

UPPER_LIP, LOWER_LIP = 62, 66
"""The middles of the inner lips among the 68 points."""
EYE_RIGHT, EYE_LEFT = 36, 45
"""The outer corners of the eyes among the 68 points."""
MOUTH_RIGHT, MOUTH_LEFT = 48, 54
"""The corners of the mouth among the 68 points."""


def lip_gap(displacements: np.ndarray) -> np.ndarray:
    """Height of the gap between the lips, centimetres, (...) of displacements (..., 68, 3) from the canonical face.

    It is signed: a tracker that lets shut lips cross a little gives a little less than 0.
    """
    points = _canonical() + displacements
    return points[..., UPPER_LIP, 1] - points[..., LOWER_LIP, 1]


def opening_of(displacements: np.ndarray) -> np.ndarray:
    """Opening as `visavox.face.geometry.landmarks.mouth_opening` measures it.

    The gap of the lips over the distance of the outer eye corners, (...) of displacements (..., 68, 3) from the
    canonical face.
    """
    points = _canonical() + displacements
    return _distance(points, UPPER_LIP, LOWER_LIP) / _distance(points, EYE_RIGHT, EYE_LEFT)


def width_of(displacements: np.ndarray) -> np.ndarray:
    """Width of the mouth over the distance of the outer eye corners; arguments and shape as `opening_of`."""
    points = _canonical() + displacements
    return _distance(points, MOUTH_RIGHT, MOUTH_LEFT) / _distance(points, EYE_RIGHT, EYE_LEFT)


def fit_opening_mode(clips: Sequence[np.ndarray]) -> np.ndarray:
    """Learn how faces open, by regression of all points on the gap of the lips within each clip.

    Args:
        clips: displacements (T, 68, 3) of each clip.

    Returns:
        float32 (68, 3), centimetres for each centimetre of gap; of itself it opens the lips by exactly 1.

    Raises:
        InputError: the mouths stand still.
    """
    products = np.zeros((68, 3))
    energy = 0.0
    for displacements in clips:
        gap = lip_gap(displacements).astype(np.float64)
        gap -= gap.mean()
        products += np.einsum("t,tpi->pi", gap, displacements - displacements.mean(axis=0))
        energy += float((gap**2).sum())
    if energy < 1e-6:
        raise InputError("the mouths of the training clips do not move; prepare footage of people who speak")
    return (products / energy).astype(np.float32)


def resting_face(displacements: np.ndarray, opening_mode: np.ndarray) -> np.ndarray:
    """The face at rest, (68, 3) from the canonical face, of a speaker's displacements (T, 68, 3): their mean, shut."""
    mean = displacements.mean(axis=0, dtype=np.float64)
    return (mean - opening_mode * lip_gap(mean)).astype(np.float32)


def _canonical() -> np.ndarray:
    return canonical_face()[list(IBUG_68)]


def _distance(points: np.ndarray, first: int, second: int) -> np.ndarray:
    return np.linalg.norm(points[..., first, :] - points[..., second, :], axis=-1)
