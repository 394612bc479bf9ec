"""Metrics of images against naive references and on images whose answer is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from visavox.face.geometry.landmarks import LIPS_OUTER
from visavox.metrics.mouth_image import psnr, squared_error, ssim
from visavox.metrics.outside import DifferenceHistogram
from visavox.metrics.pair import luma, mouth_box
from visavox.metrics.sharpness import laplacian_energy


@pytest.fixture
def photo() -> np.ndarray:
    data = pytest.importorskip("skimage.data")
    return np.asarray(data.astronaut()[60:160, 170:270])


def naive_laplacian_energy(image: np.ndarray) -> float:
    gray = luma(image).astype(np.float64)
    values = [
        gray[i - 1, j] + gray[i + 1, j] + gray[i, j - 1] + gray[i, j + 1] - 4 * gray[i, j]
        for i in range(1, gray.shape[0] - 1)
        for j in range(1, gray.shape[1] - 1)
    ]
    return float(np.var(values))


def test_sharpness_equals_the_plain_sum(photo: np.ndarray) -> None:
    crop = photo[:20, :24]
    assert laplacian_energy(crop) == pytest.approx(naive_laplacian_energy(crop), rel=1e-4)


def test_sharpness_falls_with_blur_and_with_the_square_of_contrast(photo: np.ndarray) -> None:
    sharp = laplacian_energy(photo)
    assert laplacian_energy(cv2.GaussianBlur(photo, (0, 0), 1.0)) < 0.3 * sharp
    halved = np.rint(127.5 + (photo - 127.5) / 2).astype(np.uint8)
    assert laplacian_energy(halved) / sharp == pytest.approx(0.25, rel=0.05)


def test_psnr_of_a_known_error(photo: np.ndarray) -> None:
    lighter = np.clip(photo, 10, 255)
    assert psnr(squared_error(lighter - 10, lighter)) == pytest.approx(20 * np.log10(25.5))
    assert psnr(squared_error(photo, photo)) == float("inf")


def naive_ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Mean over all places where the whole window of 11 fits, of equation 13 of Wang et al. 2004."""
    first, second = first.astype(np.float64), second.astype(np.float64)
    offset = np.arange(-5, 6)
    weight = np.exp(-(offset**2) / (2 * 1.5**2))
    window = np.outer(weight, weight) / np.outer(weight, weight).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for i in range(5, first.shape[0] - 5):
        for j in range(5, first.shape[1] - 5):
            a, b = first[i - 5 : i + 6, j - 5 : j + 6], second[i - 5 : i + 6, j - 5 : j + 6]
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a, var_b = (window * a * a).sum() - mean_a**2, (window * b * b).sum() - mean_b**2
            covariance = (window * a * b).sum() - mean_a * mean_b
            numerator = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
            values.append(numerator / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)))
    return float(np.mean(values))


def test_ssim_equals_the_definition(photo: np.ndarray) -> None:
    crop = photo[:24, :26]
    noisy = np.clip(crop + np.random.default_rng(0).normal(0, 12, crop.shape), 0, 255).astype(np.uint8)
    expected = np.mean([naive_ssim(crop[..., channel], noisy[..., channel]) for channel in range(3)])
    assert ssim(noisy, crop) == pytest.approx(expected, abs=1e-6)
    assert ssim(crop, crop) == pytest.approx(1)
    assert np.isnan(ssim(crop[:8], crop[:8]))


def test_the_mouth_box_follows_the_lips_and_keeps_its_size() -> None:
    landmarks = np.zeros((478, 3))
    landmarks[33, :2], landmarks[263, :2] = (100, 100), (200, 100)
    angles = np.linspace(0, 2 * np.pi, len(LIPS_OUTER), endpoint=False)
    for height in (5, 25):
        landmarks[list(LIPS_OUTER), :2] = np.stack([150 + 28 * np.cos(angles), 180 + height * np.sin(angles)], axis=1)
        assert mouth_box(landmarks, (400, 400)) == (105, 145, 195, 215)
    assert mouth_box(landmarks, (180, 200)) == (105, 145, 180, 200)


def test_the_histogram_gives_exact_figures(photo: np.ndarray) -> None:
    noise = np.random.default_rng(1).integers(-9, 10, photo.shape)
    changed = np.clip(photo + noise, 0, 255).astype(np.uint8)
    outside = np.zeros(photo.shape[:2], bool)
    outside[20:70, 10:40] = True
    histogram = DifferenceHistogram()
    for half in (slice(0, 50), slice(50, 100)):
        histogram.add(changed[half], photo[half], outside[half])
    difference = np.abs(changed[outside].astype(int) - photo[outside])
    assert histogram.mean == pytest.approx(difference.mean())
    assert histogram.maximum == difference.max()
    assert histogram.percentile(99) == pytest.approx(np.percentile(difference, 99, method="inverted_cdf"))


def test_an_empty_histogram_has_no_figures() -> None:
    histogram = DifferenceHistogram()
    assert np.isnan(histogram.mean)
    assert np.isnan(histogram.maximum)
