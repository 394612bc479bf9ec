"""Landmarks within what a person's footage shows."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.avatar.speak.motion_range import MotionRange
from visavox.errors import InputError
from visavox.types import Motion

LIPS = slice(48, 68)


def a_motion(frames: int = 600) -> Motion:
    """Lips that open and widen, a jaw that follows, a face that trembles a little."""
    rng = np.random.default_rng(0)
    time = np.arange(frames)
    displacements = 0.01 * rng.standard_normal((frames, 68, 3)) + rng.standard_normal((68, 3))
    displacements[:, 55:60, 1] -= (0.5 + 0.5 * np.sin(time / 3))[:, None]
    displacements[:, 6:11, 1] -= (0.4 + 0.4 * np.sin(time / 3))[:, None]
    displacements[:, [48, 54], 0] += (0.3 * np.sin(time / 7))[:, None] * np.array([-1, 1])
    return Motion(displacements.astype(np.float32), np.ones(frames, np.float32), displacements.mean(axis=0))


@pytest.fixture(scope="module")
def motion() -> Motion:
    return a_motion()


@pytest.fixture(scope="module")
def support(motion: Motion) -> MotionRange:
    return MotionRange(motion)


def test_the_footage_itself_stays(motion: Motion, support: MotionRange) -> None:
    held = support.clamp(motion.displacements)
    assert held.dtype == np.float32
    moved = np.linalg.norm(held - motion.displacements, axis=-1)
    assert np.quantile(moved, 0.99) < 0.01
    assert moved.max() < 0.15


def test_what_lies_between_two_frames_stays(motion: Motion, support: MotionRange) -> None:
    between = (motion.displacements[10:40] + motion.displacements[11:41]) / 2
    assert np.abs(support.clamp(between) - between).max() < 0.01


@pytest.mark.parametrize("times", [3, 30])
def test_extreme_motion_ends_within_the_footage(motion: Motion, support: MotionRange, times: int) -> None:
    wild = motion.neutral + times * (motion.displacements - motion.neutral)
    wild += np.random.default_rng(1).standard_normal(wild.shape).astype(np.float32)
    held = support.clamp(wild)
    low, high = motion.displacements.min(axis=0), motion.displacements.max(axis=0)
    assert (held >= low - 1e-5).all()
    assert (held <= high + 1e-5).all()
    known = (motion.displacements - motion.neutral).reshape(-1, 204) @ support.components.T
    given = (held - motion.neutral).reshape(-1, 204) @ support.components.T
    assert (given.max(axis=0) <= known.max(axis=0) + 0.3 * np.ptp(known, axis=0)).all()


def test_extreme_motion_still_moves(motion: Motion, support: MotionRange) -> None:
    wild = motion.neutral + 3 * (motion.displacements - motion.neutral)
    held = support.clamp(wild)
    assert np.corrcoef(held[:, 57, 1], motion.displacements[:, 57, 1])[0, 1] > 0.9


def test_a_limit_is_reached_without_a_corner(motion: Motion, support: MotionRange) -> None:
    share = np.linspace(0, 4, 400)[:, None, None]
    opening = np.zeros((68, 3), np.float32)
    opening[55:60, 1], opening[6:11, 1] = -0.5, -0.4
    path = support.clamp((motion.neutral + share * opening).astype(np.float32))[:, 57, 1]
    steps = np.diff(path)
    assert (steps < 1e-3).all()  # it only goes down
    assert np.abs(np.diff(steps)).max() < 0.004


def test_pieces_make_no_difference(motion: Motion, support: MotionRange) -> None:
    longer = np.tile(motion.displacements, (3, 1, 1))
    assert np.array_equal(support.clamp(longer)[600:1200], support.clamp(motion.displacements))
    assert support.clamp(longer[:0]).shape == (0, 68, 3)


def test_frames_without_a_face_do_not_count(motion: Motion) -> None:
    displacements, confidence = motion.displacements.copy(), motion.confidence.copy()
    displacements[5], confidence[5] = 50, 0
    support = MotionRange(Motion(displacements, confidence, motion.neutral))
    assert support.clamp(np.full((1, 68, 3), 60, np.float32)).max() < 5
    with pytest.raises(InputError, match="fewer than two frames"):
        MotionRange(Motion(displacements, 0 * confidence, motion.neutral))
