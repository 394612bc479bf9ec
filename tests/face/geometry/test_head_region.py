"""What of a picture is head, by the landmarks of a face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from visavox.face.geometry.head_region import FOREHEAD, face_height, head_region
from visavox.face.geometry.landmarks import CHIN, EYE_OUTER_RIGHT, JAW, NOSE_TIP

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
