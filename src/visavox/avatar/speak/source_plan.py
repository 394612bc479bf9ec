"""Endless plan of source frames: extends the video that a head is pasted into to any length without a jump.

A stretch of the video is played from one end to the other, and then the next one, forward or backward. Where one
ends and the next begins, the head is nearly at the same place and moves nearly alike, and for some frames both are
seen: the one fades into the other while the head goes from the pose of the one to that of the other, as softly as in
`pose_track`. A stretch that finds no near neighbour is played back again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from visavox.avatar.speak.pose_track import ARM, STAY, frames_of_travel, pose_between, reach, usual_speed, way_between
from visavox.types import HeadPose

FADE = 10
"""Frames in which two stretches are seen together."""
LONGEST_FADE = 25
"""The same where the head is further away than the person moves in that time."""
WINDOW = 25
"""Frames at either end of a stretch among which a place to enter or to leave it is looked for."""
NEAR = 0.5
"""Centimetres: a stretch whose way to the next is longer is played to and fro for a while before it is left."""
REPEATED = 0.5
"""Centimetres that a stretch that was played just now counts as further away; one that was not played for as many
joints as there are stretches counts as near as it is."""


@dataclass(frozen=True)
class Segment:
    """Frames that follow one another, in a stretch of the video."""

    stretch: int
    """Number of the stretch."""
    first: int
    """The first frame, of those of the performance."""
    step: int
    """1: forward; -1: backward; 0: the same frame again and again."""
    num_frames: int
    """Number of frames, those included that are seen together with a neighbour's."""
    fade: int = 0
    """Number of them, at the beginning, that are seen together with the last ones of the segment before."""

    @property
    def frames(self) -> np.ndarray:
        """Numbers of the frames, int64 (num_frames,)."""
        return self.first + self.step * np.arange(self.num_frames)


@dataclass(frozen=True)
class SourcePlan:
    """Source frames of T frames: one each, or two that fade into each other."""

    segments: tuple[Segment, ...]
    """The segments, one after the other."""
    first: np.ndarray
    """int64 (T,): number of the frame, in the performance."""
    second: np.ndarray
    """int64 (T,): number of the frame that it fades into; the same where there is but one."""
    share: np.ndarray
    """float64 (T,) in [0, 1): how much of the second is seen."""

    @property
    def num_frames(self) -> int:
        """Frames in all."""
        return len(self.first)

    @property
    def num_stretches(self) -> int:
        """Different stretches that are seen."""
        return len({segment.stretch for segment in self.segments})

    def pose(self, pose: HeadPose) -> HeadPose:
        """Return the pose of the head, T frames, from that of the whole performance."""
        turns = Rotation.from_matrix(pose.rotations)
        turned, placed = pose_between(turns, pose.translations, self.first, self.second, self.share)
        return HeadPose(turned.as_matrix().astype(np.float32), placed.astype(np.float32), pose.frame_size)


def plan_source(
    pose: HeadPose, stretches: Sequence[tuple[int, int]], num_frames: int, seed: int = 0, *, in_order: bool = False
) -> SourcePlan:
    """Choose frames of the video for as long as is needed; more frames begin with the segments of fewer.

    Args:
        pose: of the video.
        stretches: intervals [start, stop) of it in which time goes on and the face is seen, one or more.
        num_frames: frames wanted.
        seed: with which of several stretches of one length it begins.
        in_order: play one stretch after the other as they are, and back from the last one: they belong to one video.
    """
    segments: list[Segment] = []
    made = 0
    for segment in _Walk(pose, stretches, seed, in_order).segments():
        segments.append(segment)
        made += segment.num_frames - segment.fade
        if made >= num_frames:
            break
    segments[-1] = replace(segments[-1], num_frames=segments[-1].num_frames - (made - num_frames))
    return _laid_out(segments)


def fade_shares(count: int) -> np.ndarray:
    """Return the share of the second of two segments while both are seen, float64 (count,), rising."""
    return reach(np.arange(1, count + 1) / (count + 1))


def _laid_out(segments: list[Segment]) -> SourcePlan:
    """Put segments one after the other."""
    first, second, share = [segments[0].frames], [segments[0].frames], [np.zeros(segments[0].num_frames)]
    for before, segment in pairwise(segments):
        if segment.fade:
            second[-1][-segment.fade :] = segment.frames[: segment.fade]
            share[-1][-segment.fade :] = fade_shares(segment.fade)
        first.append(segment.frames[segment.fade :])
        second.append(segment.frames[segment.fade :])
        share.append(np.zeros(segment.num_frames - segment.fade))
        assert segment.fade <= before.num_frames - before.fade
    return SourcePlan(tuple(segments), *(np.concatenate(column) for column in (first, second, share)))


@dataclass(frozen=True)
class _Joint:
    """A way out of a stretch and into another one."""

    leave: int
    """Frames that are played before both are seen, those of the fade before it included."""
    fade: int
    """Frames in which both are seen."""
    way: float
    """Centimetres between them."""
    stretch: int
    """The other one."""
    first: int
    """Its first frame."""
    step: int
    """Direction in which it goes on: 1 or -1."""


