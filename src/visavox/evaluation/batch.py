"""Many evaluations: every pair of a list, then the means of its groups."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from visavox.errors import InputError
from visavox.evaluation.evaluation import EvaluationSettings, driving_sound, evaluate
from visavox.evaluation.expert_sync import load_expert
from visavox.evaluation.face_judges import FaceJudges
from visavox.evaluation.lip_sync_error import load_syncnet
from visavox.evaluation.manifest import EvaluationPair
from visavox.evaluation.plot import PICTURE_SUFFIXES, plot_curves
from visavox.evaluation.report import Report, summarise
from visavox.evaluation.track_cache import TrackCache
from visavox.progress import QUIET, Progress
from visavox.types import PathLike


def evaluate_all(
    pairs: Sequence[EvaluationPair],
    *,
    expert: PathLike | None = None,
    sync_model: PathLike | None = None,
    settings: EvaluationSettings | None = None,
    tracks: TrackCache | None = None,
    plots: Sequence[Path] | None = None,
    face_judges: FaceJudges | None = None,
    progress: Progress = QUIET,
) -> list[Report]:
    """Evaluate pair after pair; arguments as `visavox.metrics.evaluate`, reports in the order of the pairs.

    Args:
        pairs: what to compare.
        expert: name or file of an expert.
        sync_model: converted file of the published SyncNet.
        settings: what is measured.
        tracks: where landmarks are kept.
        plots: for each pair a picture to draw; None draws none.
        face_judges: networks that judge the picture of the face.
        progress: the bars.
    """
    loaded = None if expert is None else load_expert(expert)
    syncnet = None if sync_model is None else load_syncnet(sync_model)
    reports = []
    for number, pair in enumerate(pairs):
        report = evaluate(
            pair.dubbed,
            pair.truth,
            audio=pair.audio,
            source=pair.source,
            expert=loaded,
            sync_model=syncnet,
            settings=settings,
            tracks=tracks,
            face_judges=face_judges,
            progress=progress,
        )
        reports.append(report)
        if plots is not None:
            plot_curves(report, plots[number], driving_sound(pair.dubbed, pair.audio))
    return reports


def group_rows(pairs: Sequence[EvaluationPair], reports: Sequence[Report]) -> list[tuple[str, dict[str, Any]]]:
    """Average the reports of each group, and of all.

    Returns:
        name and figures (`report.summarise`) of every group in alphabetical order, then of all, named `mean`; a
        single video is a single row with its own name.
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
    """Name the picture of every pair: the path itself for one pair, else files in that folder, which is made.

    Raises:
        InputError: the path cannot be written.
    """
    from visavox.media import check_output

    if plot is None:
        return None
    if len(pairs) == 1:
        check_output(plot, [pairs[0].dubbed, pairs[0].truth], overwrite=True, extensions=PICTURE_SUFFIXES)
        return [plot]
    if plot.suffix.lower() in PICTURE_SUFFIXES:
        raise InputError(f"{plot} is one picture, but {len(pairs)} videos are measured; give the name of a folder")
    try:
        plot.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {plot} cannot be made ({error.strerror}); choose another") from error
    names = ["_".join([*filter(None, pair.group.split("/")), pair.dubbed.stem]) for pair in pairs]
    if len(set(names)) < len(names):
        names = [f"{number:04d}_{name}" for number, name in enumerate(names, 1)]
    return [plot / f"{name}.png" for name in names]
