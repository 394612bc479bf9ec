"""Metrics: one a file, each a class of the metric protocol with the pure functions on arrays that it is made of.

`METRICS` (`table`) is the table of them; `visavox.evaluation` measures videos with it. `metric` is the protocol,
`pair` what a metric is given; `curves`, `frechet` and `sync` are computations that several share; `motion` and
`motion_sync` compare generated landmarks.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.metrics.curves import CurveAgreement, compare_curves, gain, lagged_correlation, opening_correlation
    from visavox.metrics.metric import Measure, Metric, MetricInfo, Need, NotMeasured, Result, model_digest
    from visavox.metrics.motion import MotionAgreement, compare_motions, landmark_frechet_distance
    from visavox.metrics.motion_sync import apart_agreement, found_offset, mean_agreement
    from visavox.metrics.mouth_image import psnr, squared_error, ssim
    from visavox.metrics.pair import Video, VideoPair, frame_rate, heads_coincide, pair_times
    from visavox.metrics.table import (
        METRICS,
        Metrics,
        choose_metrics,
        metric_class,
        metric_infos,
        reduce_all,
        without_frames,
    )

_HOMES = {
    "CurveAgreement": "curves",
    "METRICS": "table",
    "Measure": "metric",
    "Metric": "metric",
    "MetricInfo": "metric",
    "Metrics": "table",
    "MotionAgreement": "motion",
    "Need": "metric",
    "NotMeasured": "metric",
    "Result": "metric",
    "Video": "pair",
    "VideoPair": "pair",
    "apart_agreement": "motion_sync",
    "choose_metrics": "table",
    "compare_curves": "curves",
    "compare_motions": "motion",
    "found_offset": "motion_sync",
    "frame_rate": "pair",
    "gain": "curves",
    "heads_coincide": "pair",
    "lagged_correlation": "curves",
    "landmark_frechet_distance": "motion",
    "mean_agreement": "motion_sync",
    "metric_class": "table",
    "metric_infos": "table",
    "model_digest": "metric",
    "opening_correlation": "curves",
    "pair_times": "pair",
    "psnr": "mouth_image",
    "reduce_all": "table",
    "squared_error": "mouth_image",
    "ssim": "mouth_image",
    "without_frames": "table",
}

__all__ = [
    "METRICS",
    "CurveAgreement",
    "Measure",
    "Metric",
    "MetricInfo",
    "Metrics",
    "MotionAgreement",
    "Need",
    "NotMeasured",
    "Result",
    "Video",
    "VideoPair",
    "apart_agreement",
    "choose_metrics",
    "compare_curves",
    "compare_motions",
    "found_offset",
    "frame_rate",
    "gain",
    "heads_coincide",
    "lagged_correlation",
    "landmark_frechet_distance",
    "mean_agreement",
    "metric_class",
    "metric_infos",
    "model_digest",
    "opening_correlation",
    "pair_times",
    "psnr",
    "reduce_all",
    "squared_error",
    "ssim",
    "without_frames",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
