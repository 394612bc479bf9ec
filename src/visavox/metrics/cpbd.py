"""CPBD: share of the edges of a face that are too sharp for anybody to see blur in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from visavox.metrics.metric import Measure, Metric, MetricInfo, Result, mean
from visavox.metrics.pair import FaceFrame, VideoPair, luma

BLOCK = 64
"""Side of the blocks in pixels, about what the fovea sees at once."""
EDGE_SHARE = 0.002
"""A block with a smaller share of edge pixels is smooth and does not count."""
BETA = 3.6
"""Exponent of the psychometric function."""
LOW_CONTRAST, WIDTH_LOW, WIDTH_HIGH = 50, 5, 3
"""Width of just noticeable blur in pixels: 5 in blocks of a contrast up to 50 levels, 3 in the others."""
JUST_NOTICEABLE = 0.63
"""Probability of seeing blur in an edge of that width: 1 - 1/e."""
LONGEST = 100
"""Pixels to either side over which an edge is followed."""


_SOURCE = "Narvekar and Karam, IEEE TIP 2011"
_TOO_SMALL = f"no block of {BLOCK}x{BLOCK} pixels of a face holds an edge"


@dataclass(frozen=True, kw_only=True)
class CpbdOptions:
    """Sharpness without a reference."""

    cpbd: bool = False
    """Measure CPBD, sharpness without a reference, of the face in both videos."""


class Cpbd(Metric):
    """CPBD of the dubbed and of the true face, mean over frames."""

    infos = (
        MetricInfo(
            name="cpbd",
            column="CPBD",
            title="Cumulative probability of blur detection",
            formula="share of the edges of the face that are too narrow for blur to be seen in them; mean over frames",
            source=_SOURCE,
            range="0 to 1",
            higher_is_better=True,
            best="1",
            undefined=_TOO_SMALL,
        ),
        MetricInfo(
            name="true_cpbd",
            column="true CPBD",
            title="CPBD of the recording",
            formula="the same of the true face: what the camera gave",
            source=_SOURCE,
            range="0 to 1",
            undefined=_TOO_SMALL,
            real_of="cpbd",
        ),
    )
    needs = frozenset({"frames"})
    options_type = CpbdOptions
    by_default = False

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos."""
        return _CpbdMeasure()

    def content(self) -> dict[str, Any]:
        """Return nothing: there is nothing to choose."""
        return {}


class _CpbdMeasure(Measure):
    def __init__(self) -> None:
        self._values: list[float] = []
        self._true_values: list[float] = []

    def add(self, frame: FaceFrame, true_frame: FaceFrame | None) -> None:
        if true_frame is not None:
            for each, values in ((frame, self._values), (true_frame, self._true_values)):
                values.append(cpbd(face_rectangle(each.image, each.landmarks)))

    def result(self) -> Result:
        return {"cpbd": mean(self._values), "true_cpbd": mean(self._true_values)}


def face_rectangle(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Cut the upright rectangle around all landmarks (L, 2 or 3) of a face out of an image (H, W, 3), not resampled."""
    low = np.clip(np.floor(landmarks[:, :2].min(axis=0)).astype(int), 0, None)
    high = np.ceil(landmarks[:, :2].max(axis=0)).astype(int) + 1
    return image[low[1] : high[1], low[0] : high[0]]


def cpbd(image: np.ndarray) -> float:
    """Cumulative probability of blur detection (Narvekar and Karam, IEEE Transactions on Image Processing, 2011).

        P(e) = 1 - exp(-(w(e) / w_JNB)^3.6)        CPBD = share of edges e with P(e) <= 0.63

    over the vertical edges e in all blocks of 64 pixels that hold edges at all; w(e) is the width of the edge along
    its row, from the local minimum of brightness to the local maximum (Marziliano et al. 2004), and w_JNB the width
    of which blur is just noticeable. Edge detectors and rounding are those of the Python version (package `cpbd`) of
    the authors' program, with which values in papers are made. It needs no reference, and it depends on the
    resolution: the same face drawn larger is less sharp.

    Args:
        image: uint8 RGB (H, W, 3), not resampled.

    Returns:
        0 (every edge is blurred) to 1 (none is); NaN where no block of 64x64 pixels holds an edge.

    >>> def edge(softness):
    ...     row = 100 + 100 * np.tanh((np.arange(64) - 31) / softness)
    ...     return np.broadcast_to(np.rint(row)[None, :, None], (64, 64, 3)).astype(np.uint8)
    >>> cpbd(edge(0.3)), cpbd(edge(3))
    (1.0, 0.0)
    """
    from skimage.feature import canny

    gray = np.rint(luma(image)).astype(np.float64)
    edges, widths = canny(gray), edge_widths(gray)
    probabilities = []
    for top in range(0, gray.shape[0] - BLOCK + 1, BLOCK):
        for left in range(0, gray.shape[1] - BLOCK + 1, BLOCK):
            block = slice(top, top + BLOCK), slice(left, left + BLOCK)
            if np.count_nonzero(edges[block]) > EDGE_SHARE * BLOCK**2:
                contrast = int(np.ptp(gray[block]))
                noticeable = WIDTH_LOW if contrast <= LOW_CONTRAST else WIDTH_HIGH
                found = widths[block][widths[block] > 0]
                probabilities.append(1 - np.exp(-((found / noticeable) ** BETA)))
    seen = np.concatenate([*probabilities, np.empty(0)])
    return float(np.mean(np.rint(100 * seen) <= 100 * JUST_NOTICEABLE)) if len(seen) else float("nan")


def edge_widths(gray: np.ndarray) -> np.ndarray:
    """Find the vertical edges of an image and how wide each is.

    Args:
        gray: float64 (H, W), brightness 0-255.

    Returns:
        int64 (H, W): width in pixels where an edge is, 0 elsewhere.
    """
    rise_down, rise_right = np.gradient(gray)
    # An image that is level along its row counts as rising, as in the package.
    angle = np.degrees(np.where(rise_right == 0, 0, np.arctan2(rise_down, rise_right)))
    direction = np.rint(angle / 45)
    widths = np.zeros(gray.shape, np.int64)
    inside = np.zeros(gray.shape, bool)
    inside[1:-1, 1:-1] = True
    edges = _sobel_edges(gray) & inside
    for sign, selection in ((1, direction == 0), (-1, np.abs(direction) == 4)):
        where = edges & selection
        width = _falling_to_the_left(sign * gray) + _falling_to_the_left(-sign * gray[:, ::-1])[:, ::-1] + 2
        widths[where] = width[where]
    return widths


def _falling_to_the_left(gray: np.ndarray) -> np.ndarray:
    """Count for how many steps, seen from the left neighbour of each pixel, brightness falls on to the left."""
    steps = np.zeros(gray.shape, np.int64)
    for column in range(2, gray.shape[1]):
        falls = gray[:, column - 2] < gray[:, column - 1]
        steps[:, column] = np.where(falls, steps[:, column - 1] + 1, 0)
    return np.minimum(steps, LONGEST)


def _sobel_edges(gray: np.ndarray) -> np.ndarray:
    """Find vertical edges: where the Sobel filter is strong and stronger than beside or than above and below."""
    from scipy.ndimage import sobel

    strength = (sobel(gray, axis=1) / 8) ** 2
    strength[strength <= 2 * np.sqrt(strength.mean())] = 0
    padded = np.pad(strength, 1)
    beside = (strength > padded[1:-1, :-2]) & (strength > padded[1:-1, 2:])
    is_maximum: np.ndarray = beside | ((strength > padded[:-2, 1:-1]) & (strength > padded[2:, 1:-1]))
    return is_maximum
