"""`visavox evaluate`: measure dubbed videos against the true recordings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from visavox.cli.common import EXIT_DONE, ReportOptions, cancelled_by_interrupt, parse
from visavox.cli.evaluate_pairs import PairOptions, evaluate_pairs
from visavox.cli.renamed import rename_options
from visavox.metrics.table import METRICS, Metrics, choose_metrics, metric_class, without_frames

RENAMED = {"--without-pictures": "--without-images", "--num-pictures": "--num-images"}
"""Earlier name of an option -> its name."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(ReportOptions):
    """Measure dubbed videos against the true recordings.

    Give two videos, two folders (matched by file name; subfolders are groups), or a .csv or .jsonl list with
    `dubbed`, `truth` and, if wanted, `group`, `audio`, `source`. With --protocol nothing is dubbed yet: give the folder
    of a corpus, and with --pairs which video is to be dubbed with which audio.
    """

    dubbed: Annotated[Path, tyro.conf.Positional]
    """Dubbed video, folder of dubbed videos, or list; with --protocol the folder that the list's paths begin in."""
    truth: Path | None = None
    """The recording, or a folder of recordings; not with a list."""
    audio: Path | None = None
    """The speech that the mouth should follow (or a folder); by default each dubbed video's own audio."""
    source: Path | None = None
    """The video that was dubbed, if it is not the recording: pixels outside the mouth are compared with it."""
    metrics: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME [NAME ...]")] = ()
    """Measure only these, and those that an option of their own asks for; docs/metrics.md has their names."""
    face: str = "largest"
    """Which face: largest, leftmost, rightmost or a number."""
    plot: Path | None = None
    """Draw the two mouths over the audio into this image (with several videos: a folder of images)."""
    curves: bool = False
    """With --json: print the curves frame by frame too."""
    cache: Path | None = None
    """Folder that keeps the landmarks of videos, so that the next evaluation is quick."""
    without_images: bool = False
    """Measure landmarks and audio alone: no PSNR, SSIM, sharpness, flicker and outside. Quicker."""
    test_set: tyro.conf.OmitArgPrefixes[PairOptions] = field(default_factory=PairOptions)
    """A whole test set."""


def evaluate_options(names: tuple[str, ...]) -> type[EvaluateOptions]:
    """Make the options of the command: its own, and those of some metrics, each under the metric's name."""
    options: list[Any] = []
    for name in names:
        kind: Any = metric_class(name).options_type
        options.append((name, Annotated[kind, tyro.conf.OmitArgPrefixes], field(default_factory=kind)))
    made = make_dataclass("EvaluateOptions", options, bases=(EvaluateOptions,), frozen=True, kw_only=True)
    made.__doc__ = EvaluateOptions.__doc__
    return made


def main(argv: list[str]) -> int:
    """Run the command."""
    options = parse(evaluate_options(tuple(METRICS)), rename_options(argv, RENAMED), command="evaluate")
    metrics = wanted_metrics(options)
    if options.test_set.asked_for():
        refused = {name: getattr(options, name) for name in ("truth", "audio", "source", "plot", "cache", "curves")}
        evaluate_pairs(options.dubbed, options.test_set, options.face, metrics, refused, options)
    else:
        _evaluate_videos(options, metrics)
    return EXIT_DONE


def wanted_metrics(options: EvaluateOptions) -> Metrics:
    """Make the metrics that the options ask for."""
    names: Sequence[str] = options.metrics
    if names and options.plot is not None:
        names = (*names, "lip_motion")  # the curves are its own
    metrics = choose_metrics(names, {name: getattr(options, name) for name in METRICS})
    return without_frames(metrics) if options.without_images else metrics


def _evaluate_videos(options: EvaluateOptions, metrics: Metrics) -> None:
    from visavox.evaluation.evaluation import EvaluationSettings
    from visavox.evaluation.job import check_evaluation, group_rows
    from visavox.evaluation.pairs import find_pairs
    from visavox.evaluation.report import describe_missing, format_table

    pairs = find_pairs(options.dubbed, options.truth, options.audio, options.source)
    settings = EvaluationSettings(face=options.face, cache=options.cache)
    job = check_evaluation(pairs, metrics, settings=settings, plot=options.plot)
    with cancelled_by_interrupt() as cancel:
        reports = job.run(progress=options.cancellable(cancel))
    rows = group_rows(pairs, reports)
    if options.json:
        videos = [
            {"group": pair.group, **report.to_dict(options.curves)} for pair, report in zip(pairs, reports, strict=True)
        ]
        print(json.dumps({"videos": videos, "groups": {name: each.to_dict() for name, each in rows}}, indent=2))
        return
    print(format_table([(name, each.values) for name, each in rows]))
    *_, (_, whole) = rows
    if said := describe_missing(whole.missing):
        print(f"\n{said}")
