"""Many evaluations: every pair of a list, then the averages of its groups."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from visavox.errors import InputError
from visavox.evaluation.evaluation import EvaluationSettings, evaluate_pair
from visavox.evaluation.pairs import EvaluationPair
from visavox.evaluation.plot import IMAGE_SUFFIXES, plot_curves
from visavox.evaluation.report import Report, Summary, summarise
from visavox.evaluation.videos import driving_audio
from visavox.metrics.table import Metrics
from visavox.progress import QUIET, Progress


def evaluate_all(
    pairs: Sequence[EvaluationPair],
    metrics: Metrics,
    *,
    settings: EvaluationSettings | None = None,
    plots: Sequence[Path] | None = None,
    progress: Progress = QUIET,
) -> list[Report]:
    """Evaluate pair after pair.

    Args:
        pairs: what to compare.
        metrics: by name, as `visavox.metrics.choose_metrics` makes them.
        settings: as of `evaluate`.
        plots: for each pair an image to draw; None draws none.
        progress: the bars.

    Returns:
        reports in the order of the pairs.
    """
    reports = []
    for number, pair in enumerate(pairs):
        reports.append(evaluate_pair(pair, metrics, settings, progress))
        if plots is not None:
            plot_curves(reports[-1], plots[number], driving_audio(pair.dubbed, pair.audio))
    return reports


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
