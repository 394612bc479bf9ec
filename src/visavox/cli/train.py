"""`visavox train TASK DATA -o RUN`: train a network on prepared clips, or on the data set of one person."""

from __future__ import annotations

import json
from dataclasses import field, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from visavox.cli.common import EXIT_BAD_INPUT, EXIT_DONE, ReportOptions, cancelled_by_interrupt, parse
from visavox.errors import InputError
from visavox.training import TASKS, commands, find_recipe, unknown

if TYPE_CHECKING:
    from visavox.training import TrainingTask

_DATA = {
    "DATASET": "Folder that `visavox prepare` wrote.",
    "PERSON": "Folder with the data set of one person.",
}
"""Help for the data of a task."""


def main(argv: list[str]) -> int:
    """Run the command; return its exit code."""
    if not argv or argv[0] in ("-h", "--help"):
        print(help_text())
        if argv:
            raise SystemExit(EXIT_DONE)  # as the help of every other command ends
        return EXIT_BAD_INPUT
    name = argv[0]
    if name not in commands():
        raise InputError(f"there is no training task {unknown(name, commands(), 'tasks')}")
    task = TASKS[name].load()
    options: Any = parse(_options(name, task), argv[1:], command=f"train {name}")
    from visavox.training import train

    with cancelled_by_interrupt("stopping after this step, when its checkpoint is written") as cancel:
        result = train(
            find_recipe(name, options.recipe),
            options.data,
            options.output,
            inputs=options.inputs,
            settings=options.settings,
            resume=options.resume,
            progress=options.cancellable(cancel),
        )
    if options.json:
        print(json.dumps(result.metrics))
    else:
        for metric, value in result.metrics.items():
            print(f"{metric:<24} {value:.4f}")
        print(f"weights: {result.weights}")
    return EXIT_DONE


def help_text() -> str:
    """Return what `visavox train --help` prints."""
    width = max(map(len, commands()))
    return "\n".join(
        [
            "usage: visavox train TASK DATA -o RUN [options]",
            "",
            "Trains a network. DATA is a folder that `visavox prepare` wrote, or the data set of one person.",
            "",
            "tasks:",
            *(f"  {name:<{width}}  {TASKS[name].title}" for name in commands()),
            "",
            "options:",
            "  -h, --help  show this text; `visavox train TASK --help` shows the recipes and options of a task",
        ]
    )


def _options(name: str, task: type[TrainingTask]) -> type[Any]:
    """Make the class of the options of a task: those that all tasks have, and its inputs."""
    from tyro.conf import OmitArgPrefixes, Positional, arg

    from visavox.training import RunSettings

    row = TASKS[name]
    recipes = ", ".join(row.load_recipes())
    output = arg(aliases=("-o",), metavar="RUN", help="Folder of the run: checkpoints, weights, log.")
    own: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        ("data", Annotated[Path, Positional, arg(metavar=row.data, help=_DATA[row.data])]),
        ("output", Annotated[Path, output]),
        ("recipe", Annotated[str, arg(help=f"Name of the recipe: {recipes}.")], field(default=row.default)),
        ("resume", Annotated[bool, arg(help="Go on with the run in RUN.")], field(default=False)),
        ("inputs", Annotated[task.inputs, OmitArgPrefixes]),
        ("settings", Annotated[RunSettings, OmitArgPrefixes], field(default_factory=RunSettings)),
    ]
    made = make_dataclass("Options", own, bases=(ReportOptions,), frozen=True, kw_only=True)
    made.__doc__ = f"{row.title}."
    return made
