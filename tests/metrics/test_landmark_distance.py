"""Landmark distance: what it must not see, and what it must."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.face.geometry.landmarks import LIPS_INNER, LIPS_OUTER, RIGID
from visavox.metrics.landmark_distance import landmark_distance
from visavox.metrics.pair import fit_similarity, transform_points


@pytest.fixture
def face() -> np.ndarray:
    """A cloud of 478 points with the eye corners 100 pixels apart."""
    points = np.random.default_rng(0).uniform(100, 300, (478, 3))
    points[33, :2], points[263, :2] = (150, 200), (250, 200)
    return points


def turned(points: np.ndarray, scale: float, degrees: float, shift: tuple[float, float]) -> np.ndarray:
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    result = points.copy()
    result[:, :2] = scale * points[:, :2] @ rotation.T + shift
    return result


def test_a_similarity_is_found_exactly(face: np.ndarray) -> None:
    moved = turned(face, 1.7, 25, (40, -9))
    matrix = fit_similarity(face[:, :2], moved[:, :2])
    assert transform_points(matrix, face[:, :2]) == pytest.approx(moved[:, :2], abs=1e-9)


def test_place_tilt_and_size_of_the_head_do_not_count(face: np.ndarray) -> None:
    moved = turned(face, 0.6, -14, (30, 80))
    assert landmark_distance(moved[None], face[None])[0] == pytest.approx(0, abs=1e-9)


def test_lips_that_moved_count_in_distances_of_the_eye_corners(face: np.ndarray) -> None:
    opened = face.copy()
    lower = list(LIPS_INNER[:10] + LIPS_OUTER[:10])  # half of the 40 lip points, 8 pixels down
    opened[lower, 1] += 8
    assert not set(lower) & set(RIGID)
    assert landmark_distance(opened, face) == pytest.approx(0.5 * 8 / 100, abs=1e-9)
    assert landmark_distance(turned(opened, 2, 30, (5, 5)), face) == pytest.approx(0.04, abs=1e-9)


def test_a_missing_face_gives_nan(face: np.ndarray) -> None:
    pair = np.stack([face, np.full_like(face, np.nan)])
    distances = landmark_distance(pair, np.stack([face, face]))
    assert np.isfinite(distances).tolist() == [True, False]
