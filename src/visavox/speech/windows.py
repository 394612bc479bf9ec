"""Windows of a recording for networks that see a stretch of it at a time.

A network's attention reaches over all that it is given, so its rows depend on where a window begins and ends. Windows
lie at the same places whether a recording is whole or arrives in pieces, so both give the same numbers: each has a
block of rows that are kept, and context on either side of it whose rows are thrown away.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from visavox.audio.features.speech_features import ROW_SIZE, ROWS_PER_SECOND, checked_samples, num_rows


@dataclass(frozen=True)
class FeatureWindow:
    """Windows into which a recording is cut for a network."""

    block: float
    """Seconds that are kept of each window. Shorter ones come sooner, and cost more for each second."""
    before: float
    """Seconds of context before the block."""
    after: float
    """Seconds of context after the block."""

    @property
    def block_rows(self) -> int:
        """Rows of the block."""
        return max(1, round(self.block * ROWS_PER_SECOND))

    @property
    def rows_before(self) -> int:
        """Rows of the context before the block."""
        return max(0, round(self.before * ROWS_PER_SECOND))

    @property
    def rows_after(self) -> int:
        """Rows of the context after the block."""
        return max(0, round(self.after * ROWS_PER_SECOND))


class WindowedStream(ABC):
    """Stream of features (`visavox.audio.features.FeatureStream`) from a network that takes one window at a time."""

    num_samples: int
    """Samples pushed so far."""
    next_row: int
    """The first row that is not known yet."""
    buffer: np.ndarray
    """float32 (n,), the last samples."""
    buffer_start: int
    """Number of the sample that the buffer begins with."""

    def __init__(self, window: FeatureWindow, size: int, overlap: int) -> None:
        """Begin a recording.

        Args:
            window: how it is cut.
            size: numbers of a row, C.
            overlap: samples that the network needs before the first and behind the last row of a window.
        """
        self.window, self.size, self.overlap = window, size, overlap
        self.reset()

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Take the next samples, float (n,) in [-1, 1]; return float32 (k, C) for the k rows that are now known."""
        piece = checked_samples(samples)
        self.buffer = np.concatenate([self.buffer, piece])
        self.num_samples += len(piece)
        rows = [np.zeros((0, self.size), np.float32)]
        while True:
            end = self.next_row + self.window.block_rows
            stop = end + self.window.rows_after
            if stop * ROW_SIZE + self.overlap > self.num_samples:
                return np.concatenate(rows)
            rows.append(self._block(end, stop))

    def flush(self) -> np.ndarray:
        """Return float32 (k, C): the rows that were waiting for samples that will not come; then begin again."""
        rows = [np.zeros((0, self.size), np.float32)]
        last = num_rows(self.num_samples)
        while self.next_row < last:
            end = min(last, self.next_row + self.window.block_rows)
            rows.append(self._block(end, min(last, end + self.window.rows_after)))
        self.reset()
        return np.concatenate(rows)

    @abstractmethod
    def rows(self, end: int, stop: int) -> np.ndarray:
        """Compute the rows from `next_row` to `end`, float32 (end - next_row, C).

        Args:
            end: the row behind the block.
            stop: the row behind the context, at most that behind the recording.
        """

    def reset(self) -> None:
        """Forget everything that was pushed."""
        self.num_samples, self.next_row, self.buffer_start = 0, 0, 0
        self.buffer = np.zeros(0, np.float32)

    def _block(self, end: int, stop: int) -> np.ndarray:
        rows = self.rows(end, stop)
        self.next_row = end
        # The last rows of all may need the audio reflected, by no more than a video frame and the overlap.
        drop = (end - self.window.rows_before - 4) * ROW_SIZE - self.overlap - self.buffer_start
        if drop > 0:
            self.buffer = self.buffer[drop:].copy()
            self.buffer_start += drop
        return rows
