"""Detection of cuts between shots.

A cut is a frame that differs from the last one far more than its neighbours do among themselves, and after which the
frame does not come back (a flash does). Slow changes (a pan, a dissolve) are not cuts: the face can be followed
through them, or is lost in them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np

from visavox.face.track.association import Sighting

THUMBNAIL = (64, 36)
"""Width and height to which frames are shrunk before they are compared."""
MIN_SAMPLES = (256, 144)
"""Columns and rows that are looked at, at least, in larger frames."""
MIN_DIFFERENCE = 4.0
"""Least mean difference of the thumbnails (0-255) over a cut."""
MIN_RATIO = 2.5
"""Least ratio of the difference over a cut to those around it."""
NEIGHBORS = 6
"""Frames before and after that count as around it."""
TOLERATED_NEIGHBORS = 1
"""As many of these may differ as much, on either side: shots can be a few frames short."""
RETURN_FRAMES = 3
"""Frames after which a flash is over."""


class CutDetector:
    """Compares each frame with the last ones; tells at once where there may be a cut, and at the end where one is."""

    def __init__(self) -> None:
        self._recent: deque[np.ndarray] = deque(maxlen=RETURN_FRAMES + 2)
        self._differences: list[float] = []
        self._returns: list[float] = []

    def push(self, image: np.ndarray) -> bool:
        """Take the next frame, uint8 RGB (H, W, 3); True if it may begin a new shot (as the first one does)."""
        # One pixel of a few is enough for an average of hundreds, and ten times as fast in large frames.
        step = max(1, min(image.shape[0] // MIN_SAMPLES[1], image.shape[1] // MIN_SAMPLES[0]))
        sampled = np.ascontiguousarray(image[step // 2 :: step, step // 2 :: step])
        small = cv2.resize(sampled, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.int16)
        self._recent.append(small)
        if len(self._recent) == 1:
            self._differences.append(0.0)
            self._returns.append(np.inf)
            return True
        self._differences.append(_difference(small, self._recent[-2]))
        self._returns.append(np.inf)
        # A flash begins with a frame after which the one before it returns, and ends with one like that before.
        for age in range(3, len(self._recent) + 1):
            returned = _difference(small, self._recent[-age])
            for index in (len(self._differences) - 1, len(self._differences) - age + 1):
                self._returns[index] = min(self._returns[index], returned)
        before = self._differences[-1 - NEIGHBORS : -1]
        return self._stands_out(self._differences[-1], before)

    def shots(self) -> np.ndarray:
        """Number of the shot of each frame so far: int32 (T,), from 0."""
        cuts = np.zeros(len(self._differences), dtype=np.int32)
        for index in range(1, len(cuts)):
            value = self._differences[index]
            before = self._differences[max(1, index - NEIGHBORS) : index]
            after = self._differences[index + 1 : index + 1 + NEIGHBORS]
            comes_back = self._returns[index] < value / MIN_RATIO
            if self._stands_out(value, before) and self._stands_out(value, after) and not comes_back:
                cuts[index] = 1
        return np.cumsum(cuts, dtype=np.int32)

    @staticmethod
    def _stands_out(value: float, neighbors: list[float]) -> bool:
        if value < MIN_DIFFERENCE:
            return False
        calm = sorted(neighbors)[: max(0, len(neighbors) - TOLERATED_NEIGHBORS)]
        return not calm or value > MIN_RATIO * calm[-1]


def _difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first - second).mean())


CALM_MOVE = 0.02
"""Way of a face over a frame, in sizes of the face, that is nothing out of the ordinary."""
MAX_MOVE_RATIO = 3.0
"""Multiple of the usual movement that a face may make over a frame and still be said to move on."""
USUAL_FRAMES = 5
"""Frames before and after, over which the usual is taken."""


def without_disproved_cuts(shots: np.ndarray, seen: Sequence[Sequence[Sighting]]) -> np.ndarray:
    """Take out the cuts over which every face moves on undisturbed: what changed was a screen in the background.

    Args:
        shots: int32 (T,).
        seen: for each frame the faces seen in it.

    Returns:
        int32 (T,).
    """
    is_cut = np.diff(shots, prepend=shots[:1]) > 0
    for index in np.flatnonzero(is_cut).tolist():
        move = _largest_move(seen[index - 1], seen[index])
        around = range(max(1, index - USUAL_FRAMES), min(len(seen), index + USUAL_FRAMES + 1))
        moves = [_largest_move(seen[other - 1], seen[other]) for other in around if not is_cut[other]]
        usual = float(np.median([value for value in moves if np.isfinite(value)] or [0.0]))
        if move < max(CALM_MOVE, MAX_MOVE_RATIO * usual):
            is_cut[index] = False
    return np.cumsum(is_cut, dtype=np.int32)


def _largest_move(before: Sequence[Sighting], after: Sequence[Sighting]) -> float:
    """Largest way of a face from one frame to the next, in sizes; infinite if there is none, or another number."""
    if not before or len(before) != len(after):
        return np.inf
    return max(
        min(
            float(np.linalg.norm(face.landmarks[:, :2] - old.landmarks[:, :2], axis=1).mean()) / old.size
            for old in before
        )
        for face in after
    )
