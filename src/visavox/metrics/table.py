"""The table of metrics: options, tables and documentation of `visavox evaluate` are made from it.

A metric is one file with one class and one row here. A row of another package works alike: put
`METRICS["name"] = "package.module:Class"` before the command's `main` is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from visavox.errors import InputError
from visavox.metrics.metric import Metric, MetricInfo

METRICS = {
    "lip_motion": "visavox.metrics.lip_motion:LipMotion",
    "landmark_distance": "visavox.metrics.landmark_distance:LandmarkDistance",
    "psnr": "visavox.metrics.mouth_image:Psnr",
    "ssim": "visavox.metrics.mouth_image:Ssim",
    "lpips": "visavox.metrics.lpips:LpipsMetric",
    "fid": "visavox.metrics.fid:Fid",
    "sharpness": "visavox.metrics.sharpness:Sharpness",
    "cpbd": "visavox.metrics.cpbd:Cpbd",
    "identity": "visavox.metrics.identity:Identity",
    "flicker": "visavox.metrics.flicker:Flicker",
    "outside": "visavox.metrics.outside:Outside",
    "silence": "visavox.metrics.silence:Silence",
    "lip_sync_error": "visavox.metrics.lip_sync_error:LipSyncErrorMetric",
    "expert_sync": "visavox.metrics.expert_sync:ExpertSync",
}
"""Name of a metric -> where its class is, as "module:Class"; in the order of the columns."""

Metrics = Mapping[str, Metric]
"""Metrics by the names of their rows."""


def metric_class(name: str) -> type[Metric]:
    """Import the class of a metric.

    Raises:
        InputError: there is no metric of this name.
    """
    if name not in METRICS:
        raise InputError(f"there is no metric {name!r}; there are {', '.join(METRICS)}")
    module, _, inner = METRICS[name].partition(":")
    found: type[Metric] = getattr(import_module(module), inner)
    return found


def metric_infos() -> list[MetricInfo]:
    """List the descriptions of all values of all metrics, in the order of the table."""
    return [info for name in METRICS for info in metric_class(name).infos]


def choose_metrics(names: Sequence[str] = (), options: Mapping[str, Any] | None = None) -> dict[str, Metric]:
    """Make the metrics that are wanted, in the order of the table.

    Args:
        names: those wanted; none: those that are measured by default. Others are added if their options ask for them.
        options: name of a metric -> its options; defaults for those that are not there.

    Raises:
        InputError: there is no metric of a name, or options do not fit together.
    """
    options = options or {}
    for name in (*names, *options):
        metric_class(name)
    selection = {}
    for name in METRICS:
        kind = metric_class(name)
        own = options.get(name, kind.options_type())
        wanted = name in names if names else kind.by_default
        if wanted or kind.asked_for(own):
            selection[name] = kind(own)
    return selection


def without_frames(metrics: Metrics) -> dict[str, Metric]:
    """Keep the metrics that read tracks and audio alone, and networks of sync, which see every frame.

    Raises:
        InputError: one of the others was asked for expressly.
    """
    images = {"frames", "source", "encoded_source"}
    asked = [name for name, metric in metrics.items() if metric.needs & images and not metric.by_default]
    if asked:
        raise InputError(f"{', '.join(asked)}: measured on images; leave out --without-images")
    return {name: metric for name, metric in metrics.items() if not metric.needs & images}


def reduce_all(results: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Combine the results of several pairs of videos, value by value, as each metric does it (`Metric.reduce`)."""
    found = list(results)
    return {key: value for name in METRICS for key, value in metric_class(name).reduce(found).items()}
