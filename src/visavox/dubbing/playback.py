"""Plays the frames of a timeline, backwards too, with memory that does not depend on the length of the video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from visavox.dubbing.timeline import Moment, Run, Timeline
from visavox.errors import InputError
from visavox.media import VideoInfo, VideoReader
from visavox.media.segment import SegmentReader

_MEMORY = 96 << 20
"""Bytes of decoded images that are held for playing backwards: 36 frames of 720p."""
_FEWEST = 8
"""Images that are read at a time even where they are larger."""


class Player:
    """Gives the source frame of each moment of a timeline, in order.

    Args:
        info: the video.
        times: when each of its frames is shown.
        timeline: what to play.

    Attributes:
        truncated: whether the file broke off before its declared end; certain once everything was played.
    """

    def __init__(self, info: VideoInfo, times: Sequence[Fraction], timeline: Timeline) -> None:
        self.truncated = False
        self._info = info
        self._times = times
        self._timeline = timeline
        self._per_read = max(_FEWEST, _MEMORY // (info.width * info.height * 3))
        # A short clip that is played more than once is decoded once.
        self._cache: list[np.ndarray] | None = None
        if len(timeline.runs) > 1 and len(times) <= self._per_read:
            self._cache = []

    def __iter__(self) -> Iterator[tuple[Moment, np.ndarray]]:
        """Yield each moment with its frame, uint8 RGB (H, W, 3), that the caller may change."""
        last: np.ndarray | None = None
        for number, run in enumerate(self._timeline.runs):
            keep_last = number + 1 < len(self._timeline.runs) and self._timeline.runs[number + 1].direction == "hold"
            for moment, image in zip(run.moments(), self._images(number, run, last), strict=True):
                if keep_last and moment.frame == run.last:
                    last = image.copy()
                yield moment, image

    def _images(self, number: int, run: Run, last: np.ndarray | None) -> Iterator[np.ndarray]:
        if run.direction == "hold" and last is not None:
            return (last.copy() for _ in run.times)
        if number > 0 and self._cache is not None:
            cache = self._cache
            return (cache[moment.frame].copy() for moment in run.moments())
        if run.direction == "backward":
            return self._backward(run)
        return self._forward(run, is_first=number == 0)

    def _forward(self, run: Run, *, is_first: bool) -> Iterator[np.ndarray]:
        start = self._times[run.first] if run.first else None
        with VideoReader(self._info.path, start=start) as reader:
            for index in range(run.first, run.last + 1):
                frame = next(reader, None)
                if frame is None or frame.time != self._times[index]:
                    raise self._mismatch(index)
                if is_first and self._cache is not None:
                    self._cache.append(frame.image.copy())
                yield frame.image
            if is_first and run.last == len(self._times) - 1:
                next(reader, None)  # only at its end does the reader know how it ended
                self.truncated = reader.truncated

    def _backward(self, run: Run) -> Iterator[np.ndarray]:
        """Read a few frames at a time, from the last ones on, and give them in reverse."""
        with SegmentReader(self._info) as reader:
            stop = run.first + 1
            while stop > run.last:
                start = max(run.last, stop - self._per_read)
                images = reader.read(self._times[start:stop])
                while images:
                    yield images.pop()
                stop = start

    def _mismatch(self, index: int) -> InputError:
        return InputError(
            f"the track does not fit {self._info.path} (from frame {index} on); it was made from another video:"
            " leave out --track, or make it anew with `visavox track`"
        )


def read_indices(
    info: VideoInfo, times: Sequence[Fraction], indices: Sequence[int]
) -> Iterator[tuple[int, np.ndarray]]:
    """Read single frames of a video.

    Args:
        info: the video.
        times: when each of its frames is shown.
        indices: numbers of the wanted frames, growing.

    Yields:
        number and frame, uint8 RGB (H, W, 3).
    """
    with SegmentReader(info) as reader:
        for first, stop in _neighbours(indices):
            group = indices[first:stop]
            yield from zip(group, reader.read([times[index] for index in group]), strict=True)


def _neighbours(indices: Sequence[int], gap: int = 8) -> Iterator[tuple[int, int]]:
    """Split growing numbers into groups that one read should cover."""
    first = 0
    for position in range(1, len(indices) + 1):
        if position == len(indices) or indices[position] - indices[position - 1] > gap:
            yield first, position
            first = position
