"""`visavox adapt VIDEO... -o MODEL`: fit a generator to one person's videos."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from visavox.adaptation import AdaptSettings
from visavox.cli.common import EXIT_DONE, ReportOptions, alias, cancelled_by_interrupt, parse


@dataclass(frozen=True, kw_only=True)
class AdaptOptions(ReportOptions):
    """Fit a generator to one person's videos, and measure before and after on seconds that it did not learn from.

    The result is a weights file for that person: visavox dub --model MODEL. Ask the person.
    """

    video: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="VIDEO...")]
    """A video of the person speaking, several, or folders of them."""
    output: Annotated[Path, alias("-o"), tyro.conf.arg(metavar="MODEL")]
    """The weights file to write: .safetensors."""
    model: Annotated[str, alias("-m")] = "wav2lip"
    """Name or path of the generator to begin with."""
    expert: str | None = None
    """Expert that scores the sync as well, such as `expert`, of the generator's resolution; by default nobody does."""
    work: Path | None = None
    """Folder for prepared clips, checkpoints and measured videos; the same command goes on from there after an
    interruption. By default a temporary one."""
    settings: tyro.conf.OmitArgPrefixes[AdaptSettings] = field(default_factory=AdaptSettings)


def main(argv: list[str]) -> int:
    """Adapt a generator and print the report."""
    options = parse(AdaptOptions, argv, command="adapt")

    from visavox.adaptation import check

    job = check(
        options.video,
        options.output,
        model=options.model,
        expert=options.expert,
        work=options.work,
        settings=options.settings,
    )
    with cancelled_by_interrupt("stopping, when what was done is safe") as cancel:
        result = job.run(progress=options.cancellable(cancel))
    if options.json:
        print(json.dumps(result.to_json(), indent=2))
    elif not options.quiet:
        print(result.table())
        print(f"weights: {result.output}")
    return EXIT_DONE
