"""Landmarks of many frames in little memory, that goes back to the system when they are no longer needed."""

from __future__ import annotations

import mmap
from dataclasses import dataclass

import numpy as np

from visavox.types import NUM_LANDMARKS

LANDMARK_STEP = 1 / 64
"""Landmarks are rounded to this part of a pixel, a tenth of their jitter, so that a track file holds them exactly."""
FACES_PER_BLOCK = 512
"""Faces for which memory is taken at a time: 1.5 MB."""


@dataclass(frozen=True, slots=True)
class KeptLandmarks:
    """Landmarks of one face, rounded to `LANDMARK_STEP`."""

    offsets: np.ndarray
    """int16 (478, 3), in steps from the origin; int32 for a face of more than a thousand pixels."""
    origin: np.ndarray
    """int32 (3,), in steps: about the middle of the face."""

    def decode(self) -> np.ndarray:
        """Return them as float32 (478, 3), in pixels."""
        result: np.ndarray = ((self.offsets + self.origin) * LANDMARK_STEP).astype(np.float32)
        return result


class LandmarkStore:
    """Keeps landmarks in blocks that go back to the system once nobody refers to a part of them.

    Ten minutes of one face are 43 MB. Small arrays, one for each frame, would stay with the process when they are
    freed, beside the arrays of the track that they are copied to.
    """

    def __init__(self) -> None:
        self._block = np.empty((0, NUM_LANDMARKS, 3), dtype=np.int16)
        self._used = 0

    def keep(self, landmarks: np.ndarray) -> KeptLandmarks:
        """Keep finite (478, 3) landmarks, in pixels."""
        steps = np.rint(np.asarray(landmarks, np.float32) / np.float32(LANDMARK_STEP)).astype(np.int32)
        origin = (steps.min(axis=0) + steps.max(axis=0)) // 2
        steps -= origin
        if np.abs(steps).max() >= 2**15:
            return KeptLandmarks(steps, origin)
        if self._used == len(self._block):
            # Mapped, not allocated: the C library keeps freed blocks of this size once it has seen larger ones.
            block = mmap.mmap(-1, 2 * FACES_PER_BLOCK * NUM_LANDMARKS * 3)
            self._block = np.frombuffer(block, np.int16).reshape(FACES_PER_BLOCK, NUM_LANDMARKS, 3)
            self._used = 0
        kept = self._block[self._used]
        self._used += 1
        kept[...] = steps
        return KeptLandmarks(kept, origin)
