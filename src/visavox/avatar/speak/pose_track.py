"""Endless head pose: extends the captured pose to any length without discontinuities.

Video has an end, and may be many short stretches. A stretch is played to and fro; at a turning point the head comes
to a halt and leaves it as softly. From one stretch to the next it travels like a reaching hand does (Flash and Hogan,
"The Coordination of Arm Movements", J. Neurosci. 5, 1985: the path of least jerk), and no faster than the person moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle

import numpy as np
from scipy.spatial.transform import Rotation

from visavox.avatar.dataset.signals import nearest_rotations
from visavox.types import HeadPose

TURN = 10
"""Frames in which the head comes to a halt at the end of a stretch, and in which it leaves it."""
STAY = 200
"""Frames for which a stretch is played to and fro before the next one follows."""
USUAL_SPEED = 0.9
"""Quantile of the person's own speed that a travel between two stretches never exceeds."""
SHORTEST_TRAVEL = 10
"""Frames."""
ARM = 10.0
"""Centimetres: a turn counts as the way of a point that far from the axis."""
PEAK = 15 / 8
"""Greatest speed on the path of least jerk, as a multiple of its mean."""
EDGE = 0.01
"""Quantile at either end of a pose's numbers that bounds its range."""


def endless_pose(pose: HeadPose, stretches: Sequence[tuple[int, int]], num_frames: int) -> HeadPose:
    """Go on with the head of a video for as long as is needed.

    Args:
        pose: of the video.
        stretches: intervals [start, stop) of it in which time goes on.
        num_frames: frames wanted, any number.
    """
    turns = Rotation.from_matrix(pose.rotations)
    speed = usual_speed(turns, pose.translations, stretches)
    parts: list[tuple[Rotation, np.ndarray]] = []
    made = 0
    for part in _parts(turns, pose.translations, stretches, speed):
        parts.append(part)
        made += len(part[1])
        if made >= num_frames:
            break
    rotations = np.concatenate([part[0].as_matrix() for part in parts])[:num_frames]
    translations = np.concatenate([part[1] for part in parts])[:num_frames]
    return HeadPose(rotations.astype(np.float32), translations.astype(np.float32), pose.frame_size)


def still_pose(pose: HeadPose, num_frames: int) -> HeadPose:
    """The median of a pose, for as long as is needed."""
    rotation = nearest_rotations(np.median(pose.rotations, axis=0)[None])[0]
    translation = np.median(pose.translations, axis=0)
    return HeadPose(
        np.repeat(rotation[None], num_frames, axis=0).astype(np.float32),
        np.repeat(translation[None], num_frames, axis=0).astype(np.float32),
        pose.frame_size,
    )


def borrowed_pose(theirs: HeadPose, own: HeadPose) -> HeadPose:
    """The movement of another head, moved and scaled into the range of a person's own.

    Each number of the pose (three of the turn from the median, three of the place) keeps its plan. What goes further
    than the person's ever did is made smaller as a whole; what is left outside, the rarest of all, is cut off.

    Args:
        theirs: whose movement it is.
        own: the person's.
    """
    middle = Rotation.from_matrix(still_pose(own, 1).rotations[0])
    mine, given = _deviations(own), _deviations(theirs)
    low, high = np.quantile(mine, [EDGE, 1 - EDGE], axis=0)
    their_low, their_high = np.quantile(given, [EDGE, 1 - EDGE], axis=0)
    room = np.minimum(_ratio(high, their_high), _ratio(low, their_low))
    moved = np.clip(given * np.minimum(1, room), low, high)
    rotations = (Rotation.from_rotvec(moved[:, :3]) * middle).as_matrix()
    translations = np.median(own.translations, axis=0) + moved[:, 3:]
    return HeadPose(rotations.astype(np.float32), translations.astype(np.float32), own.frame_size)


def _deviations(pose: HeadPose) -> np.ndarray:
    """Return a pose relative to its median, (T, 6): a turn in radians, a way in centimetres."""
    middle = Rotation.from_matrix(still_pose(pose, 1).rotations[0])
    turns = (Rotation.from_matrix(pose.rotations) * middle.inv()).as_rotvec()
    return np.concatenate([turns, pose.translations - np.median(pose.translations, axis=0)], axis=1)


def _ratio(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(mine) / np.maximum(np.abs(theirs), 1e-6))


