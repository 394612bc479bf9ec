"""`visavox avatar build` and `visavox avatar info`: one person, learned from footage, and what is known of them."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import OmitArgPrefixes, Positional, arg

from visavox.avatar.build.build_settings import BuildSettings
from visavox.avatar.dataset.settings import DataSettings
from visavox.cli.common import EXIT_DONE, ReportOptions, alias, cancelled_by_interrupt

if TYPE_CHECKING:
    from visavox.avatar.build.build import Built


@dataclass(frozen=True, kw_only=True)
class Build(ReportOptions):
    """Build an avatar of a person from a video, or from a folder with videos of one fixed camera.

    The same command goes on where an earlier one was ended. What was found in the footage is in
    AVATAR/data/report.html, and how well it paints in AVATAR/measured.png. Ask the person.
    """

    footage: Positional[Annotated[Path, arg(metavar="VIDEO_OR_FOLDER")]]
    """Minutes of one person who speaks into one fixed camera."""
    output: Annotated[Path, alias("-o"), arg(metavar="AVATAR")]
    """Folder of the avatar: new, or begun by an earlier run."""
    settings: OmitArgPrefixes[BuildSettings] = field(default_factory=BuildSettings)
    data: OmitArgPrefixes[DataSettings] = field(default_factory=DataSettings)


@dataclass(frozen=True, kw_only=True)
class Info(ReportOptions):
    """Say what is in an avatar: how it was made, what was measured, its files, and the checks of its footage."""

    avatar: Positional[Annotated[str, arg(metavar="AVATAR")]]
    """Folder of the avatar, or the name of one that comes with visavox."""


def build(options: Build) -> int:
    """Build an avatar, say what came of it, and return the exit code."""
    from visavox.avatar.build.build import build_avatar
    from visavox.avatar.format.description import describe, gather

    go_on = f"{options.output} is not finished; the same command goes on where it stopped"
    with cancelled_by_interrupt("stopping, when what was done is safe", go_on) as cancel:
        built = build_avatar(
            options.footage, options.output, options.settings, options.data, options.cancellable(cancel)
        )
    if options.json:
        _print_json(gather(built.folder))
    elif not options.quiet:
        print(describe(gather(built.folder)))
        print(f"report: {built.prepared.data.folder / 'report.html'}")
    if not built.can_speak and not options.quiet:
        print(_unfinished(built), file=sys.stderr)
    return EXIT_DONE


def _unfinished(built: Built) -> str:
    return (
        f"visavox: {built.folder} was built until {built.stages[-1]}, and cannot speak yet; the same command without "
        "--until goes on"
    )


def info(options: Info) -> int:
    """Say what is known of an avatar, and return the exit code."""
    from visavox.avatar.format.description import describe, gather
    from visavox.avatar.format.shipped_avatars import find_avatar

    known = gather(find_avatar(options.avatar))
    if options.json:
        _print_json(known)
    else:
        print(describe(known))
    return EXIT_DONE


def _print_json(known: dict[str, Any]) -> None:
    print(json.dumps(known, indent=2, ensure_ascii=False))
