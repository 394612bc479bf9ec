"""The rows of speech features: 50 a second, two for each video frame of 25 a second.

Row k describes the sound around (k + 0.5) / 50 s, so rows 2 t and 2 t + 1 describe the sound that is heard while video
frame t is shown. A recording that ends within a frame has both rows of it: past the last sample it is heard reflected,
never followed by zeros, which would be a sound of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visavox.audio.features.mel import MelGrid, exact_division
from visavox.constants import SAMPLE_RATE
from visavox.errors import InputError

ROWS_PER_SECOND = 50
ROWS_PER_FRAME = 2
"""Rows that belong to one video frame of 25 a second."""
ROW_SIZE = exact_division(SAMPLE_RATE, ROWS_PER_SECOND)
"""Samples from one row to the next: 20 ms."""
ROW_MIDDLE = exact_division(ROW_SIZE, 2)
"""Row k is centred on sample ROW_SIZE * k + ROW_MIDDLE."""


def num_rows(num_samples: int) -> int:
    """Return how many rows a recording of 16 kHz has: two for each video frame that it reaches into.

    >>> num_rows(640), num_rows(641), num_rows(16000)
    (2, 4, 50)
    """
    return ROWS_PER_FRAME * -(-num_samples // (ROWS_PER_FRAME * ROW_SIZE))


@dataclass(frozen=True)
class RowGrid(MelGrid):
    """Mel frames that are centred where the rows are."""

    hop: int = ROW_SIZE
    """Samples from one row to the next."""
    first: int = ROW_MIDDLE
    """The sample in the middle of row 0."""

    def num_frames(self, num_samples: int) -> int:
        """Return the number of rows."""
        return num_rows(num_samples)


def reflected(indices: np.ndarray, num_samples: int) -> np.ndarray:
    """Turn sample numbers outside of a recording into those that are heard there, the edge itself not repeated."""
    period = max(1, 2 * (num_samples - 1))
    inside = indices % period
    return np.minimum(inside, period - inside) if num_samples > 1 else np.zeros_like(indices)


def checked_samples(samples: np.ndarray) -> np.ndarray:
    """Return a piece of a recording as float32 (n,).

    Raises:
        InputError: it is not one channel of floating-point numbers, or holds one that is not finite.
    """
    array = np.asarray(samples)
    if array.ndim != 1:
        raise InputError(f"the sound has shape {array.shape}; it must be one channel, (N,)")
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"the sound holds {array.dtype}; it must be float in [-1, 1]: divide integers by 32768")
    if not np.isfinite(array).all():
        raise InputError("the sound holds numbers that are not finite; the audio file is damaged: decode it anew")
    return array.astype(np.float32, copy=False)
