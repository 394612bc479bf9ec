"""Metrics: one a file, each a class of the metric protocol with the pure functions on arrays that it is made of.

`METRICS` is the table of them; `visavox.evaluation` measures videos with it.
"""

from __future__ import annotations

from visavox.metrics.curves import CurveAgreement, compare_curves, gain, lagged_correlation, opening_correlation
from visavox.metrics.metric import Measure, Metric, MetricInfo, NotMeasured
from visavox.metrics.table import METRICS, choose_metrics, metric_infos

__all__ = [
    "METRICS",
    "CurveAgreement",
    "Measure",
    "Metric",
    "MetricInfo",
    "NotMeasured",
    "choose_metrics",
    "compare_curves",
    "gain",
    "lagged_correlation",
    "metric_infos",
    "opening_correlation",
]
