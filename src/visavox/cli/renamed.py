"""Options and sub-commands under their earlier names: they keep working, and one line says the new name."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence


def rename_options(argv: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """Put the new names of options in place of earlier ones, and say so on standard error, a line for each.

    Args:
        argv: the arguments after the name of the command.
        names: earlier name -> new name, both with their dashes.
    """
    renamed = []
    for argument in argv:
        name, equals, value = argument.partition("=")
        key = name.replace("_", "-") if name.startswith("--") else name
        if key in names:
            print(f"visavox: {key} is now called {names[key]}", file=sys.stderr)
            argument = names[key] + equals + value
        renamed.append(argument)
    return renamed


def rename_subcommand(argv: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """Put the new name of a sub-command in place of an earlier one, and say so on standard error.

    Args:
        argv: the arguments after the name of the command, the sub-command first.
        names: earlier name -> new name.
    """
    if not argv or argv[0] not in names:
        return list(argv)
    print(f"visavox: {argv[0]} is now called {names[argv[0]]}", file=sys.stderr)
    return [names[argv[0]], *argv[1:]]
