"""Landmarks and the measurements of mouth and head made from them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from visavox.face.geometry import landmarks as names
from visavox.face.geometry.landmarks import CHIN, EYE_OUTER_RIGHT, FOREHEAD, JAW, NOSE_TIP, face_height, head_region
from visavox.face.geometry.pose import canonical_face, mirror_indices

FLIPPED_68 = [
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55,
    64, 63, 62, 61, 60, 67, 66, 65,
]  # fmt: skip
"""For each of the 68 points the one that takes its place in a mirrored picture, as 300-W defines it."""


def is_simple_ring(points: np.ndarray) -> np.bool:
    """Whether a closed outline never crosses itself: its signed turns sum to one full turn."""
    edges = np.roll(points, -1, axis=0) - points
    angles = np.arctan2(edges[:, 1], edges[:, 0])
    turns = np.angle(np.exp(1j * (np.roll(angles, -1) - angles)))
    result: np.bool = abs(abs(turns.sum()) - 2 * np.pi) < 1e-6
    return result


@pytest.mark.parametrize(
    "outline",
    ["LIPS_OUTER", "LIPS_INNER", "FACE_OVAL", "RIGHT_EYE", "LEFT_EYE", "RIGHT_BROW", "LEFT_BROW"],
)
def test_outlines_can_be_filled(outline: str) -> None:
    indices = getattr(names, outline)
    assert len(set(indices)) == len(indices)
    assert is_simple_ring(canonical_face()[list(indices), :2])


@pytest.mark.parametrize("group", ["LIPS", "LIPS_OUTER", "LIPS_INNER", "FACE_OVAL", "JAW", "EYES", "RIGID"])
def test_groups_are_symmetric(group: str) -> None:
    indices = set(getattr(names, group))
    assert {int(mirror_indices()[index]) for index in indices} == indices


def test_rights_are_the_speakers_own() -> None:
    face = canonical_face()
    for right, left in ((names.RIGHT_EYE, names.LEFT_EYE), (names.RIGHT_IRIS, names.LEFT_IRIS)):
        assert face[list(right), 0].max() < 0 < face[list(left), 0].min()
    assert face[names.MOUTH_RIGHT, 0] < 0 < face[names.MOUTH_LEFT, 0]
    assert face[names.LIP_UPPER, 1] > face[names.LIP_LOWER, 1] > face[names.CHIN, 1]


def test_ibug_mapping_is_symmetric_and_in_order() -> None:
    mirrored = [int(mirror_indices()[index]) for index in names.IBUG_68]
    assert mirrored == [names.IBUG_68[index] for index in FLIPPED_68]
    face = names.to_ibug68(canonical_face())
    assert face.shape == (68, 3)
    assert (np.diff(face[:17, 0]) > 0).all()
    assert face[:17, 1].argmin() == 8
    assert (np.diff(face[17:27, 0]) > 0).all()
    assert (np.diff(face[27:31, 1]) < 0).all()


def test_ibug_takes_batches_and_refuses_other_numbers_of_points() -> None:
    assert names.to_ibug68(np.zeros((2, 5, 468, 2))).shape == (2, 5, 68, 2)
    with pytest.raises(ValueError, match=r"\(3, 100, 2\)"):
        names.to_ibug68(np.zeros((3, 100, 2)))


def test_mouth_is_measured_in_eye_distances_whatever_the_size() -> None:
    face = canonical_face() * [1, -1, -1]
    wide_open = face.copy()
    wide_open[names.LIP_LOWER, 1] += 0.2 * 8.9
    shut = float(names.mouth_opening(face))
    assert shut < 0.05
    assert names.mouth_opening(wide_open) == pytest.approx(shut + 0.2, abs=1e-5)
    assert names.mouth_width(face) == pytest.approx(4.7 / 8.9, abs=0.02)
    both = np.stack([wide_open, wide_open * 37 + 5])
    assert names.mouth_opening(both) == pytest.approx([shut + 0.2] * 2, abs=1e-4)


def test_mouth_of_an_absent_face_is_not_a_number() -> None:
    assert np.isnan(names.mouth_opening(np.full((478, 3), np.nan)))


SIZE = (360, 288)


@pytest.fixture(scope="module")
def landmarks(speaker: list[np.ndarray]) -> np.ndarray:
    from visavox.face.track.tracker import open_tracker

    with open_tracker(max_faces=1) as tracker:
        return tracker.observe(speaker[0])[0].landmarks


def value(region: np.ndarray, point: np.ndarray) -> float:
    x, y = np.round(point[:2]).astype(int)
    return float(region[y, x])


def test_face_hair_and_ears_are_head(landmarks: np.ndarray) -> None:
    region = head_region(landmarks, SIZE)
    height = float(face_height(landmarks))
    for point in (NOSE_TIP, FOREHEAD, EYE_OUTER_RIGHT, JAW[0], JAW[-1]):
        assert value(region, landmarks[point]) > 0.99
    assert value(region, landmarks[FOREHEAD] - [0, 0.35 * height, 0]) > 0.99  # the hair
    assert value(region, landmarks[JAW[0]] - [0.08 * height, 0, 0]) > 0.99  # the ear


def test_chin_is_inside_and_the_neck_is_not(landmarks: np.ndarray) -> None:
    region = head_region(landmarks, SIZE)
    height = float(face_height(landmarks))
    assert value(region, landmarks[CHIN] - [0, 0.03 * height, 0]) > 0.9
    assert value(region, landmarks[CHIN] + [0, 0.07 * height, 0]) < 0.02
    assert region[-1].max() == 0


def test_border_is_soft_and_falls_steadily(landmarks: np.ndarray) -> None:
    region = head_region(landmarks, SIZE)
    x, y = np.round(landmarks[CHIN, :2]).astype(int)
    column = region[y - 12 : y + 12, x]
    assert (np.diff(column) <= 1e-6).all()
    assert ((column > 0.05) & (column < 0.95)).sum() >= 2


def test_what_stands_far_beside_the_head_is_not_head(landmarks: np.ndarray) -> None:
    region = head_region(landmarks, SIZE)
    assert value(region, landmarks[NOSE_TIP] + [150, 0, 0]) < 0.01


def test_region_turns_with_the_head(landmarks: np.ndarray) -> None:
    matrix = cv2.getRotationMatrix2D((180, 150), 25, 1.0)
    turned = landmarks.copy()
    turned[:, :2] = landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    expected = cv2.warpAffine(head_region(landmarks, SIZE), matrix, SIZE, borderMode=cv2.BORDER_REPLICATE)
    middle = (slice(80, 250), slice(80, 280))
    assert np.abs(head_region(turned, SIZE)[middle] - expected[middle]).mean() < 0.02


def test_scale_does_not_matter(landmarks: np.ndarray) -> None:
    large = head_region(2 * landmarks + 0.5, (720, 576))
    small = cv2.resize(large, SIZE, interpolation=cv2.INTER_AREA)
    assert np.abs(small - head_region(landmarks, SIZE)).max() < 0.15
