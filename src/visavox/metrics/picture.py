"""The picture of the mouth against the true one, and the picture around it against the source."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from visavox.face.geometry.landmarks import LIPS_OUTER, eye_distance

MOUTH_WIDTH, MOUTH_HEIGHT = 0.9, 0.7
"""Sides of the mouth region, in distances of the outer eye corners: a wide open mouth with a rim of skin."""

SSIM_WINDOW = 11
"""Pixels: the Gaussian window (sigma 1.5) of Wang et al. 2004 spans 11."""


def mouth_box(landmarks: np.ndarray, frame_size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Find the mouth region of a face: centred on the lips, its size that of the head, not of the opening.

    Args:
        landmarks: (478, 2 or 3) in pixels.
        frame_size: width and height of the picture.

    Returns:
        x0, y0, x1, y1 in whole pixels, half open, inside the picture (empty if the mouth is outside of it).
    """
    outline = landmarks[list(LIPS_OUTER), :2]
    center = (outline.min(axis=0) + outline.max(axis=0)) / 2
    half = 0.5 * float(eye_distance(landmarks)) * np.array([MOUTH_WIDTH, MOUTH_HEIGHT])
    low = np.clip(np.round(center - half), 0, frame_size).astype(int)
    high = np.clip(np.round(center + half), 0, frame_size).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def squared_error(predicted: np.ndarray, true: np.ndarray) -> float:
    """Mean squared error of two uint8 pictures of one shape, in squared 8-bit levels.

    >>> squared_error(np.full((2, 2, 3), 10, np.uint8), np.full((2, 2, 3), 7, np.uint8))
    9.0
    """
    return float(np.mean((predicted.astype(np.float64) - true.astype(np.float64)) ** 2))


def psnr(mean_squared_error: float) -> float:
    """Peak signal to noise ratio in dB: 10 log10(255^2 / MSE); 0 (black for white) to infinity (equal pictures).

    >>> round(psnr(255**2 / 100), 6)
    20.0
    """
    return float("inf") if mean_squared_error == 0 else float(10 * np.log10(255**2 / mean_squared_error))


def ssim(predicted: np.ndarray, true: np.ndarray) -> float:
    """Structural similarity of two pictures (Wang, Bovik, Sheikh, Simoncelli 2004), mean over RGB channels.

    Gaussian window of sigma 1.5, K1 = 0.01, K2 = 0.03, population covariance, as in the paper.

    Args:
        predicted: uint8 (H, W, 3).
        true: uint8 (H, W, 3).

    Returns:
        -1 to 1; NaN where a side is shorter than the window.

    >>> ramp = np.repeat(np.arange(0, 240, 10, dtype=np.uint8), 72).reshape(24, 24, 3)
    >>> ssim(ramp, ramp), ssim(255 - ramp, ramp) < 0
    (1.0, True)
    """
    from skimage.metrics import structural_similarity

    if min(true.shape[:2]) < SSIM_WINDOW:
        return float("nan")
    return float(
        structural_similarity(
            true, predicted, channel_axis=2, data_range=255, gaussian_weights=True, use_sample_covariance=False
        )
    )


def luma(image: np.ndarray) -> np.ndarray:
    """Return the brightness of an RGB picture: float32 (H, W), 0-255, 0.299 R + 0.587 G + 0.114 B (BT.601)."""
    return image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def laplacian_energy(crop: np.ndarray) -> float:
    """Variance of the Laplacian of a picture's luma: how much fine detail it has (Pech-Pacheco et al., 2000).

        E = var(4 x[i, j] - x[i - 1, j] - x[i + 1, j] - x[i, j - 1] - x[i, j + 1]), at the resolution given

    The sharpness ratio of a dubbed mouth is the mean of E over its frames divided by the mean over the true
    frames, each in the mouth region of its own video, without resampling or smoothing. It is an energy: a mouth
    whose detail has half the contrast scores 0.25. Noise and blocks of a codec count as detail, in both.

    Args:
        crop: uint8 (H, W, 3).

    Returns:
        0 or more, in squared 8-bit levels; NaN for crops of less than 3 pixels a side.

    >>> laplacian_energy(np.full((8, 8, 3), 90, np.uint8))
    0.0
    """
    if min(crop.shape[:2]) < 3:
        return float("nan")
    return float(cv2.Laplacian(luma(crop), cv2.CV_32F, ksize=1)[1:-1, 1:-1].astype(np.float64).var())


@dataclass(frozen=True)
class OutsideDifference:
    """How far the picture outside the repainted region is from the source's, in 8-bit levels."""

    mean: float
    """Mean absolute difference over pixels, channels and frames."""
    maximum: int
    """Largest absolute difference of any channel of any pixel."""
    percentile_99: float
    """99 % of channels of pixels differ by at most this much."""
    codec_mean: float
    """The same mean for the source encoded once more with the same settings and nothing painted: what the codec
    alone costs. NaN where it was not measured."""
    codec_maximum: int
    """The largest difference of that; -1 where it was not measured."""


class DifferenceHistogram:
    """Counts absolute differences of pictures over many frames: exact mean, maximum and percentiles in 256 bins."""

    def __init__(self) -> None:
        self.counts = np.zeros(256, np.int64)

    def add(self, image: np.ndarray, source: np.ndarray, outside: np.ndarray) -> None:
        """Count the pixels of two uint8 (H, W, 3) pictures where `outside`, bool (H, W), is true."""
        difference = cv2.absdiff(image, source)[outside]
        self.counts += np.bincount(difference.reshape(-1), minlength=256)

    @property
    def mean(self) -> float:
        """Mean absolute difference; NaN if nothing was counted."""
        total = int(self.counts.sum())
        return float(self.counts @ np.arange(256)) / total if total else float("nan")

    @property
    def maximum(self) -> int:
        """Largest difference; -1 if nothing was counted."""
        filled = np.flatnonzero(self.counts)
        return int(filled[-1]) if len(filled) else -1

    def percentile(self, percent: float) -> float:
        """Smallest level that `percent` of the counted values do not exceed."""
        total = int(self.counts.sum())
        if not total:
            return float("nan")
        return float(np.searchsorted(np.cumsum(self.counts), percent / 100 * total))