class _Walk:
    """Goes through the stretches of a video for ever."""

    def __init__(self, pose: HeadPose, stretches: Sequence[tuple[int, int]], seed: int, in_order: bool) -> None:
        self._turns, self._translations = Rotation.from_matrix(pose.rotations), pose.translations
        self._speed = usual_speed(self._turns, pose.translations, stretches)
        long_enough = [one for one in stretches if one[1] - one[0] >= 3 * FADE]
        self._stretches = long_enough or [max(stretches, key=lambda one: one[1] - one[0])]
        self._in_order = in_order
        turns = (self._turns * self._turns.mean().inv()).as_rotvec()
        self._places = np.concatenate([ARM * turns, pose.translations], axis=1)  # (T, 6), centimetres
        self._joints = 0
        self._last_played = np.full(len(self._stretches), -len(self._stretches))
        self._start = self._beginning(np.random.default_rng(seed))
        self._entries = self._find_entries()

    def segments(self) -> Iterator[Segment]:
        """Yield segments without end."""
        number, step, fade, played = self._start, 1, 0, 0
        start, stop = self._stretches[number]
        first = start
        while True:
            room = stop - first if step > 0 else first - start + 1
            if stop - start < 3:
                yield Segment(number, start, 0, STAY)
                continue
            self._last_played[number] = self._joints
            joint = self._best_joint(number, first, step, room, fade)
            if joint is None or (not self._in_order and joint.way > NEAR and played + room < STAY):
                yield Segment(number, first, step, room, fade)
                played += room
                first, step, fade = first + step * (room - 1), -step, min(FADE, (stop - start) // 3)
                continue
            yield Segment(number, first, step, joint.leave + joint.fade, fade)
            self._joints += 1
            number, first, step, fade, played = joint.stretch, joint.first, joint.step, joint.fade, 0
            start, stop = self._stretches[number]

    def _beginning(self, rng: np.random.Generator) -> int:
        """One of the longest stretches, not one in which the person sits elsewhere than usual."""
        lengths = np.array([stop - start for start, stop in self._stretches])
        if self._in_order:
            return int(np.argmax(lengths))
        means = np.array([self._places[start:stop].mean(axis=0) for start, stop in self._stretches])
        away = np.linalg.norm(means - np.median(means, axis=0), axis=1)
        longest = np.flatnonzero(lengths == lengths.max())
        usual = longest[away[longest] <= np.median(away[longest])]
        return int(rng.choice(usual))

    def _find_entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Places at which stretches can be entered: stretch (E,), frame (E,), step (E,), and plan (E, 18)."""
        rows = []
        for number, (start, stop) in enumerate(self._stretches):
            reached = np.arange(min(WINDOW, (stop - start) // 3))
            for frames, step in ((start + reached, 1), (stop - 1 - reached, -1)):
                rows += [(number, int(frame), step) for frame in frames]
        if not rows:
            rows = [(0, self._stretches[0][0], 1)]
        stretch, frame, step = np.array(rows).T
        return stretch, frame, step, self._movements(frame, step)

    def _movements(self, frames: np.ndarray, step: np.ndarray | int) -> np.ndarray:
        """Return the poses at the beginning, in the middle and at the end of a fade, float64 (N, 18).

        Two that are alike are so in place and in movement.
        """
        last = len(self._places) - 1
        seen = [self._places[np.clip(frames + step * time, 0, last)] for time in (0, FADE // 2, FADE - 1)]
        return np.asarray(np.concatenate(seen, axis=1) / np.sqrt(len(seen)))

    def _best_joint(self, number: int, first: int, step: int, room: int, fade: int) -> _Joint | None:
        """The nearest way to another stretch, from a segment with `room` frames to the end, of which `fade` are a
        fade.
        """
        stretch, frame, entry_step, movements = self._entries
        length = self._stretches[number][1] - self._stretches[number][0]
        earliest = max(fade, room - FADE - min(WINDOW, length // 3))
        leaves = np.arange(earliest, room - FADE + 1)
        allowed = np.flatnonzero(
            (stretch == number + step) & (entry_step == step) if self._in_order else stretch != number
        )
        if not len(allowed) or not len(leaves):
            return None
        ways = cdist(self._movements(first + step * leaves, step), movements[allowed])
        age = self._joints - self._last_played[stretch[allowed]]
        repeated = REPEATED * np.clip(1 - age / len(self._stretches), 0, None)
        row, column = np.unravel_index(np.argmin(ways + repeated), ways.shape)
        leave, entry = int(leaves[row]), int(allowed[column])
        to, entered, onward = int(stretch[entry]), int(frame[entry]), int(entry_step[entry])
        return self._lengthened(
            _Joint(leave, FADE, float(ways[row, column]), to, entered, onward), first, step, fade, length
        )

    def _lengthened(self, joint: _Joint, first: int, step: int, fade: int, length: int) -> _Joint:
        """The same joint, beginning earlier where the head has further to go than the person moves in the time."""
        way = way_between(self._turns, self._translations, first + step * joint.leave, joint.first)
        start, stop = self._stretches[joint.stretch]
        most = min(LONGEST_FADE, length // 3, (stop - start) // 3)
        wanted = min(max(FADE, frames_of_travel(way, self._speed)), max(FADE, most))
        leave = max(fade, joint.leave - (wanted - FADE))
        return replace(joint, leave=leave, fade=joint.leave - leave + FADE)
