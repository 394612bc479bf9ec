"""Courses through the footage that go on for ever without a jump."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from visavox.avatar.speak.pose_track import ARM
from visavox.avatar.speak.source_plan import FADE, LONGEST_FADE, plan_source
from visavox.types import HeadPose

CLIPS = tuple((start, start + 75) for start in range(0, 12 * 75, 75))


def a_pose(frames: int = 12 * 75, *, apart: float = 0.4) -> HeadPose:
    """A head that sways; every 75 frames it begins somewhere else."""
    rng = np.random.default_rng(3)
    time = np.arange(frames)[:, None]
    turns, places = 0.05 * np.sin(time / [11, 17, 23]), 0.5 * np.sin(time / [13, 19, 29]) + [0, 0, -60]
    for start in range(0, frames, 75):
        turns[start : start + 75] += 0.05 * apart * rng.standard_normal(3)
        places[start : start + 75] += apart * rng.standard_normal(3)
    rotations = Rotation.from_rotvec(turns).as_matrix()
    return HeadPose(rotations.astype(np.float32), places.astype(np.float32), (64, 48))


def ways(pose: HeadPose) -> np.ndarray:
    """Centimetres that a point of the head goes from frame to frame, (T - 1,)."""
    return np.asarray(np.linalg.norm(np.diff(pose.translations + ARM * pose.rotations[:, :, 2], axis=0), axis=1))


def test_a_long_speech_goes_through_many_stretches_and_no_joint_is_a_jump() -> None:
    own = a_pose()
    course = plan_source(own, CLIPS, 1500)
    assert course.num_frames == 1500
    assert course.num_stretches >= 8
    inside = np.concatenate([ways(HeadPose(own.rotations[a:b], own.translations[a:b], (1, 1))) for a, b in CLIPS])
    # What both do, and the way from the one to the other.
    assert ways(course.pose(own)).max() <= 1.8 * inside.max()


def test_one_frame_follows_the_other_and_two_are_seen_at_joints_alone() -> None:
    course = plan_source(a_pose(), CLIPS, 700)
    alone = course.share == 0
    assert (course.first[alone] == course.second[alone]).all()
    for segment in course.segments:
        start, stop = CLIPS[segment.stretch]
        assert ((segment.frames >= start) & (segment.frames < stop)).all()
    steps = np.abs(np.diff(course.first))
    assert np.count_nonzero(steps != 1) == len(course.segments) - 1
    fades = [segment.fade for segment in course.segments[1:]]
    assert min(fades) >= FADE
    assert max(fades) <= LONGEST_FADE
    assert np.count_nonzero(~alone) == sum(fades)
    # The second frame of a fade is the one that is seen alone behind it.
    ends = np.flatnonzero(~alone[:-1] & alone[1:])
    assert (np.abs(course.first[ends + 1] - course.second[ends]) == 1).all()


def test_the_same_seed_gives_the_same_course_and_more_frames_begin_with_it() -> None:
    own = a_pose()
    one, same, longer = (plan_source(own, CLIPS, count, seed=4) for count in (400, 400, 900))
    assert one.segments == same.segments
    assert one.segments[:-1] == longer.segments[: len(one.segments) - 1]
    assert one.segments[-1].first == longer.segments[len(one.segments) - 1].first
    assert len({plan_source(own, CLIPS, 50, seed).segments for seed in range(8)}) > 1


def test_clips_far_from_all_others_are_played_to_and_fro_first() -> None:
    """Four clips, each far from the next: each is stayed in before it is left, and left as slowly as there is time."""
    own = a_pose(300, apart=8)
    course = plan_source(own, CLIPS[:4], 1500)
    stays = np.flatnonzero(np.diff([segment.stretch for segment in course.segments])) + 1
    assert all(course.segments[place].fade == LONGEST_FADE for place in stays)
    frames = np.cumsum([segment.num_frames - segment.fade for segment in course.segments])
    assert np.diff(frames[stays - 1]).min() > 120


def test_one_video_is_played_in_its_order_and_back() -> None:
    own = a_pose(300)
    course = plan_source(own, ((0, 40), (40, 240), (240, 300)), 1000, in_order=True)
    assert [(segment.stretch, segment.step) for segment in course.segments[:6]] == [
        (1, 1),
        (2, 1),
        (2, -1),
        (1, -1),
        (0, -1),
        (0, 1),
    ]
    assert course.first[0] == 40
    whole = plan_source(own, ((0, 300),), 1000, in_order=True)
    assert list(whole.first[:290]) == list(range(290))
    assert [segment.step for segment in whole.segments] == [1, -1, 1, -1]
    assert ways(whole.pose(own)).max() <= 1.05 * ways(own).max()


@pytest.mark.parametrize("length", [1, 2, 3, 5, 20, 31])
def test_little_footage_is_played_for_ever(length: int) -> None:
    own = a_pose(75)
    course = plan_source(own, ((0, 1), (10, 10 + length)), 500)
    assert course.num_frames == 500
    used = np.concatenate([course.first, course.second])
    assert set(used) <= set(range(10, 10 + length)) if length > 1 else set(used) == {0}
    if length > 2:
        assert set(used) == set(range(10, 10 + length))
    assert plan_source(own, ((0, length),), 1).num_frames == 1
