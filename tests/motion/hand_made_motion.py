"""Motion made by hand: a face at rest whose mouth opens and whose eyes shut as they are told."""

from fractions import Fraction

import numpy as np

from visavox.face.geometry.motion import canonical_68
from visavox.motion.blink import LIDS
from visavox.types import Motion

LOWER_LIP = (55, 56, 57, 58, 59, 65, 66, 67)


def still(num_frames: int, rate: int = 25) -> Motion:
    displacements = np.zeros((num_frames, 68, 3), np.float32)
    displacements[:, :, 0] += 0.02 * np.sign(canonical_68()[:, 0])  # a little wider than most
    return Motion(displacements, np.ones(num_frames, np.float32), displacements[0].copy(), Fraction(rate))


def open_mouth(motion: Motion, opening: list[float] | np.ndarray) -> Motion:
    """Move the lower lip down by `opening` (T,), centimetres."""
    motion.displacements[:, LOWER_LIP, 1] -= np.asarray(opening, np.float32)[:, None]
    return motion


def shut_eyes(motion: Motion, closure: list[float] | np.ndarray) -> Motion:
    """Bring the upper lids down by `closure` (T,) of the gap."""
    points = canonical_68() + motion.displacements
    for upper, lower in LIDS:
        motion.displacements[:, upper] += np.asarray(closure)[:, None] * (points[:, lower] - points[:, upper])
    return motion


def lip_gap(motion: Motion) -> np.ndarray:
    """Distance of the inner lips, (T,) centimetres."""
    points = canonical_68() + motion.displacements
    return np.asarray(points[:, 62, 1] - points[:, 66, 1])
