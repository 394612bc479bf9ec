"""A motion made steadier, or brought nearer to the faces of one person.

`smooth_motion` averages a frame with neighbours that show about the same (a bilateral filter over time; Tomasi and
Manduchi, "Bilateral Filtering for Gray and Color Images", ICCV 1998), measured for lips, eyes and the rest of the face
on their own. A plain average over time eats what is short: a mouth that shuts for two frames on an /m/ would stay a
little open.

`FaceProjection` describes a predicted frame as the weighted sum of its nearest frames in the person's video, with the
weights that sum to one and reconstruct it best (locally linear embedding: Roweis and Saul, Science 2000), and moves it
there by a share of the way (Ye et al., "GeneFace++", 2023). A face that this person never makes is pulled back; one
that they do make stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from visavox.errors import InputError
from visavox.runtime.ranges import Range, check_ranges
from visavox.types import Motion

PARTS = {"face": slice(0, 36), "eyes": slice(36, 48), "mouth": slice(48, 68)}
"""Points of the 68 that are compared together."""


@dataclass(frozen=True)
class SmoothingSettings:
    """Strength of the smoothing over time."""

    seconds: float = 0.05
    """Standard deviation over time; 0 changes nothing."""
    tremble: float = 0.06
    """Centimetres: how far apart two frames may be to be averaged (standard deviation, of the point that moves most).
    Trembling is 0.02 to 0.05; a lip that moves goes 0.1 and more from frame to frame."""


def smooth_motion(motion: Motion, settings: SmoothingSettings | None = None) -> Motion:
    """Smooth a motion where it rests, and leave it as it is where it moves.

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


NUM_POINTS = 68
LIPS_START = 48
"""The first of the points of the lips, which are the last of the 68."""
_REGULARISATION = 1e-3
"""Of the weights, against the mean squared distance of the neighbours: near doubles leave them undetermined."""
_BLOCK_FRAMES = 256
"""Frames whose distances to all of the person's are in memory at a time."""
_MOST_FRAMES = 20_000
"""Of the person's video: from more of them, so many are taken, evenly spaced."""


@dataclass(frozen=True)
class ProjectionSettings:
    """Share and neighbourhood of the projection onto one person's frames."""

    share: Annotated[float, Range(0, 1, lowest="off", name="the share of the projection")] = 0.0
    """Share of the way, 0 (off) to 1 (every frame is a sum of the person's own)."""
    neighbours: Annotated[int, Range(minimum=2, example=10, name="the number of neighbours")] = 10
    """Frames of the person that a frame is described by."""
    lips: bool = False
    """Project the lips too. Neighbours that mean out a closure open it, so they are left alone unless asked for."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)


class FaceProjection:
    """Projects displacements onto those of one person; leaves its argument as it is.

    Args:
        frames: float (F, 68, 3), displacements of the frames in which the person was seen, centimetres.
        settings: how far.

    Raises:
        InputError: there are fewer frames than neighbours are asked for.
    """

    def __init__(self, frames: np.ndarray, settings: ProjectionSettings | None = None) -> None:
        self.settings = settings or ProjectionSettings()
        if len(frames) < self.settings.neighbours:
            raise InputError(
                f"the person was seen in {len(frames)} frames, too few for {self.settings.neighbours} neighbours; give "
                "more video, or fewer neighbours"
            )
        step = -(-len(frames) // _MOST_FRAMES)
        self._last = NUM_POINTS if self.settings.lips else LIPS_START
        self._frames = self._flat(frames[::step])
        self._squares = (self._frames**2).sum(axis=1)

    def __call__(self, displacements: np.ndarray) -> np.ndarray:
        """Return float32 (T, 68, 3): displacements (T, 68, 3) of that person's neutral face, moved by the share."""
        projected = np.array(displacements, dtype=np.float32)
        if self.settings.share == 0:
            return projected
        for start in range(0, len(projected), _BLOCK_FRAMES):
            block = projected[start : start + _BLOCK_FRAMES, : self._last]
            block += self.settings.share * (self._project(self._flat(block)).reshape(block.shape) - block)
        return projected

    def _flat(self, displacements: np.ndarray) -> np.ndarray:
        return displacements[:, : self._last].reshape(len(displacements), -1).astype(np.float64)

    def _project(self, queries: np.ndarray) -> np.ndarray:
        """Sums of neighbours, float64 (B, D), that are nearest to queries (B, D)."""
        number = self.settings.neighbours
        distances = self._squares - 2 * queries @ self._frames.T  # less the square of the query, which ranks nothing
        nearest = np.argpartition(distances, number - 1, axis=1)[:, :number]
        neighbours = self._frames[nearest]  # (B, K, D)
        apart = neighbours - queries[:, None]
        gram = apart @ apart.swapaxes(1, 2)  # (B, K, K)
        spread = np.trace(gram, axis1=1, axis2=2)[:, None, None] / number
        gram += (_REGULARISATION * spread + 1e-12) * np.eye(number)
        weights = np.linalg.solve(gram, np.ones((len(queries), number, 1)))
        weights /= weights.sum(axis=1, keepdims=True)
        return np.asarray((weights * neighbours).sum(axis=1))
