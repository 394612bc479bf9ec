"""Motion and pose of a face in a video."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from visavox.demo import FACE
from visavox.errors import InputError
from visavox.face.geometry.landmarks import to_ibug68
from visavox.face.geometry.motion import landmarks_of
from visavox.face.track.tracking import track_video
from visavox.motion.performance import capture_motion, motion_of, performance_of_track
from visavox.types import FrameStatus, Track


@pytest.fixture(scope="module")
def track() -> Track:
    return track_video(FACE)[0]


def test_at_25_frames_a_second_nothing_is_changed(track: Track) -> None:
    performed = performance_of_track(track)
    assert (performed.motion.num_frames, performed.motion.rate) == (75, Fraction(25))
    pose = performed.pose
    back = landmarks_of(performed.motion.displacements, pose.rotations, pose.translations, pose.frame_size)
    error = np.linalg.norm(back - to_ibug68(track.landmarks)[..., :2], axis=-1)
    assert error.max() < 0.001


def test_other_rates_lie_between_their_frames(track: Track) -> None:
    slow = replace(track, times=tuple(Fraction(index, 20) for index in range(75)))
    performed = performance_of_track(slow)
    assert performed.motion.num_frames == 93  # 75 of 1 / 20 s last 93.75 of 1 / 25 s
    np.testing.assert_allclose(performed.motion.displacements[5], performance_of_track(track).motion.displacements[4])
    between = performed.motion.displacements[1]  # at 0.04 s: 0.8 of the way to frame 1
    source = performance_of_track(track).motion.displacements
    np.testing.assert_allclose(between, 0.2 * source[0] + 0.8 * source[1], atol=1e-5)
    rotations = performed.pose.rotations
    np.testing.assert_allclose(
        rotations @ rotations.swapaxes(1, 2), np.tile(np.eye(3), (len(rotations), 1, 1)), atol=1e-4
    )


def test_timestamps_in_milliseconds_are_not_interpolated(track: Track) -> None:
    rounded = replace(track, times=tuple(Fraction(round(index * 1000 / 25 + 0.4), 1000) for index in range(75)))
    np.testing.assert_array_equal(
        performance_of_track(rounded).motion.displacements, performance_of_track(track).motion.displacements
    )


def test_nothing_is_mixed_across_a_cut(track: Track) -> None:
    cut = replace(track, shots=(np.arange(75) >= 40).astype(np.int32))
    cut.times = tuple(Fraction(index, 20) for index in range(75))
    motion = performance_of_track(cut).motion
    source = performance_of_track(track).motion.displacements
    mixed = motion.displacements[49]  # at 1.96 s: between frames 39 and 40
    assert (mixed == source[39]).all() or (mixed == source[40]).all()


def test_the_pose_of_frames_without_the_face_is_filled_in(track: Track) -> None:
    lost = replace(track, status=track.status.copy(), landmarks=track.landmarks.copy())
    lost.rotations, lost.translations = track.rotations.copy(), track.translations.copy()
    for array in (lost.landmarks, lost.rotations, lost.translations):
        array[:4], array[30:33] = np.nan, np.nan
    lost.status[:4], lost.status[30:33] = FrameStatus.ABSENT, FrameStatus.ABSENT
    performed = performance_of_track(lost)
    assert np.isfinite(performed.pose.rotations).all()
    np.testing.assert_array_equal(performed.pose.translations[0], track.translations[4])
    np.testing.assert_allclose(
        performed.pose.translations[31], (track.translations[29] + track.translations[33]) / 2, atol=1e-4
    )
    assert np.flatnonzero(performed.motion.confidence == 0).tolist() == [0, 1, 2, 3, 30, 31, 32]


def test_a_video_is_watched(tmp_path: Path) -> None:
    motion = motion_of(FACE)
    assert motion.num_frames == 75
    with pytest.raises(InputError, match="one face"):
        capture_motion(FACE, face="all")
    with pytest.raises(InputError, match="there is no face 7"):
        motion_of(FACE, face="7")
