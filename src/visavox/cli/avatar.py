"""`visavox avatar build|info`: one person, learned from footage."""

from __future__ import annotations

from typing import Annotated

from tyro.conf import subcommand

from visavox.cli.avatar_build import Build, Info, build, info
from visavox.cli.common import parse

Command = (
    Annotated[Build, subcommand("build", prefix_name=False)] | Annotated[Info, subcommand("info", prefix_name=False)]
)


def main(argv: list[str]) -> int:
    """Run `visavox avatar` with the arguments behind it and return the exit code."""
    options: Build | Info = parse(Command, argv, command="avatar")  # type: ignore[arg-type]
    return build(options) if isinstance(options, Build) else info(options)
