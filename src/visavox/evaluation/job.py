"""An evaluation as a job: pairs of videos measured one after the other, then the averages of their groups."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from visavox.errors import InputError
from visavox.evaluation.evaluation import EvaluationSettings, measure_pair, prepare_metrics
from visavox.evaluation.pairs import EvaluationPair
from visavox.evaluation.plot import IMAGE_SUFFIXES, plot_curves
from visavox.evaluation.report import Report, Summary, summarise
from visavox.evaluation.videos import check_files, driving_audio
from visavox.metrics.table import Metrics
from visavox.progress import Progress
from visavox.runtime.job import Job


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
