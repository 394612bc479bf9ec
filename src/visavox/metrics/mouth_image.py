"""PSNR and SSIM: the image of the mouth against the true one."""

from __future__ import annotations

import numpy as np

from visavox.metrics.metric import Measure, Metric, MetricInfo, Result
from visavox.metrics.pair import FaceFrame, VideoPair

SSIM_WINDOW = 11
"""Pixels: the Gaussian window (sigma 1.5) of Wang et al. 2004 spans 11."""


class Psnr(Metric):
    """PSNR of the mouth region, from the squared error over all frames."""

    infos = (
        MetricInfo(
            name="psnr",
            column="PSNR",
            title="Peak signal to noise ratio",
            formula="10 log10(255^2 / mean squared error) of the mouth region, the error taken over all frames",
            source="standard",
            range="0 to infinity",
            unit="dB",
            decimals=1,
            higher_is_better=True,
            best="infinity",
            needs_same_words=True,
        ),
    )
    needs = frozenset({"frames"})

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos."""
        return _PsnrMeasure()


class _PsnrMeasure(Measure):
    def __init__(self) -> None:
        self._errors: list[float] = []

    def add(self, frame: FaceFrame, true_frame: FaceFrame | None) -> None:
        if true_frame is not None:
            self._errors.append(squared_error(frame.placed_mouth, true_frame.placed_mouth))

    def result(self) -> Result:
        return {"psnr": psnr(float(np.mean(self._errors))) if self._errors else float("nan")}


class Ssim(Metric):
    """SSIM of the mouth region, mean over frames."""

    infos = (
        MetricInfo(
            name="ssim",
            column="SSIM",
            title="Structural similarity",
            formula="means, variances and covariance under a Gaussian window of sigma 1.5, of the mouth region; mean "
            "over frames",
            source="Wang et al., IEEE TIP 2004",
            range="-1 to 1",
            higher_is_better=True,
            best="1",
            undefined="the mouth region is smaller than the window of 11 pixels in some frame, or is in none",
            needs_same_words=True,
        ),
    )
    needs = frozenset({"frames"})

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos."""
        return _SsimMeasure()


class _SsimMeasure(Measure):
    def __init__(self) -> None:
        self._similarities: list[float] = []

    def add(self, frame: FaceFrame, true_frame: FaceFrame | None) -> None:
        if true_frame is not None:
            self._similarities.append(ssim(frame.placed_mouth, true_frame.placed_mouth))

    def result(self) -> Result:
        return {"ssim": float(np.mean(self._similarities)) if self._similarities else float("nan")}


def squared_error(predicted: np.ndarray, true: np.ndarray) -> float:
    """Mean squared error of two uint8 images of one shape, in squared 8-bit levels.

    >>> squared_error(np.full((2, 2, 3), 10, np.uint8), np.full((2, 2, 3), 7, np.uint8))
    9.0
    """
    return float(np.mean((predicted.astype(np.float64) - true.astype(np.float64)) ** 2))


def psnr(mean_squared_error: float) -> float:
    """Peak signal to noise ratio in dB: 10 log10(255^2 / MSE); 0 (black for white) to infinity (equal images).

    >>> round(psnr(255**2 / 100), 6)
    20.0
    """
    return float("inf") if mean_squared_error == 0 else float(10 * np.log10(255**2 / mean_squared_error))


def ssim(predicted: np.ndarray, true: np.ndarray) -> float:
    """Structural similarity of two images (Wang, Bovik, Sheikh, Simoncelli 2004), mean over RGB channels.

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
