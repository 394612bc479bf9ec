"""Identity similarity: alignment of the face, the network that a user brings, and the cosine."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.metrics.onnx_file import save_mean_color

from visavox.errors import InputError
from visavox.metrics.identity import ARCFACE_POINTS, cosine_similarity, recognition_crop
from visavox.models.perceptual.face_embedding import FaceEmbedding


def test_the_cosine_is_that_of_the_angle() -> None:
    angles = np.linspace(0, np.pi, 7)
    vectors = 3 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert cosine_similarity(vectors, np.array([5.0, 0])) == pytest.approx(np.cos(angles))
    assert np.isnan(cosine_similarity(np.zeros(2), np.ones(2)))


def test_the_five_points_come_to_their_places() -> None:
    """Dots drawn on the points of a turned and enlarged face lie where ArcFace wants them."""
    angle, scale = np.radians(20), 2.5
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = ARCFACE_POINTS @ turn.T + [150, 20]
    landmarks = np.zeros((478, 3))
    for indices, point in zip(((33, 133), (362, 263), (1,), (61,), (291,)), points, strict=True):
        landmarks[list(indices), :2] = point
    image = np.zeros((480, 480, 3), np.uint8)
    for x, y in points:
        cv2.circle(image, (round(x), round(y)), 6, (255, 255, 255), -1)
    crop = recognition_crop(image, landmarks)
    assert crop.shape == (112, 112, 3)
    assert all(crop[round(y), round(x)].min() > 200 for x, y in ARCFACE_POINTS)


def test_a_network_sees_rgb_between_minus_one_and_one(tmp_path: Path) -> None:
    embedding = FaceEmbedding(save_mean_color(tmp_path / "mean.onnx"))
    faces = np.zeros((2, 112, 112, 3), np.uint8)
    faces[0, ..., 0], faces[1, ..., 2] = 255, 255
    assert embedding(faces).tolist() == pytest.approx(np.array([[1, -1, -1], [-1, -1, 1]]))


def test_what_is_no_such_network_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("not found")
    with pytest.raises(InputError, match=r"text.onnx cannot be used as a face embedding"):
        FaceEmbedding(tmp_path / "text.onnx")
    with pytest.raises(InputError, match="there is no file"):
        FaceEmbedding(tmp_path / "missing.onnx")
