"""`visavox evaluate --protocol`: dub and measure every pair of a list, as papers do it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from visavox.cli.common import ReportOptions, alias, cancelled_by_interrupt
from visavox.errors import InputError
from visavox.runtime.device import Device

if TYPE_CHECKING:
    from visavox.metrics.table import Metrics


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
    """Where the network runs."""
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
    from visavox.evaluation.protocol.job import check_protocol
    from visavox.evaluation.protocol.settings import ProtocolSettings
    from visavox.evaluation.report import format_table

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
