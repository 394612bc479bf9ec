import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from visavox.face.geometry.pose import (
    canonical_face,
    facing,
    focal_length,
    head_angles,
    head_pose,
    mirror_indices,
    project,
)
from visavox.face.track.tracker import RegionTracker

SIZE = (1280, 720)


def landmarks_of(rotations: np.ndarray, translations: np.ndarray, size: tuple[int, int] = SIZE) -> np.ndarray:
    """What a perfect tracker would see of the canonical face."""
    face = canonical_face().astype(np.float64)
    flat = project(face, rotations, translations, size)
    turned = face @ rotations.swapaxes(1, 2)
    depth = -turned[..., 2:] * focal_length(size) / -translations[:, None, 2:]
    return np.concatenate([flat, depth], axis=-1).astype(np.float32)


def random_poses(count: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    angles = draw.uniform([-50, -30, -180], [50, 30, 180], (count, 3))
    rotations = Rotation.from_euler("YXZ", angles, degrees=True).as_matrix()
    translations = draw.uniform([-20, -12, -150], [20, 12, -30], (count, 3))
    return rotations, translations


def test_canonical_face_is_a_symmetric_face_in_centimetres() -> None:
    face = canonical_face()
    assert face[263, 0] - face[33, 0] == pytest.approx(8.9, abs=1e-4)
    assert face[[33, 263]].mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-5)
    np.testing.assert_allclose(face[mirror_indices()], face * [-1, 1, 1], atol=1e-5)
    assert 15 < face[10, 1] - face[152, 1] < 19  # forehead to chin
    assert int(face[:, 2].argmax()) in (1, 4)  # the nose is the nearest
    assert 12 < face[454, 0] - face[234, 0] < 16  # ear to ear


def test_pose_is_recovered_exactly() -> None:
    rotations, translations = random_poses(100)
    found, moved = head_pose(landmarks_of(rotations, translations), SIZE)
    assert found.dtype == moved.dtype == np.float32
    np.testing.assert_allclose(found, rotations, atol=1e-3)
    np.testing.assert_allclose(moved, translations, rtol=1e-3, atol=1e-2)


def test_pose_does_not_see_the_mouth() -> None:
    rotations, translations = random_poses(3)
    landmarks = landmarks_of(rotations, translations)
    speaking = landmarks.copy()
    speaking[:, [13, 14, 17, 0, 61, 291, 152, 148, 377]] += 30
    np.testing.assert_array_equal(head_pose(landmarks, SIZE)[0], head_pose(speaking, SIZE)[0])


def test_frames_without_a_face_have_no_pose() -> None:
    rotations, translations = random_poses(3)
    landmarks = landmarks_of(rotations, translations)
    landmarks[1] = np.nan
    found, moved = head_pose(landmarks, SIZE)
    assert np.isnan(found[1]).all()
    assert np.isnan(moved[1]).all()
    np.testing.assert_allclose(found[[0, 2]], rotations[[0, 2]], atol=1e-3)
    assert head_pose(landmarks[:0], SIZE)[0].shape == (0, 3, 3)


def test_a_face_in_the_middle_that_looks_ahead_has_the_identity() -> None:
    rotations, translations = head_pose(landmarks_of(np.eye(3)[None], np.array([[0.0, 0.0, -60.0]])), SIZE)
    np.testing.assert_allclose(rotations[0], np.eye(3), atol=1e-4)
    np.testing.assert_allclose(translations[0], [0, 0, -60], atol=1e-2)


@pytest.mark.parametrize(
    ("axis", "angle", "expected"),
    [("y", 20, (20, 0, 0)), ("x", -15, (0, 15, 0)), ("z", 30, (0, 0, 30))],
)
def test_angles_have_the_documented_signs(axis: str, angle: int, expected: tuple[int, int, int]) -> None:
    rotation = Rotation.from_euler(axis, angle, degrees=True).as_matrix()
    assert head_angles(rotation) == pytest.approx(expected, abs=1e-5)
    nose = project(canonical_face(), rotation[None], np.array([[0.0, 0.0, -60.0]]), SIZE)[0][1]
    rest = project(canonical_face(), np.eye(3)[None], np.array([[0.0, 0.0, -60.0]]), SIZE)[0][1]
    if axis == "y":
        assert nose[0] > rest[0]  # the nose goes right
    if axis == "x":
        assert nose[1] < rest[1]  # the nose goes up


def test_a_head_beside_the_axis_that_looks_into_the_camera_faces_it() -> None:
    translation = np.array([[25.0, -10.0, -60.0]])
    to_camera = -translation[0] / np.linalg.norm(translation)
    right = np.cross([0, 1, 0], to_camera)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(to_camera, right), to_camera], axis=1)[None]
    assert np.abs(head_angles(rotation)[0, 0]) > 20
    assert head_angles(facing(rotation, translation))[0] == pytest.approx([0, 0, 0], abs=1e-5)


def test_the_speaker_looks_ahead_from_about_half_a_metre(
    fresh_tracker: RegionTracker, speaker: list[np.ndarray]
) -> None:
    landmarks = fresh_tracker.observe(speaker[0])[0].landmarks
    rotations, translations = head_pose(landmarks[None], (360, 288))
    assert np.abs(head_angles(rotations[0])).max() < 8
    assert -70 < translations[0, 2] < -30
    seen = project(canonical_face(), rotations, translations, (360, 288))[0]
    # The mean face fits this one to a few hundredths of its size.
    assert np.linalg.norm(seen - landmarks[:, :2], axis=1).mean() < 0.08 * np.ptp(landmarks[:, 0])
