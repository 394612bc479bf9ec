"""`visavox prepare SOURCE... -o DATASET`: turn raw videos into clips to train on."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from visavox.cli.common import EXIT_DONE, ReportOptions, cancelled_by_interrupt, parse
from visavox.data.preparation import LagSettings, Layout, QualitySettings, SplitRule
from visavox.errors import InputError


@dataclass(frozen=True, kw_only=True)
class PrepareOptions(ReportOptions):
    """Turn raw videos into clips to train on: 25 frames a second, 16 kHz, one face and one shot a clip.

    A run that was interrupted goes on where it stopped when the same command is given again; a run on a data set
    that exists adds to it. What was dropped, and why, is printed and written to DATASET/report.json.
    """

    sources: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE...")]
    """Folders with videos (searched with all below them) and video files."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DATASET")]
    """Folder of the data set: new, or made by an earlier run."""
    lags: Annotated[Path | None, tyro.conf.arg(metavar="TABLE.csv")] = None
    """Table with the columns file, av_lag_s and, if wanted, av_best (how sure it is): seconds by which audio and
    video are apart, negative where the audio comes late."""
    speakers: Annotated[Path | None, tyro.conf.arg(metavar="TABLE.csv")] = None
    """Table with the columns file and speaker."""
    layout: Layout = "auto"
    """Layout of the paths, which tells the speaker: flat ([speaker/]*.mp4), grid (sN/*.mpg),
    lrs (main|pretrain|trainval|test/ID/N.mp4),
    lrw (WORD/train|val|test/WORD_N.mp4)."""
    workers: int = -1
    """Processes at a time; -1: one for each core, at most 8; 0: none but this."""
    size: int = 192
    """Side of the stored crops in pixels."""
    max_faces: int = 3
    """Most faces followed at a time."""
    split: SplitRule = "auto"
    """auto: the corpus's own parts where its layout has them, else by speaker; speaker: always by speaker; train or
    validation: everything."""
    validation_share: float = 0.1
    """Share of the speakers that are kept for validation."""
    validation_speakers: tuple[str, ...] = ()
    """Names of the speakers to keep for validation, in place of a draw."""
    seed: int = 0
    """Another number draws other validation speakers."""
    redo: bool = False
    """Prepare everything again, also what is finished."""
    quality: QualitySettings = field(default_factory=QualitySettings)
    """Quality that a clip must have to be kept."""
    lag: LagSettings = field(default_factory=LagSettings)
    """Alignment of audio and video."""


def main(argv: list[str]) -> int:
    """Prepare a data set and print the report."""
    options = parse(PrepareOptions, argv, command="prepare")
    if options.workers < -1:
        raise InputError(f"--workers is {options.workers}; give 1 or more, 0 for none, or -1 for one for each core.")
    from visavox.data.preparation import ClipSettings, PrepareSettings, SplitSettings, check_preparation

    settings = PrepareSettings(
        clips=ClipSettings(options.size, options.max_faces, options.quality, options.lag),
        split=SplitSettings(options.split, options.validation_share, options.validation_speakers, options.seed),
        layout=options.layout,
        lags=None if options.lags is None else str(options.lags),
        speakers=None if options.speakers is None else str(options.speakers),
        workers=None if options.workers < 0 else options.workers,
        redo=options.redo,
    )
    job = check_preparation(options.sources, options.output, settings)
    go_on = f"{options.output} is not finished; the same command goes on where it stopped"
    with cancelled_by_interrupt(go_on=go_on) as cancel:
        report = job.run(progress=options.cancellable(cancel))
    if options.json:
        json.dump(report.as_dict(), sys.stdout, indent=2, ensure_ascii=False)
        print()
    elif not options.quiet:
        print(report.table())
    return EXIT_DONE
