"""`visavox evaluate`: measure dubbed videos against the true recordings, or dub and measure a whole test set."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from visavox.cli.common import EXIT_DONE, ReportOptions, alias, cancelled_by_interrupt, parse
from visavox.cli.renamed import rename_options
from visavox.errors import InputError
from visavox.metrics import METRICS, Metrics, choose_metrics, metric_class, without_frames
from visavox.runtime.device import Device

if TYPE_CHECKING:
    from visavox.metrics import Metrics


@dataclass(frozen=True)
class PairOptions:
    """A whole test set: each line of a list is dubbed, then measured."""

    protocol: Literal["lrs2", "lrs3", "lrw", "folder"] | None = None
    """Dub and measure the pairs of a list: how the corpus names its files (folder: any names)."""
    pairs: Path | None = None
    """The list: in each line `AUDIO VIDEO`, two paths below the folder, .mp4 left out, as in Wav2Lip's evaluation."""
    model: Annotated[str, alias("-m")] = "wav2lip"
    """Name or path of the generator."""
    output: Annotated[Path | None, alias("-o")] = None
    """Folder of the results. A run that was interrupted goes on there; finished pairs are not done again."""
    device: Device = "auto"
    """Device of the network."""
    workers: int | None = None
    """Processes; by default one for each core, at most 8; 0: none but this."""
    num_images: int = 8
    """Pairs that the HTML report shows."""
    extend_videos: bool = False
    """Play a video back and forth where its audio is longer; by default such a pair is left out, as published."""
    redo: bool = False
    """Do every pair again."""

    def asked_for(self) -> bool:
        """Tell whether a list is to be worked through.

        Raises:
            InputError: some of its options are given without --protocol.
        """
        if self.protocol is None and self != PairOptions():
            raise InputError(
                "--pairs, --model, --output and what belongs to them dub the pairs of a list; give --protocol lrs2, "
                "lrs3, lrw or folder with them, or leave them out"
            )
        return self.protocol is not None


def evaluate_pairs(
    root: Path,
    options: PairOptions,
    face: str,
    metrics: Metrics,
    refused: Mapping[str, Any],
    common: ReportOptions,
) -> None:
    """Work through the list and print the means.

    Args:
        root: folder of the corpus.
        options: list, network, folder of the results.
        face: which face is dubbed and measured.
        metrics: by name.
        refused: options of the command that mean nothing here, with their values.
        common: progress and form of the output.
    """
    given = [f"--{name}" for name, value in refused.items() if value]
    if given:
        raise InputError(f"{', '.join(given)} cannot be given with --protocol, which makes the dubbed videos itself")
    if options.pairs is None or options.output is None:
        raise InputError("--protocol needs --pairs LIST and --output FOLDER (-o)")
    assert options.protocol is not None, "asked for"
    from visavox.evaluation import format_table
    from visavox.evaluation.protocol import ProtocolSettings, check_protocol

    job = check_protocol(
        options.pairs,
        root,
        options.output,
        options.protocol,
        ProtocolSettings(
            model=options.model,
            device=options.device,
            extend_videos=options.extend_videos,
            face=face,
            metrics={name: metric.options for name, metric in metrics.items()},
            workers=options.workers,
            num_images=options.num_images,
            redo=options.redo,
        ),
    )
    go_on = f"{options.output} is not finished; the same command goes on where it stopped"
    with cancelled_by_interrupt(go_on=go_on) as cancel:
        summary = job.run(progress=common.cancellable(cancel))
    if common.json:
        print(json.dumps(summary.to_json(), indent=2))
        return
    if summary.rows:
        print(format_table(summary.rows))
    for name, value in summary.pooled.items():
        print(f"{name}: {value if isinstance(value, str) else format(value, '.3f')}")
    counts = ", ".join(f"{number} {status}" for status, number in summary.counts.items())
    print(f"{counts}; {options.output / 'report.html'} and pairs.csv have it all")


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
    """The face to measure: largest, leftmost, rightmost or a number."""
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
    from visavox.evaluation import (
        EvaluationSettings,
        check_evaluation,
        describe_missing,
        find_pairs,
        format_table,
        group_rows,
    )

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
    if message := describe_missing(whole.missing):
        print(f"\n{message}")
