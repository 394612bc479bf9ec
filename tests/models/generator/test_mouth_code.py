"""What a renderer is asked for, of motion that was observed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.demo import FACE
from visavox.face.geometry.motion import lip_gap, motion_of_track, resting_face
from visavox.face.track.tracking import track_video
from visavox.models.generator.motion_basis import MotionBasis, fit_motion_basis
from visavox.models.generator.mouth_code import MouthCode, fit_mouth_code


def test_what_is_shut_stays_shut_and_the_rest_grows_from_rest() -> None:
    code = MouthCode(3)
    code.rest.copy_(torch.tensor([-1.0, 0.5, 0.25]))
    code.motion_gain.fill_(1.25)
    rest = code.rest.numpy()
    numbers = np.stack([rest, rest + 1, rest - 0.5]).astype(np.float32)
    asked = code.driven(numbers, expressiveness=1.2, openness=0.8)
    assert np.allclose(asked[0], rest)
    assert np.allclose(asked[1] - rest, [1.25 * 1.2 * 0.8, 1.5, 1.5])
    assert asked[2, 0] == rest[0]
    assert np.allclose(asked[2, 1:] - rest[1:], -0.75)


Clip = tuple[np.ndarray, np.ndarray]
"""All 478 landmarks of a clip, and the displacements of the 68."""
Taught = tuple[MotionBasis, MouthCode]


@pytest.fixture(scope="module")
def clip() -> Clip:
    track = track_video(FACE)[0]
    return track.landmarks, motion_of_track(track).displacements


@pytest.fixture(scope="module")
def taught(clip: Clip) -> Taught:
    landmarks, displacements = clip
    basis = fit_motion_basis([landmarks[::2]], 4)
    return basis, fit_mouth_code([displacements[::2]], [basis.motion(landmarks[::2])], basis)


def test_it_encodes_what_all_landmarks_say_in_frames_it_was_not_fitted_on(clip: Clip, taught: Taught) -> None:
    landmarks, displacements = clip
    basis, code = taught
    encoded, true = code.encode(displacements[1::2]), basis.motion(landmarks[1::2])
    correlations = [np.corrcoef(encoded[:, column], true[:, column])[0, 1] for column in range(4)]
    assert correlations[0] > 0.99
    assert min(correlations) > 0.9
    assert np.std(encoded[:, 0]) == pytest.approx(np.std(true[:, 0]), rel=0.05)


def test_a_face_at_rest_is_encoded_as_rest_whoever_it_is(clip: Clip, taught: Taught) -> None:
    displacements, (basis, code) = clip[1], taught
    rest = resting_face(displacements, code.opening_mode.numpy())
    assert abs(lip_gap(rest)) < 1e-5
    still = np.repeat(rest[None], 5, axis=0)
    assert np.allclose(code.encode(still), code.rest.numpy(), atol=0.02)
    assert code.rest[0] == pytest.approx(-basis.opening_mean / basis.opening_scale)


def test_another_chin_moves_alike(clip: Clip, taught: Taught) -> None:
    """What the person looks like is not what they do."""
    displacements, (_, code) = clip[1], taught
    longer = displacements.copy()
    longer[:, 4:13, 1] -= 1.0
    assert np.allclose(code.encode(longer), code.encode(displacements), atol=0.02)
