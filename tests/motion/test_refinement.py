"""Refinement of a motion: smoothing over time, and projection onto the faces of one person."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.motion.hand_made_motion import lip_gap, open_mouth, still

from visavox.errors import InputError
from visavox.motion.refinement import LIPS_START, FaceProjection, ProjectionSettings, SmoothingSettings, smooth_motion
from visavox.types import Motion


def talking(tremble: float = 0.0) -> Motion:
    opening = np.full(50, 0.9)
    opening[20:22] = 0.0  # an /m/ of two frames
    opening[35] = 0.0  # and a /b/ of one
    motion = open_mouth(still(50), opening)
    motion.displacements[:] += np.random.default_rng(0).normal(0, tremble, motion.displacements.shape)
    return motion


def test_a_closure_of_two_frames_survives_and_one_of_a_single_frame_too() -> None:
    before = lip_gap(talking())
    after = lip_gap(smooth_motion(talking()))
    np.testing.assert_allclose(after, before, atol=1e-3)
    # an average over the same time leaves the mouth open
    kernel = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 1.25**2))
    averaged = np.convolve(before, kernel / kernel.sum(), mode="same")
    assert averaged[20:22].min() > before[20] + 0.3


def test_trembling_goes_and_closures_stay() -> None:
    rough = talking(tremble=0.01)
    smooth = smooth_motion(rough)
    still_frames = slice(2, 17)
    before = np.diff(rough.displacements[still_frames], n=2, axis=0).std()
    after = np.diff(smooth.displacements[still_frames], n=2, axis=0).std()
    assert after < 0.45 * before
    np.testing.assert_allclose(lip_gap(smooth)[[20, 21, 35]], lip_gap(rough)[[20, 21, 35]], atol=0.02)
    np.testing.assert_array_equal(smooth.neutral, rough.neutral)


def test_no_time_changes_nothing() -> None:
    motion = talking()
    assert smooth_motion(motion, SmoothingSettings(seconds=0)) is motion
    short = still(2)
    assert smooth_motion(short).num_frames == 2


WHOLE = ProjectionSettings(share=1.0, lips=True)


@pytest.fixture(scope="module")
def person() -> tuple[np.ndarray, np.ndarray]:
    """Faces that move in three ways only: a flat manifold in 204 dimensions, and its three directions."""
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(204, 3)))[0].T
    return (rng.uniform(-1, 1, (600, 3)) @ directions).reshape(600, 68, 3).astype(np.float32), directions


def test_a_face_of_that_person_stays_and_another_comes_nearer(person: tuple[np.ndarray, np.ndarray]) -> None:
    frames, directions = person
    rng = np.random.default_rng(1)
    inside = (rng.uniform(-0.7, 0.7, (40, 3)) @ directions).reshape(40, 68, 3)
    away = rng.normal(0, 0.05, (40, 204))
    away -= away @ directions.T @ directions  # at right angles to all that this person does
    project = FaceProjection(frames, WHOLE)
    moved = project(inside + away.reshape(40, 68, 3))
    assert moved.dtype == np.float32
    left = np.linalg.norm((moved - inside).reshape(40, -1), axis=1) / np.linalg.norm(away, axis=1)
    assert left.max() < 0.2
    assert np.abs(project(inside) - inside).max() < 0.01
    assert np.abs(project(frames[:50]) - frames[:50]).max() < 1e-3


def test_the_share_is_the_share_of_the_way(person: tuple[np.ndarray, np.ndarray]) -> None:
    frames, _ = person
    faces = frames[:20] + np.random.default_rng(2).normal(0, 0.1, (20, 68, 3)).astype(np.float32)
    whole = FaceProjection(frames, WHOLE)(faces)
    half = FaceProjection(frames, ProjectionSettings(share=0.5, lips=True))(faces)
    np.testing.assert_allclose(half, (faces + whole) / 2, atol=1e-5)
    before = faces.copy()
    assert np.array_equal(FaceProjection(frames)(faces), faces)
    assert np.array_equal(faces, before)


def test_lips_are_left_alone_unless_asked_for(person: tuple[np.ndarray, np.ndarray]) -> None:
    frames, _ = person
    faces = frames[:20] + np.random.default_rng(3).normal(0, 0.1, (20, 68, 3)).astype(np.float32)
    moved = FaceProjection(frames, ProjectionSettings(share=1.0))(faces)
    assert np.array_equal(moved[:, LIPS_START:], faces[:, LIPS_START:])
    assert np.abs(moved[:, :LIPS_START] - faces[:, :LIPS_START]).mean() > 0.03


def test_a_long_motion_is_projected_frame_by_frame(person: tuple[np.ndarray, np.ndarray]) -> None:
    frames, _ = person
    faces = np.tile(frames, (2, 1, 1)) + np.float32(0.05)
    whole = FaceProjection(frames, WHOLE)(faces)
    np.testing.assert_allclose(whole[700:710], FaceProjection(frames, WHOLE)(faces[700:710]), atol=1e-5)


def test_a_person_who_never_moves() -> None:
    still = np.zeros((20, 68, 3), np.float32)
    assert np.abs(FaceProjection(still, WHOLE)(still + np.float32(0.3))).max() < 1e-6


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"share": 1.2}, "give 0 .off. to 1"), ({"share": -0.1}, "give 0"), ({"neighbours": 1}, "give 2 or more")],
)
def test_settings_that_mean_nothing(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ProjectionSettings(**settings)


def test_too_little_video() -> None:
    with pytest.raises(InputError, match="seen in 5 frames, too few for 10 neighbours"):
        FaceProjection(np.zeros((5, 68, 3)))
