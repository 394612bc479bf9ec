"""Evaluation: dubbed videos measured against their true recordings, one pair or, as a job, any number with averages.

Both videos of a pair are read once, and all metrics are fed from that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visavox.errors import InputError
from visavox.evaluation.pairs import EvaluationPair
from visavox.evaluation.plot import IMAGE_SUFFIXES, plot_curves
from visavox.evaluation.report import Report, Summary, summarise
from visavox.evaluation.videos import TrackCache, check_files, driving_audio, feed_measures, open_pair
from visavox.metrics import Measure, Metric, Metrics, NotMeasured, Result, VideoPair, choose_metrics, frame_rate
from visavox.progress import QUIET, Progress
from visavox.runtime.job import Job
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


class EvaluationJob(Job[list[Report]]):
    """An evaluation that passed its checks; its result is a report for each pair, in their order.

    Landmarks of recordings that were tracked before a job was cancelled are there for the next one, if the settings
    name a folder for them (`EvaluationSettings.cache`).

    Attributes:
        pairs: what is compared.
    """

    def __init__(
        self,
        pairs: Sequence[EvaluationPair],
        metrics: Metrics,
        settings: EvaluationSettings | None = None,
        plots: Sequence[Path] | None = None,
    ) -> None:
        """Keep what was checked.

        Args:
            pairs: what to compare.
            metrics: by name.
            settings: as of `evaluate`.
            plots: for each pair an image to draw; None draws none.
        """
        self.pairs = tuple(pairs)
        self._metrics, self._settings, self._plots = metrics, settings, plots

    def _work(self, progress: Progress) -> list[Report]:
        reports: list[Report] = []
        many = len(self.pairs) > 1
        with progress.bar("evaluate", len(self.pairs), "pair") if many else nullcontext() as bar:
            for pair in self.pairs:
                progress.raise_if_cancelled()
                reports.append(measure_pair(pair, self._metrics, self._settings, progress))
                if self._plots is not None:
                    plot_curves(reports[-1], self._plots[len(reports) - 1], driving_audio(pair.dubbed, pair.audio))
                if bar is not None:
                    bar.update(1)
        return reports


def check_evaluation(
    pairs: Sequence[EvaluationPair],
    metrics: Metrics,
    *,
    settings: EvaluationSettings | None = None,
    plot: Path | None = None,
) -> EvaluationJob:
    """Check everything about an evaluation that can be known before the work, and return it as a job.

        job = check_evaluation(find_pairs(dubbed, truth), choose_metrics())
        reports = job.run(on_event=print)

    Args:
        pairs: what to compare, at least one.
        metrics: by name, as `visavox.metrics.choose_metrics` makes them; their networks are loaded here.
        settings: as of `evaluate`.
        plot: an image to draw, or with several pairs a folder for the images, which is made; None draws none.

    Returns:
        the job.

    Raises:
        InputError: a file of any of the pairs or of a metric cannot be used, or the plot cannot be written.
    """
    for pair in pairs:
        check_files(pair)
    prepare_metrics(metrics, {})
    return EvaluationJob(pairs, metrics, settings, plan_plots(plot, pairs))


def group_rows(pairs: Sequence[EvaluationPair], reports: Sequence[Report]) -> list[tuple[str, Summary]]:
    """Combine the reports of each group, and of all.

    Returns:
        name and summary of every group in alphabetical order, then of all, named `mean`; a single video is a single
        row with its own name.
    """
    if len(reports) == 1:
        return [(Path(reports[0].dubbed).name, summarise(reports))]
    names = sorted({pair.group for pair in pairs})
    rows = []
    if len(names) > 1:
        for name in names:
            members = [report for pair, report in zip(pairs, reports, strict=True) if pair.group == name]
            rows.append((f"{name or '(no group)'} ({len(members)})", summarise(members)))
    return [*rows, (f"mean ({len(reports)})", summarise(reports))]


def plan_plots(plot: Path | None, pairs: Sequence[EvaluationPair]) -> list[Path] | None:
    """Name the image of every pair: the path itself for one pair, else files in that folder, which is made.

    Raises:
        InputError: the path cannot be written.
    """
    from visavox.media import check_output

    if plot is None:
        return None
    if len(pairs) == 1:
        check_output(plot, [pairs[0].dubbed, pairs[0].truth], overwrite=True, extensions=IMAGE_SUFFIXES)
        return [plot]
    if plot.suffix.lower() in IMAGE_SUFFIXES:
        raise InputError(f"{plot} is one image, but {len(pairs)} videos are measured; give the name of a folder")
    try:
        plot.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {plot} cannot be made ({error.strerror}); choose another") from error
    names = ["_".join([*filter(None, pair.group.split("/")), pair.dubbed.stem]) for pair in pairs]
    if len(set(names)) < len(names):
        names = [f"{number:04d}_{name}" for number, name in enumerate(names, 1)]
    return [plot / f"{name}.png" for name in names]
