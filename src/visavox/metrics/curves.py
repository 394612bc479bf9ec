"""Does a mouth move when and as far as it should: two curves over the frames of a video, compared.

A curve is the lip opening or the lip width of `visavox.face.geometry.landmarks`, one value a frame, NaN where no
face was found. Nothing here smooths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

Array = TypeVar("Array", np.ndarray, "torch.Tensor")

MAXIMUM_LAG = 15
"""Lags are searched from -15 to +15 frames (the range of SyncNet's offset, Chung & Zisserman 2016)."""

MINIMUM_OVERLAP = 12
"""A lag is considered only where at least this many frames of both curves meet."""

_STILL = 1e-12
"""Sum of squares about the mean below which a curve (of values around 0.1) counts as constant."""


@dataclass(frozen=True)
class CurveAgreement:
    """Agreement of a dubbed curve with the true one. NaN where a curve does not move or is too short."""

    correlation: float
    """Pearson correlation at lag 0: what a viewer sees."""
    best_lag: int
    """Lag in frames with the highest correlation; positive: the dubbed mouth comes late."""
    best_correlation: float
    """The correlation at that lag."""
    gain: float
    """Standard deviation of the dubbed curve over that of the true one; 1 opens as far as the truth."""
    by_lag: tuple[float, ...]
    """Correlation at every lag from -maximum to +maximum; NaN where too few frames overlap."""
    num_frames: int
    """Frames in which both curves have a value."""


def opening_correlation(predicted: Array, true: Array) -> Any:
    """Pearson correlation of two curves at lag 0, over the last axis.

        r = sum((p - mean p) (q - mean q)) / sqrt(sum((p - mean p)^2) sum((q - mean q)^2))

    Works on numpy arrays and, differentiably, on torch tensors, so training validates with the very
    function that the report uses. Frames in which either curve is NaN are left out.

    Args:
        predicted: (..., T), for example lip opening of the generated mouth.
        true: (..., T), the same of the recording.

    Returns:
        (...), -1 to 1; NaN where a curve is constant or fewer than 3 frames are left.

    >>> round(float(opening_correlation(np.array([0.0, 1, 2, 3]), np.array([1.0, 3, 5, 7]))), 6)
    1.0
    >>> round(float(opening_correlation(np.array([0.0, 1, 0, 1]), np.array([1.0, 0, 1, 0]))), 6)
    -1.0
    """
    covariance, predicted_square, true_square, count = _moments(predicted, true)
    product = predicted_square * true_square
    # A constant curve leaves rounding noise, whose correlation would look like a value.
    moved = (count >= 3) & (predicted_square > _STILL) & (true_square > _STILL)
    space = _namespace(predicted)
    spread = space.where(moved, product, product * 0 + 1) ** 0.5  # never the root of 0, whose slope is infinite
    return space.where(moved, covariance / spread, product * 0 + np.nan)


def gain(predicted: Array, true: Array) -> Any:
    """Ratio of standard deviations: how far a mouth moves compared with the true one, over the last axis.

        g = std(p) / std(q), over the frames in which both have a value

    >>> round(float(gain(np.array([0.0, 1, 0, 1]), np.array([0.0, 2, 0, 2]))), 6)
    0.5
    """
    _, predicted_square, true_square, count = _moments(predicted, true)
    space = _namespace(predicted)
    moved = (count >= 3) & (true_square > _STILL)
    ratio = (predicted_square / space.where(moved, true_square, true_square * 0 + 1)) ** 0.5
    return space.where(moved, ratio, ratio * 0 + np.nan)


def lagged_correlation(predicted: np.ndarray, true: np.ndarray, lag: int, minimum_overlap: int = 3) -> float:
    """Pearson correlation of `predicted[t + lag]` with `true[t]`.

    Args:
        predicted: (T,).
        true: (T,).
        lag: frames by which the predicted curve is read later; the lag of a late mouth is positive.
        minimum_overlap: fewer shared frames than this give NaN.

    >>> true = np.array([0.0, 1, 0, 2, 1, 0, 3, 1])
    >>> round(lagged_correlation(np.roll(true, 2), true, 2), 6)
    1.0
    """
    early, late = _overlap(predicted, true, lag)
    if np.count_nonzero(np.isfinite(early) & np.isfinite(late)) < minimum_overlap:
        return float("nan")
    return float(opening_correlation(early, late))


def compare_curves(
    predicted: np.ndarray,
    true: np.ndarray,
    maximum_lag: int = MAXIMUM_LAG,
    minimum_overlap: int = MINIMUM_OVERLAP,
) -> CurveAgreement:
    """Compare two curves of the same length: correlation, best lag and gain.

    Args:
        predicted: (T,), of the dubbed video.
        true: (T,), of the recording, frame by frame at the same times.
        maximum_lag: lags from minus to plus this many frames are tried.
        minimum_overlap: frames that both curves must share at a lag for it to be considered.

    Raises:
        ValueError: the curves differ in length.
    """
    predicted, true = _checked(predicted, true)
    by_lag = tuple(
        lagged_correlation(predicted, true, lag, minimum_overlap) for lag in range(-maximum_lag, maximum_lag + 1)
    )
    best_lag, best = _best(by_lag)
    return CurveAgreement(
        correlation=float(opening_correlation(predicted, true)),
        best_lag=best_lag,
        best_correlation=best,
        gain=float(gain(predicted, true)),
        by_lag=by_lag,
        num_frames=int(np.count_nonzero(np.isfinite(predicted) & np.isfinite(true))),
    )


def pool_curves(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    maximum_lag: int = MAXIMUM_LAG,
    minimum_overlap: int = MINIMUM_OVERLAP,
) -> CurveAgreement:
    """Compare many pairs of curves (T,) as one: every clip less its own mean, then all frames together.

        r(lag) = sum over clips of covariance(lag) / sqrt(sum of squares(lag) * sum of squares(lag))

    A clip of 30 frames gives a noisy correlation, and so a noisy lag; the pooled value weighs each clip by
    its length and by how much the mouths in it move.

    >>> true = np.array([0.0, 1, 0, 2, 1, 0, 3, 1])
    >>> pooled = pool_curves([(true + 5, true), (true - 5, true)], 1, 3)
    >>> round(pooled.correlation, 6), pooled.best_lag, round(pooled.gain, 6)
    (1.0, 0, 1.0)
    """
    checked = [_checked(predicted, true) for predicted, true in pairs]

    def pooled(lag: int) -> tuple[float, float, float, int]:
        sums = np.zeros(4)
        for predicted, true in checked:
            early, late = _overlap(predicted, true, lag)
            moments = [float(value) for value in _moments(early, late)]
            if moments[3] >= (3 if lag == 0 else minimum_overlap):
                sums += moments
        return float(sums[0]), float(sums[1]), float(sums[2]), int(sums[3])

    def correlation(lag: int) -> float:
        covariance, predicted_square, true_square, count = pooled(lag)
        spread = (predicted_square * true_square) ** 0.5
        return covariance / spread if count >= 3 and spread > _STILL else float("nan")

    by_lag = tuple(correlation(lag) for lag in range(-maximum_lag, maximum_lag + 1))
    best_lag, best = _best(by_lag)
    _, predicted_square, true_square, count = pooled(0)
    return CurveAgreement(
        correlation=correlation(0),
        best_lag=best_lag,
        best_correlation=best,
        gain=(predicted_square / true_square) ** 0.5 if true_square > _STILL else float("nan"),
        by_lag=by_lag,
        num_frames=count,
    )


def mean_best_lag(agreements: Sequence[CurveAgreement]) -> tuple[int, float]:
    """Return `best_mean_lag` of some agreements."""
    return best_mean_lag([agreement.by_lag for agreement in agreements])


def best_mean_lag(by_lag: Sequence[Sequence[float] | np.ndarray]) -> tuple[int, float]:
    """Lag at which the correlation, averaged over clips, is highest, and that average.

    Lags that some clip is too short for are left to the clips that reach them, if these are at least half.

    Args:
        by_lag: of each clip (2 n + 1,), the correlations at lags -n to n (`CurveAgreement.by_lag`).

    >>> best_mean_lag([(0.1, 0.5, 0.6), (float("nan"), 0.7, 0.2)])
    (0, 0.6)
    """
    table = np.array(by_lag, dtype=np.float64)
    finite = np.isfinite(table)
    counts = finite.sum(axis=0)
    sums = np.where(finite, table, 0).sum(axis=0)
    means = np.where(counts * 2 >= len(table), sums / np.maximum(counts, 1), np.nan)
    return _best(tuple(means.tolist()))


def _best(by_lag: Sequence[float]) -> tuple[int, float]:
    """Lag and value of the maximum of correlations at lags -n..n; of equals the smallest lag. Lag 0 if all are NaN."""
    half = len(by_lag) // 2
    best_lag, best = 0, by_lag[half]
    for lag in sorted(range(-half, half + 1), key=abs):
        value = by_lag[lag + half]
        if np.isfinite(value) and not best >= value:
            best_lag, best = lag, value
    return best_lag, float(best)


def _overlap(predicted: np.ndarray, true: np.ndarray, lag: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `predicted[t + lag]` and `true[t]` for every t that both have."""
    length = min(len(predicted), len(true))
    start, stop = max(0, -lag), min(length, length - lag)
    if stop <= start:
        return predicted[:0], true[:0]
    return predicted[start + lag : stop + lag], true[start:stop]


def _moments(predicted: Any, true: Any) -> tuple[Any, Any, Any, Any]:
    """Sums over the last axis of products and squares about the mean, and the number of frames that have both."""
    space = _namespace(predicted)
    valid = (predicted == predicted) & (true == true)
    count = valid.sum(axis=-1)
    divisor = count + (count == 0)

    def centred(curve: Any) -> Any:
        filled = space.where(valid, curve, space.zeros_like(curve))
        mean = filled.sum(axis=-1) / divisor
        return space.where(valid, filled - mean[..., None], space.zeros_like(filled))

    first, second = centred(predicted), centred(true)
    return (first * second).sum(axis=-1), (first**2).sum(axis=-1), (second**2).sum(axis=-1), count


def _checked(predicted: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    predicted, true = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
    if predicted.ndim != 1 or predicted.shape != true.shape:
        raise ValueError(f"curves of shape {predicted.shape} and {true.shape} given; both must be (T,) of one length")
    return predicted, true


def _namespace(array: Any) -> Any:
    """Return numpy or torch: both offer the few functions that are used here under the same names."""
    if isinstance(array, np.ndarray):
        return np
    import torch

    return torch
