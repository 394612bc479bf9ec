"""Measure dubbed videos against their true recordings: both are read once, and all metrics are fed from that."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visavox.evaluation.pairs import EvaluationPair
from visavox.evaluation.report import Report
from visavox.evaluation.videos import TrackCache, check_files, feed_measures, open_pair
from visavox.metrics.metric import Measure, Metric, NotMeasured, Result
from visavox.metrics.pair import VideoPair, frame_rate
from visavox.metrics.table import Metrics, choose_metrics
from visavox.progress import QUIET, Progress
from visavox.types import PathLike


@dataclass(frozen=True)
class EvaluationSettings:
    """Choices of the face and of the alignment of two videos."""

    face: str = "largest"
    """Face of both videos: largest, leftmost, rightmost or a number."""
    always_align: bool = False
    """Move the dubbed face onto the true one for PSNR and SSIM even where the heads nearly coincide: values of two
    dubs of a backward video compare only if both were taken in the same way."""
    cache: PathLike | None = None
    """Folder that keeps the landmarks of recordings and sources (not of dubbed videos); None tracks them again."""


def evaluate(
    dubbed: PathLike,
    truth: PathLike,
    *,
    audio: PathLike | None = None,
    source: PathLike | None = None,
    metrics: Sequence[str] | Metrics | None = None,
    settings: EvaluationSettings | None = None,
    progress: Progress = QUIET,
) -> Report:
    """Measure a dubbed video against a recording of the same person saying the same words.

    Frames are paired by presentation time; curves are of the dubbed video's frames.

    Args:
        dubbed: the video to measure.
        truth: the recording.
        audio: the speech that the mouth should follow; None: the dubbed video's own audio. Its first sample is
            heard with the first frame.
        source: the video that was dubbed, for the pixels outside the generated region; None: the truth, if the
            head does the same in both.
        metrics: names of metrics (`visavox.metrics.METRICS`), or metrics by name, as `choose_metrics` makes them with
            options; None: those that need no further weights.
        settings: which face, and how the videos are brought together.
        progress: takes the events, and may cancel the work.

    Returns:
        the values, with the curves that they came from.

    Raises:
        InputError: a file cannot be used, shows no face, or the videos share no frame with a face in both; or there is
            no such metric.
    """
    files = EvaluationPair(
        Path(dubbed),
        Path(truth),
        audio=None if audio is None else Path(audio),
        source=None if source is None else Path(source),
    )
    return evaluate_pair(files, metrics, settings, progress)


def evaluate_pair(
    files: EvaluationPair,
    metrics: Sequence[str] | Metrics | None = None,
    settings: EvaluationSettings | None = None,
    progress: Progress = QUIET,
) -> Report:
    """Measure the files of a pair; the other arguments are those of `evaluate`."""
    selection = metrics if isinstance(metrics, Mapping) else choose_metrics(metrics or ())
    check_files(files)
    return measure_pair(files, selection, settings, progress)


def measure_pair(
    files: EvaluationPair, metrics: Metrics, settings: EvaluationSettings | None, progress: Progress
) -> Report:
    """Measure the files of a pair that passed `videos.check_files`; the rest is that of `evaluate`."""
    settings = settings or EvaluationSettings()
    missing: dict[str, str] = {}
    ready = prepare_metrics(metrics, missing)
    pair = open_pair(files, settings.face, settings.always_align, TrackCache(settings.cache), progress)
    measures = _start(ready, pair, missing)
    feed_measures(pair, [(ready[name].needs, measure) for name, measure in measures.items()], progress)
    values: dict[str, float] = {}
    arrays: dict[str, np.ndarray] = {}
    for name, measure in measures.items():
        try:
            _sort(measure.result(), ready[name], values, arrays, missing)
        except NotMeasured as reason:
            missing |= {info.name: str(reason) for info in ready[name].infos}
    return Report(
        dubbed=str(files.dubbed),
        truth=str(files.truth),
        num_frames=len(pair.paired),
        num_compared=int(pair.both.sum()),
        frame_rate=frame_rate(pair.dubbed.track.times),
        aligned=pair.aligned,
        values=values,
        missing=missing,
        arrays=arrays,
    )


def prepare_metrics(metrics: Metrics, missing: dict[str, str]) -> dict[str, Metric]:
    """Load what metrics need, before any work.

    Args:
        metrics: by name.
        missing: receives the values that cannot be measured at all, with the reason.

    Returns:
        the metrics that can be measured.

    Raises:
        InputError: a file that was given for one cannot be used.
    """
    ready = {}
    for name, metric in metrics.items():
        try:
            metric.prepare()
            ready[name] = metric
        except NotMeasured as reason:
            missing |= {info.name: str(reason) for info in metric.infos}
    return ready


def _start(metrics: Metrics, pair: VideoPair, missing: dict[str, str]) -> dict[str, Measure]:
    """Begin with a pair; note what cannot be measured on it."""
    measures = {}
    for name, metric in metrics.items():
        try:
            measures[name] = metric.start(pair)
        except NotMeasured as reason:
            missing |= {info.name: str(reason) for info in metric.infos}
    return measures


def _sort(
    result: Result,
    metric: Metric,
    values: dict[str, float],
    arrays: dict[str, np.ndarray],
    missing: dict[str, str],
) -> None:
    """Put the numbers of a result to the values, its arrays to the arrays, what is no number to what is missing."""
    reasons = {info.name: info.undefined for info in metric.infos}
    for name, value in result.items():
        if isinstance(value, np.ndarray):
            arrays[name] = value
        elif math.isnan(value):
            missing[name] = reasons.get(name, "not a number")
        else:
            values[name] = float(value)
