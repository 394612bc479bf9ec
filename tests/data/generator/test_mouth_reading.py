"""What 68 landmarks tell of a mouth, against what all 478 do, on the bundled clip."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.data.generator.mouth_motion import MotionBasis, fit_motion_basis
from visavox.data.generator.mouth_reading import fit_mouth_reader
from visavox.demo import FACE
from visavox.face.geometry.motion import motion_of_track
from visavox.face.geometry.resting_face import lip_gap, resting_face
from visavox.face.track.tracking import track_video
from visavox.models.generator.mouth_reader import MouthReader


@pytest.fixture(scope="module")
def clip() -> tuple[np.ndarray, np.ndarray]:
    track = track_video(FACE)[0]
    return track.landmarks, motion_of_track(track).displacements


@pytest.fixture(scope="module")
def taught(clip: tuple[np.ndarray, np.ndarray]) -> tuple[MotionBasis, MouthReader]:
    landmarks, displacements = clip
    basis = fit_motion_basis([landmarks[::2]], 4)
    return basis, fit_mouth_reader([displacements[::2]], [basis.motion(landmarks[::2])], basis)


def test_it_reads_what_all_landmarks_say_in_frames_it_was_not_fitted_on(
    clip: tuple[np.ndarray, np.ndarray], taught: tuple[MotionBasis, MouthReader]
) -> None:
    landmarks, displacements = clip
    basis, reader = taught
    read, true = reader.read(displacements[1::2]), basis.motion(landmarks[1::2])
    correlations = [np.corrcoef(read[:, column], true[:, column])[0, 1] for column in range(4)]
    assert correlations[0] > 0.99
    assert min(correlations) > 0.9
    assert np.std(read[:, 0]) == pytest.approx(np.std(true[:, 0]), rel=0.05)


def test_a_face_at_rest_reads_as_rest_whoever_it_is(
    clip: tuple[np.ndarray, np.ndarray], taught: tuple[MotionBasis, MouthReader]
) -> None:
    displacements, (basis, reader) = clip[1], taught
    rest = resting_face(displacements, reader.opening_mode.numpy())
    assert abs(lip_gap(rest)) < 1e-5
    still = np.repeat(rest[None], 5, axis=0)
    assert np.allclose(reader.read(still), reader.rest.numpy(), atol=0.02)
    assert reader.rest[0] == pytest.approx(-basis.opening_mean / basis.opening_scale)


def test_another_chin_moves_alike(clip: tuple[np.ndarray, np.ndarray], taught: tuple[MotionBasis, MouthReader]) -> None:
    """What the person looks like is not what they do."""
    displacements, (_, reader) = clip[1], taught
    longer = displacements.copy()
    longer[:, 4:13, 1] -= 1.0
    assert np.allclose(reader.read(longer), reader.read(displacements), atol=0.02)
