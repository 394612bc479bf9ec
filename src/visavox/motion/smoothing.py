"""Less trembling in a motion, without taking away what lips do.

Any average over time eats what is short: a mouth that shuts for two frames on an /m/ stays a little open. So a frame is
averaged only with neighbours that show about the same (a bilateral filter over time; Tomasi and Manduchi, "Bilateral
Filtering for Gray and Color Images", ICCV 1998), judged for lips, eyes and the rest of the face on their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from visavox.types import Motion

PARTS = {"face": slice(0, 36), "eyes": slice(36, 48), "mouth": slice(48, 68)}
"""Points of the 68 that are judged together."""


@dataclass(frozen=True)
class SmoothingSettings:
    """How a motion is smoothed."""

    seconds: float = 0.05
    """Standard deviation over time; 0 changes nothing."""
    tremble: float = 0.06
    """Centimetres: how far apart two frames may be to be averaged (standard deviation, of the point that moves most).
    Trembling is 0.02 to 0.05; a lip that moves goes 0.1 and more from frame to frame."""


def smooth_motion(motion: Motion, settings: SmoothingSettings | None = None) -> Motion:
    """Smooth a motion where it rests, and leave it alone where it moves.

    Args:
        motion: T frames.
        settings: see `SmoothingSettings`.

    Returns:
        A new motion; what the person looks like (`neutral`) stays.
    """
    settings = settings or SmoothingSettings()
    spread = settings.seconds * float(motion.rate)
    if spread <= 0:
        return motion
    smoothed = motion.displacements.copy()
    for part in PARTS.values():
        smoothed[:, part] = _bilateral(motion.displacements[:, part].astype(np.float64), spread, settings.tremble)
    return replace(motion, displacements=smoothed)


def _bilateral(values: np.ndarray, spread: float, tremble: float) -> np.ndarray:
    """Average (T, L, 3) over time, weighted by how near and how alike two frames are."""
    reach = min(int(np.ceil(2.5 * spread)), len(values) - 1)
    total, weights = values.copy(), np.ones(len(values))
    for step in range(1, reach + 1):
        earlier, later = values[:-step], values[step:]
        apart = np.linalg.norm(later - earlier, axis=-1).max(axis=1)
        weight = np.exp(-(step**2) / (2 * spread**2) - apart**2 / (2 * tremble**2))
        total[step:] += weight[:, None, None] * earlier
        total[:-step] += weight[:, None, None] * later
        weights[step:] += weight
        weights[:-step] += weight
    return total / weights[:, None, None]