def _parts(
    turns: Rotation, translations: np.ndarray, stretches: Sequence[tuple[int, int]], speed: float
) -> Iterator[tuple[Rotation, np.ndarray]]:
    """Yield pieces of the way, each beginning and ending at rest, one frame after the other."""
    at: int | None = None
    for start, stop in cycle(stretches):
        first, last = start, stop - 1
        if at is not None:
            if way_between(turns, translations, at, last) < way_between(turns, translations, at, first):
                first, last = last, first
            if len(stretches) > 1:
                yield _travel(turns, translations, at, first, speed)
        played = 0
        while played < STAY:
            part = _played(turns, translations, first, last)
            played += len(part[1])
            yield part
            at, first, last = last, last, first


def _played(turns: Rotation, translations: np.ndarray, first: int, last: int) -> tuple[Rotation, np.ndarray]:
    """From one end of a stretch to the other, without the frame that it ends on: the next piece begins there."""
    way = abs(last - first)
    if way < 2 * TURN:  # too short to come to its own speed
        done = way * _reach_in(max(2 * TURN, int(np.ceil(PEAK * way))))
    else:
        # A ramp of the speed from 0 to 1 covers half as much as full speed does.
        time = np.arange(way + TURN)
        done = _ramp(time, TURN) - _ramp(time - way, TURN)
    places = first + np.sign(last - first) * np.clip(done, 0, way)
    return _at(turns, translations, places)


def _ramp(time: np.ndarray, length: float) -> np.ndarray:
    """Way after a time, of a speed that grows from 0 to 1 as half a cosine does within a length, and stays there."""
    inside = np.clip(time, 0, length)
    return np.asarray((inside - length / np.pi * np.sin(np.pi * inside / length)) / 2 + np.maximum(time - length, 0))


def _travel(
    turns: Rotation, translations: np.ndarray, first: int, last: int, speed: float
) -> tuple[Rotation, np.ndarray]:
    """From one frame to another, however far they are apart, along the path of least jerk."""
    count = max(SHORTEST_TRAVEL, frames_of_travel(way_between(turns, translations, first, last), speed))
    return pose_between(turns, translations, np.full(count, first), np.full(count, last), _reach_in(count))


def frames_of_travel(way: float, speed: float) -> int:
    """Frames for a way in centimetres on the path of least jerk, so that no frame of it exceeds a speed."""
    return int(np.ceil(PEAK * way / speed))


def _reach_in(steps: int) -> np.ndarray:
    """The path of least jerk from 0 towards 1 in a number of steps, float64 (steps,)."""
    return reach(np.arange(steps) / steps)


def reach(time: np.ndarray) -> np.ndarray:
    """Return the way done on the path of least jerk, from 0 to 1, after a share (N,) of the time: float64 (N,)."""
    return np.asarray(time**3 * (10 - 15 * time + 6 * time**2))


def _at(turns: Rotation, translations: np.ndarray, places: np.ndarray) -> tuple[Rotation, np.ndarray]:
    """Pose at places between frames."""
    before = np.floor(places).astype(np.intp)
    after = np.minimum(before + 1, len(translations) - 1)
    return pose_between(turns, translations, before, after, places - before)


def pose_between(
    turns: Rotation, translations: np.ndarray, before: np.ndarray, after: np.ndarray, share: np.ndarray
) -> tuple[Rotation, np.ndarray]:
    """Pose on the way from one frame to another.

    Args:
        turns: T rotations.
        translations: (T, 3).
        before: int64 (N,): numbers of the frames that are come from.
        after: int64 (N,): of those that are gone to.
        share: (N,): how much of the way is done, in [0, 1].

    Returns:
        N rotations, and translations (N, 3).
    """
    done = share[:, None]
    turn = (turns[after] * turns[before].inv()).as_rotvec()
    reached = Rotation.from_rotvec(done * turn) * turns[before]
    return reached, (1 - done) * translations[before] + done * translations[after]


def way_between(turns: Rotation, translations: np.ndarray, first: int, last: int) -> float:
    """Return the centimetres from the pose of one frame to that of another, of T rotations and translations (T, 3).

    A turn counts as the way of a point on an `ARM`.
    """
    way = float(np.linalg.norm(translations[last] - translations[first]))
    return way + ARM * float((turns[last] * turns[first].inv()).magnitude())


def usual_speed(turns: Rotation, translations: np.ndarray, stretches: Sequence[tuple[int, int]]) -> float:
    """Return the centimetres a frame that a head hardly ever exceeds, of T rotations and translations (T, 3).

    It is at least a millimetre a second.
    """
    speeds = [np.zeros(0)]
    for start, stop in stretches:
        if stop - start < 2:
            continue
        turn = (turns[start + 1 : stop] * turns[start : stop - 1].inv()).magnitude()
        speeds.append(ARM * turn + np.linalg.norm(np.diff(translations[start:stop], axis=0), axis=1))
    known = np.concatenate(speeds)
    return max(float(np.quantile(known, USUAL_SPEED)) if len(known) else 0.0, 0.004)
