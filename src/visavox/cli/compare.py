"""`visavox compare`: put several videos side by side in one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from visavox.cli.common import EXIT_DONE, CommonOptions, parse


@dataclass(frozen=True, kw_only=True)
class CompareOptions(CommonOptions):
    """Put several videos (or images) side by side in one, each with its name.

    All begin together; the result lasts as long as the longest, a shorter one stays on its last frame.
    """

    videos: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Two or more videos."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """The video to write: .mp4, .mkv, .mov or .webm."""
    labels: tuple[str, ...] = ()
    """A name for each video; by default the names of the files."""
    without_labels: bool = False
    """Write no names."""
    audio_from: int = 1
    """Number of the video whose audio is heard, counted from 1."""
    height: int | None = None
    """Height of every video in pixels; by default that of the tallest, at most 720."""
    columns: int | None = None
    """Videos in one row; by default all."""
    overwrite: bool = False
    """Replace the output if it exists."""


def main(argv: list[str]) -> int:
    """Run the command."""
    options = parse(CompareOptions, argv, command="compare")
    from visavox.evaluation import ComparisonSettings, compare

    settings = ComparisonSettings(
        labels=options.labels,
        height=options.height,
        columns=options.columns,
        audio_from=options.audio_from,
        show_labels=not options.without_labels,
    )
    path = compare(
        options.videos, options.output, settings=settings, overwrite=options.overwrite, progress=options.progress
    )
    print(path)
    return EXIT_DONE
