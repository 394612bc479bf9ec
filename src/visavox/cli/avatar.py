"""`visavox avatar build|info|speak|demo`: one person, learned from footage, who says anything."""

from __future__ import annotations

from typing import Annotated

from tyro.conf import subcommand

from visavox.cli.avatar_build import Build, Info, build, info
from visavox.cli.avatar_speak import Demo, Speak, demo, speak
from visavox.cli.optional import parse_optional

Command = (
    Annotated[Build, subcommand("build", prefix_name=False)]
    | Annotated[Speak, subcommand("speak", prefix_name=False)]
    | Annotated[Info, subcommand("info", prefix_name=False)]
    | Annotated[Demo, subcommand("demo", prefix_name=False)]
)


def main(argv: list[str]) -> int:
    """Run `visavox avatar` with the arguments behind it and return the exit code."""
    options: Build | Speak | Info | Demo = parse_optional(Command, argv, command="avatar")  # type: ignore[arg-type]
    if isinstance(options, Speak):
        return speak(options)
    if isinstance(options, Demo):
        return demo(options)
    return build(options) if isinstance(options, Build) else info(options)
