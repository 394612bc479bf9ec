"""Which frame of one video belongs to which of another, and reading them side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction

import numpy as np

from visavox.types import Frame, PathLike


def pair_times(times: Sequence[Fraction], other: Sequence[Fraction]) -> np.ndarray:
    """Find for every frame the frame of another video that is shown nearest in time.

    Args:
        times: T presentation times in seconds, in order.
        other: the same of the other video.

    Returns:
        int64 (T,): indices into `other`; -1 where the nearest is further away than the distance of its frames,
        which is past the end of a shorter video.

    >>> pair_times([Fraction(k, 25) for k in range(4)], [Fraction(k, 50) for k in range(5)]).tolist()
    [0, 2, 4, -1]
    """
    first, second = np.array([float(t) for t in times]), np.array([float(t) for t in other])
    if len(second) == 0 or len(first) == 0:
        return np.full(len(first), -1)
    after = np.clip(np.searchsorted(second, first), 1, max(len(second) - 1, 1))
    after = np.minimum(after, len(second) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(first - second[before] <= second[after] - first, before, after)
    period = float(np.median(np.diff(second))) if len(second) > 1 else np.inf
    return np.where(np.abs(second[nearest] - first) < 0.999 * period, nearest, -1)


def frame_rate(times: Sequence[Fraction]) -> float:
    """Frames a second, from the median distance of presentation times; 0 for a single picture."""
    if len(times) < 2:
        return 0.0
    period = float(np.median(np.diff([float(time) for time in times])))
    return 1 / period if period > 0 else 0.0


def read_in_step(
    path: PathLike, partners: Sequence[tuple[PathLike, np.ndarray] | None]
) -> Iterator[tuple[Frame, list[Frame | None]]]:
    """Read a video frame by frame, each with its partners in other videos, all streamed.

    Args:
        path: the leading video.
        partners: for each other video its path and (T,) the index of the partner of every frame, never falling,
            -1 for none; or None.

    Yields:
        a frame of the leading video, and for every other video the partner's frame, or None.
    """
    from visavox.media import VideoReader

    with ExitStack() as stack:
        followers: list[_Follower | None] = []
        for partner in partners:
            if partner is None:
                followers.append(None)
            else:
                reader = stack.enter_context(VideoReader(partner[0]))
                followers.append(_Follower(iter(reader), partner[1]))
        for frame in stack.enter_context(VideoReader(path)):
            yield frame, [follower.partner(frame.index) if follower else None for follower in followers]


class _Follower:
    """Reads on in a video up to the frames that are asked for, in order."""

    def __init__(self, frames: Iterator[Frame], indices: np.ndarray) -> None:
        self._frames = frames
        self._indices = indices
        self._current: Frame | None = None

    def partner(self, index: int) -> Frame | None:
        wanted = int(self._indices[index]) if index < len(self._indices) else -1
        if wanted < 0:
            return None
        while self._current is None or self._current.index < wanted:
            following = next(self._frames, None)
            if following is None:
                return None
            self._current = following
        return self._current
