"""Lip motion: do the lips open and widen when and as far as the true ones do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from visavox.face.geometry import mouth_opening, mouth_width
from visavox.metrics.curves import MAXIMUM_LAG, CurveAgreement, best_mean_lag, compare_curves, pool_curves
from visavox.metrics.metric import Measure, Metric, MetricInfo, Result
from visavox.metrics.pair import VideoPair

_STILL = "a mouth does not move, or is seen in too few frames of both videos"
_LAGS = f"-{MAXIMUM_LAG} to {MAXIMUM_LAG}"
_LAG = "lag at which that correlation is highest; above 0 the dubbed mouth is late"


def _info(name: str, column: str, title: str, formula: str, decimals: int = 2, **more: Any) -> MetricInfo:
    more = {"undefined": _STILL, "needs_same_words": True, "range": "-1 to 1", **more}
    return MetricInfo(name=name, column=column, title=title, formula=formula, decimals=decimals, **more)


def _infos(curve: str, title: str, distance: str) -> dict[str, MetricInfo]:
    """Describe the values of one curve; `pooled` are of several videos."""
    hidden = {"in_table": False}
    short = "open" if curve == "opening" else curve
    return {
        "correlation": _info(
            f"{curve}.correlation",
            f"{short} r",
            f"{title}, correlation",
            f"Pearson correlation over frames of the distance between {distance}, dubbed and true",
            higher_is_better=True,
            best="1",
        ),
        "best_lag": _info(
            f"{curve}.best_lag",
            "lag" if curve == "opening" else f"{short} lag",
            "Lag of the mouth" if curve == "opening" else f"{title}, lag",
            _LAG,
            0,
            range=_LAGS,
            unit="frames",
            best="0",
        ),
        "best_correlation": _info(
            f"{curve}.best_correlation",
            f"{short} best r",
            f"{title}, correlation at the best lag",
            "the correlation at that lag",
            **hidden,
        ),
        "gain": _info(
            f"{curve}.gain",
            "gain" if curve == "opening" else f"{short} gain",
            f"Gain of the {curve}",
            "how far the dubbed lips move over how far the true ones do",
            range="0 or more",
            best="1",
        ),
        "num_frames": _info(
            f"{curve}.num_frames",
            f"{short} frames",
            f"{title}, frames",
            "frames in which the curve has a value in both videos",
            0,
            range="0 or more",
            **hidden,
        ),
    }


_OPENING = _infos("opening", "Lip opening", "the inner lips")
_WIDTH = _infos("width", "Lip width", "the corners of the mouth")
_POOLED = "over all frames of several videos taken together, each video less its own mean"


def _pooled(name: str, column: str, title: str, decimals: int = 2, **more: Any) -> MetricInfo:
    return _info(
        f"pooled.{name}", column, f"{title}, pooled", _POOLED, decimals, in_table=False, of_groups=True, **more
    )


@dataclass(frozen=True, kw_only=True)
class LipMotionOptions:
    """Range of the lags that are searched."""

    maximum_lag: int = MAXIMUM_LAG
    """Lags that are tried, in frames."""


class LipMotion(Metric):
    """Correlation, lag and gain of lip opening and lip width against the recording's.

    Its result holds the curves too, float64 (P,), NaN without a face: `times`, `opening`, `true_opening`, `width`,
    `true_width`; and the correlation at every lag, `opening.by_lag` and `width.by_lag`.
    """

    infos = (
        _OPENING["correlation"],
        _OPENING["best_lag"],
        _OPENING["gain"],
        _WIDTH["correlation"],
        _OPENING["best_correlation"],
        _OPENING["num_frames"],
        *(
            MetricInfo(**{**vars(_WIDTH[name]), "in_table": False})
            for name in ("best_lag", "best_correlation", "gain", "num_frames")
        ),
        _pooled("correlation", "pooled r", "Lip opening, correlation", higher_is_better=True, best="1"),
        _pooled("best_lag", "pooled lag", "Lag of the mouth", 0, range=_LAGS, unit="frames", best="0"),
        _pooled("best_correlation", "pooled best r", "Lip opening, correlation at the best lag"),
        _pooled("gain", "pooled gain", "Gain of the opening", range="0 or more", best="1"),
        _pooled("num_frames", "pooled frames", "Lip opening, frames", 0, range="0 or more"),
    )
    options_type = LipMotionOptions

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos."""
        return _LipMotionMeasure(pair, self.options.maximum_lag)

    @classmethod
    def reduce(cls, results: Iterable[Result]) -> dict[str, float]:
        """Average; the lag is that of the highest mean correlation, and not the mean of noisy lags."""
        results = list(results)
        found = super().reduce(results)
        lags = [np.asarray(each["opening.by_lag"]) for each in results if "opening.by_lag" in each]
        if lags:
            best_lag, best = best_mean_lag(lags)
            found |= {"opening.best_lag": best_lag if np.isfinite(best) else best, "opening.best_correlation": best}
        curves = [
            (np.asarray(each["opening"]), np.asarray(each["true_opening"])) for each in results if "opening" in each
        ]
        if curves:
            found |= {f"pooled.{name}": value for name, value in agreement_values(pool_curves(curves)).items()}
        return {name: value for name, value in found.items() if not np.isnan(value)}


class _LipMotionMeasure(Measure):
    def __init__(self, pair: VideoPair, maximum_lag: int) -> None:
        self._pair, self._maximum_lag = pair, maximum_lag

    def result(self) -> Result:
        found: dict[str, float | np.ndarray] = {"times": self._pair.times}
        for name, measure in (("opening", mouth_opening), ("width", mouth_width)):
            dubbed, true = self._pair.curves(measure)
            agreement = compare_curves(dubbed, true, self._maximum_lag)
            found |= {name: dubbed, f"true_{name}": true, f"{name}.by_lag": np.array(agreement.by_lag)}
            found |= {f"{name}.{key}": value for key, value in agreement_values(agreement).items()}
        return found


def agreement_values(agreement: CurveAgreement) -> dict[str, float]:
    """Name the numbers of an agreement; a lag without a correlation is none, NaN."""
    found = {
        name: float(getattr(agreement, name))
        for name in ("correlation", "best_lag", "best_correlation", "gain", "num_frames")
    }
    if np.isnan(found["best_correlation"]):
        found["best_lag"] = float("nan")
    return found
