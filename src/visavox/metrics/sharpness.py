"""Sharpness ratio: fine detail in the mouth region over that of the true one."""

from __future__ import annotations

import cv2
import numpy as np

from visavox.metrics.metric import Measure, Metric, MetricInfo, Result, ratio
from visavox.metrics.pair import FaceFrame, VideoPair, luma


class Sharpness(Metric):
    """Energy of fine detail in the mouth region over that of the recording (`laplacian_energy`)."""

    infos = (
        MetricInfo(
            name="sharpness",
            column="sharp",
            title="Sharpness ratio",
            formula="variance of the Laplacian of the mouth region over that of the true one",
            source="after Pech-Pacheco et al., ICPR 2000",
            decimals=2,
            best="1",
            undefined="the mouth region is without detail, or too small, or in no frame",
        ),
    )
    needs = frozenset({"frames"})

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos."""
        return _SharpnessMeasure()


class _SharpnessMeasure(Measure):
    def __init__(self) -> None:
        self._energies: list[float] = []
        self._true_energies: list[float] = []

    def add(self, frame: FaceFrame, true_frame: FaceFrame | None) -> None:
        if true_frame is not None:
            self._energies.append(laplacian_energy(frame.mouth))
            self._true_energies.append(laplacian_energy(true_frame.mouth))

    def result(self) -> Result:
        if not self._energies:
            return {"sharpness": float("nan")}
        return {"sharpness": ratio(np.mean(self._energies), np.mean(self._true_energies))}


def laplacian_energy(crop: np.ndarray) -> float:
    """Variance of the Laplacian of an image's luma: how much fine detail it has (Pech-Pacheco et al., 2000).

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
