"""Which frames of the footage a head is pasted into: for ever, without a jump.

A stretch of the footage is played from one end to the other, and then the next one, forward or backward. Where one
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
class Leg:
    """Frames that follow one another, in a stretch of the footage."""

    stretch: int
    """Number of the stretch."""
    first: int
    """The first frame, of those of the performance."""
    step: int
    """1: forward; -1: backward; 0: the same frame again and again."""
    num_frames: int
    """How many there are, those included that are seen together with a neighbour's."""
    fade: int = 0
    """How many of them, at the beginning, are seen together with the last ones of the leg before."""

    @property
    def frames(self) -> np.ndarray:
        """Numbers of the frames, int64 (num_frames,)."""
        return self.first + self.step * np.arange(self.num_frames)


@dataclass(frozen=True)
class FootageCourse:
    """What is seen of the footage in T frames: one frame of it, or two that fade into each other."""

    legs: tuple[Leg, ...]
    """Where it comes from, one after the other."""
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
        return len({leg.stretch for leg in self.legs})

    def pose(self, pose: HeadPose) -> HeadPose:
        """Where the head is, T frames, of the pose of the whole performance."""
        turns = Rotation.from_matrix(pose.rotations)
        turned, placed = pose_between(turns, pose.translations, self.first, self.second, self.share)
        return HeadPose(turned.as_matrix().astype(np.float32), placed.astype(np.float32), pose.frame_size)


def plan_course(
    pose: HeadPose, stretches: Sequence[tuple[int, int]], num_frames: int, seed: int = 0, *, in_order: bool = False
) -> FootageCourse:
    """Choose frames of the footage for as long as is needed; more frames begin with the legs of fewer.

    Args:
        pose: of the footage.
        stretches: intervals [start, stop) of it in which time goes on and the face is seen, one or more.
        num_frames: frames wanted.
        seed: with which of several stretches of one length it begins.
        in_order: play one stretch after the other as they are, and back from the last one: they belong to one video.
    """
    legs: list[Leg] = []
    made = 0
    for leg in _Walk(pose, stretches, seed, in_order).legs():
        legs.append(leg)
        made += leg.num_frames - leg.fade
        if made >= num_frames:
            break
    legs[-1] = replace(legs[-1], num_frames=legs[-1].num_frames - (made - num_frames))
    return _laid_out(legs)


def fade_shares(count: int) -> np.ndarray:
    """How much of the second of two legs is seen while they are seen together, float64 (count,), rising."""
    return reach(np.arange(1, count + 1) / (count + 1))


def _laid_out(legs: list[Leg]) -> FootageCourse:
    """Put legs one after the other."""
    first, second, share = [legs[0].frames], [legs[0].frames], [np.zeros(legs[0].num_frames)]
    for before, leg in pairwise(legs):
        if leg.fade:
            second[-1][-leg.fade :] = leg.frames[: leg.fade]
            share[-1][-leg.fade :] = fade_shares(leg.fade)
        first.append(leg.frames[leg.fade :])
        second.append(leg.frames[leg.fade :])
        share.append(np.zeros(leg.num_frames - leg.fade))
        assert leg.fade <= before.num_frames - before.fade
    return FootageCourse(tuple(legs), *(np.concatenate(column) for column in (first, second, share)))


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
    """Which way it goes on."""


class _Walk:
    """Goes through the stretches of some footage for ever."""

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

    def legs(self) -> Iterator[Leg]:
        """Yield legs without end."""
        number, step, fade, played = self._start, 1, 0, 0
        start, stop = self._stretches[number]
        first = start
        while True:
            room = stop - first if step > 0 else first - start + 1
            if stop - start < 3:
                yield Leg(number, start, 0, STAY)
                continue
            self._last_played[number] = self._joints
            joint = self._best_joint(number, first, step, room, fade)
            if joint is None or (not self._in_order and joint.way > NEAR and played + room < STAY):
                yield Leg(number, first, step, room, fade)
                played += room
                first, step, fade = first + step * (room - 1), -step, min(FADE, (stop - start) // 3)
                continue
            yield Leg(number, first, step, joint.leave + joint.fade, fade)
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
        """Places at which stretches can be entered: stretch (E,), frame (E,), step (E,), and course (E, 18)."""
        rows = []
        for number, (start, stop) in enumerate(self._stretches):
            reached = np.arange(min(WINDOW, (stop - start) // 3))
            for frames, step in ((start + reached, 1), (stop - 1 - reached, -1)):
                rows += [(number, int(frame), step) for frame in frames]
        if not rows:
            rows = [(0, self._stretches[0][0], 1)]
        stretch, frame, step = np.array(rows).T
        return stretch, frame, step, self._courses(frame, step)

    def _courses(self, frames: np.ndarray, step: np.ndarray | int) -> np.ndarray:
        """Where the head is at the beginning, in the middle and at the end of a fade, float64 (N, 18).

        Two that are alike are so in place and in movement.
        """
        last = len(self._places) - 1
        seen = [self._places[np.clip(frames + step * time, 0, last)] for time in (0, FADE // 2, FADE - 1)]
        return np.concatenate(seen, axis=1) / np.sqrt(len(seen))

    def _best_joint(self, number: int, first: int, step: int, room: int, fade: int) -> _Joint | None:
        """The nearest way to another stretch, from a leg with `room` frames to the end, of which `fade` are a fade."""
        stretch, frame, entry_step, courses = self._entries
        length = self._stretches[number][1] - self._stretches[number][0]
        earliest = max(fade, room - FADE - min(WINDOW, length // 3))
        leaves = np.arange(earliest, room - FADE + 1)
        allowed = np.flatnonzero(
            (stretch == number + step) & (entry_step == step) if self._in_order else stretch != number
        )
        if not len(allowed) or not len(leaves):
            return None
        ways = cdist(self._courses(first + step * leaves, step), courses[allowed])
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
