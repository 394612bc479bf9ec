"""Speech features: rows of numbers, 50 a second, two for each video frame of 25 a second.

Row k describes the audio around (k + 0.5) / 50 s, so rows 2 t and 2 t + 1 describe the audio that is heard while video
frame t is shown. A recording that ends within a frame has both rows of it: past the last sample it is heard reflected,
never followed by zeros, which would be a signal of their own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

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
    """Turn sample numbers outside of a recording into those that are mirrored there, the edge itself not repeated.

    Args:
        indices: int (any shape), of any sign.
        num_samples: length of the recording.

    Returns:
        int (same shape) in [0, num_samples).
    """
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
        raise InputError("the sound holds numbers that are not finite; the audio file is damaged: decode it again")
    return array.astype(np.float32, copy=False)


_BLOCK_SAMPLES = 30 * SAMPLE_RATE
"""Samples that a whole recording is pushed in."""


class FeatureStream(Protocol):
    """Features of a recording that arrives in pieces of any length."""

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Take the next samples, float (n,) in [-1, 1]; return float32 (k, C) for the k rows that are now known."""
        ...

    def flush(self) -> np.ndarray:
        """Return float32 (k, C): the rows that were waiting for samples that will not come; then start again."""
        ...


class SpeechFeatures(ABC):
    """Turns audio into rows of numbers; the head of this module gives the time of each row."""

    name: str
    """Names that `load_features` takes."""
    size: int
    """Columns C."""
    level_columns: int = 0
    """The first so many columns rise by 1 where the audio is 12.5 dB louder, in [-4, 4]: for augmentation."""

    @abstractmethod
    def stream(self) -> FeatureStream:
        """Begin a recording that arrives in pieces; its memory does not grow."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Text that changes whenever the numbers do: for names of files that keep them."""

    def of(self, audio: np.ndarray) -> np.ndarray:
        """Features of a whole recording: the very rows that `stream` gives.

        Args:
            audio: float (N,), 16 kHz mono in [-1, 1], N >= 1.

        Returns:
            float32 (K, C), K = 2 ceil(N / 640).

        Raises:
            InputError: the recording is empty, has more than one channel, or holds a number that is not finite.
        """
        samples = checked_samples(audio)
        if len(samples) == 0:
            raise InputError("the sound has no length; give a recording of speech")
        stream = self.stream()
        starts = range(0, len(samples), _BLOCK_SAMPLES)
        rows = [stream.push(samples[start : start + _BLOCK_SAMPLES]) for start in starts]
        return np.concatenate([*rows, stream.flush()])

    def silent_row(self) -> np.ndarray:
        """Return a row of digital silence, float32 (C,), from the middle of a second of it."""
        rows = self.of(np.zeros(SAMPLE_RATE, np.float32))
        middle: np.ndarray = rows[len(rows) // 2]
        return middle
