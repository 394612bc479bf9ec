"""Playback of the source video: the timeline, as long as the audio, and a player that reads its frames in that order.

Videos are played backwards too, with memory that does not depend on their length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

import numpy as np

from visavox.dubbing.settings import Extend, Tail
from visavox.errors import InputError
from visavox.media import SegmentReader, VideoInfo, VideoReader

_MEMORY = 96 << 20
"""Bytes of decoded images that are held for playing backwards: 36 frames of 720p."""
_FEWEST = 8
"""Images that are read at a time even where they are larger."""


class Moment(NamedTuple):
    """One frame of the output."""

    frame: int
    """Number of the source frame that is shown."""
    time: Fraction
    """Seconds from the start of the output."""


@dataclass(frozen=True)
class Run:
    """A stretch of output that plays source frames in one direction."""

    direction: Literal["forward", "backward", "hold"]
    """hold shows one frame again and again."""
    first: int
    """Source frame that is shown first."""
    times: tuple[Fraction, ...]
    """Output time of each frame of the run."""

    @property
    def step(self) -> int:
        """Source frames from one output frame to the next."""
        return {"forward": 1, "backward": -1, "hold": 0}[self.direction]

    @property
    def last(self) -> int:
        """Source frame that is shown last."""
        return self.first + self.step * (len(self.times) - 1)

    def moments(self) -> Iterator[Moment]:
        """The frames of the run, in order."""
        for count, time in enumerate(self.times):
            yield Moment(self.first + self.step * count, time)


@dataclass(frozen=True)
class Timeline:
    """The plan of an output video."""

    runs: tuple[Run, ...]
    """Runs of source frames, in order; the first run always goes forward from frame 0."""
    duration: Fraction
    """Seconds of the output."""
    speech_end: Fraction
    """Seconds from which on nobody speaks any more; `duration` where speech fills all of it."""
    decisions: tuple[str, ...]
    """Decisions about the length, in words for the user."""

    @property
    def num_frames(self) -> int:
        """Number of frames of the output."""
        return sum(len(run.times) for run in self.runs)

    def moments(self) -> Iterator[Moment]:
        """All frames of the output, in order."""
        for run in self.runs:
            yield from run.moments()


def plan_timeline(
    times: Sequence[Fraction],
    period: Fraction,
    speech: Fraction,
    *,
    extend: Extend,
    tail: Tail,
    declared: Fraction | None = None,
) -> Timeline:
    """Fit a video to a recording.

    Args:
        times: when each source frame is shown, from 0 on, growing.
        period: seconds for which the last frame is shown, and of frames that have no time of their own.
        speech: seconds of the recording.
        extend: what to do where the video is shorter.
        tail: what to do where the recording is shorter.
        declared: seconds of the whole video, where `times` may be those of its beginning only.
    """
    video = times[-1] + period
    if speech > video:
        return _extended(times, period, speech, extend)
    if video - speech < period or tail != "cut":
        # Less than a frame too long is no difference that anybody could mean.
        runs = (Run("forward", 0, tuple(times)),)
        return Timeline(runs, video, speech, _tail_decision(video, speech, period, tail))
    whole = max(video, declared or video)
    kept = tuple(time for time in times if time < speech)
    return Timeline((Run("forward", 0, kept),), speech, speech, _tail_decision(whole, speech, period, tail))


def _tail_decision(video: Fraction, speech: Fraction, period: Fraction, tail: Tail) -> tuple[str, ...]:
    if video - speech < period:
        return ()
    longer = f"the video was {float(video - speech):.2f} s longer than the sound"
    what = {
        "cut": "it ends with the sound (--tail original or silent keeps the rest)",
        "original": "the rest plays as it was",
        "silent": "the rest plays with a resting mouth",
    }[tail]
    return (f"{longer}: {what}",)


def _extended(times: Sequence[Fraction], period: Fraction, speech: Fraction, extend: Extend) -> Timeline:
    video = times[-1] + period
    missing = speech - video
    shorter = f"the video was {float(missing):.2f} s shorter than the sound"
    runs = [Run("forward", 0, tuple(times))]
    if len(times) == 1:  # a photograph stands still, whatever `extend` says
        return Timeline((*runs, *_held(0, times[0], period, speech)), speech, speech, ())
    if extend == "stop":
        decisions = (f"{shorter}: the sound was cut",) if missing >= period else ()
        return Timeline(tuple(runs), video, video, decisions)
    if extend == "freeze":
        runs += _held(len(times) - 1, times[-1], period, speech)
        what = "its last frame is held"
    elif extend == "loop":
        runs += _looped(times, video, speech)
        what = "it plays again from its start"
    else:
        runs += _back_and_forth(times, speech)
        what = "it plays backwards and forwards"
    decisions = (f"{shorter}: {what}",) if missing >= period else ()
    return Timeline(tuple(runs), speech, speech, decisions)


def _held(index: int, shown: Fraction, period: Fraction, end: Fraction) -> list[Run]:
    count = -((shown - end) // period) - 1  # the last one begins before the end
    times = tuple(shown + k * period for k in range(1, count + 1))
    return [Run("hold", index, times)] if times else []


def _looped(times: Sequence[Fraction], video: Fraction, end: Fraction) -> list[Run]:
    runs = []
    begin = video
    while begin < end:
        runs.append(Run("forward", 0, tuple(begin + time for time in times if begin + time < end)))
        begin += video
    return runs


def _back_and_forth(times: Sequence[Fraction], end: Fraction) -> list[Run]:
    """Mirror the times at both ends: neighbours in the output are neighbours in the source."""
    span = times[-1] - times[0]
    runs: list[Run] = []
    turn = times[-1]
    backward = True
    while True:
        if backward:
            shown = tuple(turn + times[-1] - time for time in reversed(times[:-1]))
            run = Run("backward", len(times) - 2, tuple(time for time in shown if time < end))
        else:
            shown = tuple(turn + time - times[0] for time in times[1:])
            run = Run("forward", 1, tuple(time for time in shown if time < end))
        if not run.times:
            return runs
        runs.append(run)
        turn += span
        backward = not backward


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
            " leave out --track, or make it again with `visavox track`"
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
