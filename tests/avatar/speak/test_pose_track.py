"""Heads that go on for ever without a jump."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from visavox.avatar.speak.pose_track import ARM, borrowed_pose, endless_pose, still_pose
from visavox.types import HeadPose


def a_pose(frames: int = 240, *, seed: int = 0, size: float = 0.1, away: float = 0.0) -> HeadPose:
    """A head that sways; every 60 frames it begins somewhere else."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None]
    turns = size * np.sin(time / [11, 17, 23])
    places = np.sin(time / [13, 19, 29]) + np.array([away, 0, -60])
    for start in range(60, frames, 60):
        turns[start : start + 60] += 0.1 * rng.standard_normal(3)
        places[start : start + 60] += rng.standard_normal(3)
    rotations = Rotation.from_rotvec(turns).as_matrix()
    return HeadPose(rotations.astype(np.float32), places.astype(np.float32), (64, 48))


def ways(pose: HeadPose) -> np.ndarray:
    """Centimetres that a point of the head goes from frame to frame, (T - 1, 3)."""
    points = pose.translations + ARM * pose.rotations[:, :, 2]
    return np.diff(points, axis=0)


STRETCHES = ((0, 60), (60, 120), (120, 180), (180, 240))


@pytest.mark.parametrize("stretches", [STRETCHES, ((0, 60),), ((0, 60), (60, 61), (61, 64))])
def test_it_goes_on_for_ever_without_a_jump(stretches: tuple[tuple[int, int], ...]) -> None:
    own = a_pose()
    made = endless_pose(own, stretches, 3000)
    assert made.num_frames == 3000
    assert made.rotations.dtype == made.translations.dtype == np.float32
    known = np.concatenate([ways(HeadPose(own.rotations[a:b], own.translations[a:b], (1, 1))) for a, b in STRETCHES])
    fastest = np.linalg.norm(known, axis=1).max()
    speed = ways(made)
    assert np.linalg.norm(speed, axis=1).max() <= 1.05 * fastest
    # Speed changes no faster than in the footage, where no turn is as sharp, but for the softly taken ones of ours.
    sharpest = max(np.linalg.norm(np.diff(known[:59], axis=0), axis=1).max(), fastest / 4)
    assert np.linalg.norm(np.diff(speed, axis=0), axis=1).max() <= sharpest
    assert np.abs(np.linalg.det(made.rotations) - 1).max() < 1e-4


def test_every_stretch_is_shown() -> None:
    own = a_pose()
    made = endless_pose(own, STRETCHES, 4 * 500)
    for start, stop in STRETCHES:
        middle = own.translations[(start + stop) // 2]
        assert np.linalg.norm(made.translations - middle, axis=1).min() < 0.1


def test_inside_a_stretch_it_is_the_footage() -> None:
    own = a_pose()
    made = endless_pose(own, ((0, 240),), 100)
    steps = np.linalg.norm(made.translations[30, None] - own.translations, axis=1)
    assert steps.min() < 0.06


def test_a_short_request_is_answered_exactly() -> None:
    assert endless_pose(a_pose(), STRETCHES, 1).num_frames == 1
    assert endless_pose(a_pose(1), ((0, 1),), 50).num_frames == 50


def test_a_still_head_is_the_median() -> None:
    own = a_pose()
    made = still_pose(own, 7)
    assert made.num_frames == 7
    assert np.allclose(made.translations, np.median(own.translations, axis=0))
    assert (made.rotations == made.rotations[0]).all()
    assert np.linalg.det(made.rotations[0]) == pytest.approx(1, abs=1e-5)


def test_a_borrowed_pose_stays_within_the_range_of_the_person() -> None:
    own, theirs = a_pose(), a_pose(500, seed=5, size=0.6, away=20)
    made = borrowed_pose(theirs, own)
    assert made.num_frames == 500
    assert made.frame_size == own.frame_size
    slack = 0.02
    assert (made.translations >= own.translations.min(axis=0) - slack).all()
    assert (made.translations <= own.translations.max(axis=0) + slack).all()
    middle = Rotation.from_matrix(still_pose(own, 1).rotations[0])
    mine, given = (
        np.abs((Rotation.from_matrix(pose.rotations) * middle.inv()).as_rotvec()).max() for pose in (own, made)
    )
    assert given <= mine + 1e-3


def test_a_calm_borrowed_pose_is_only_moved() -> None:
    own = a_pose()
    theirs = HeadPose(own.rotations[:60], 0.2 * own.translations[:60] + [5, 0, 0], (640, 480))
    made = borrowed_pose(theirs, own)
    wanted = theirs.translations - np.median(theirs.translations, axis=0)
    given = made.translations - np.median(own.translations, axis=0)
    assert np.abs(given - wanted)[5:-5].max() < 0.1
