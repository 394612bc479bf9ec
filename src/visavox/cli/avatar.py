"""`visavox avatar build|info`: one person, learned from footage."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import OmitArgPrefixes, Positional, arg, subcommand

from visavox.avatar.settings import DataSettings
from visavox.cli.common import EXIT_DONE, ReportOptions, alias, parse
from visavox.errors import InputError

if TYPE_CHECKING:
    from visavox.avatar.build import Built


@dataclass(frozen=True, kw_only=True)
class Build(ReportOptions):
    """Build an avatar of a person from a video, or from a folder with videos of one fixed camera.

    The same command goes on where an earlier one was ended. What was found in the footage is in
    AVATAR/data/report.html. Ask the person.
    """

    footage: Positional[Annotated[Path, arg(metavar="VIDEO_OR_FOLDER")]]
    """Minutes of one person who speaks into one fixed camera."""
    output: Annotated[Path, alias("-o"), arg(metavar="AVATAR")]
    """Folder of the avatar: new, or begun by an earlier run."""
    settings: OmitArgPrefixes[DataSettings] = field(default_factory=DataSettings)


@dataclass(frozen=True, kw_only=True)
class Info(ReportOptions):
    """Say what is in an avatar: the checks of its footage, and the figures of its data set."""

    avatar: Positional[Annotated[Path, arg(metavar="AVATAR")]]
    """Folder of the avatar."""


Command = (
    Annotated[Build, subcommand("build", prefix_name=False)] | Annotated[Info, subcommand("info", prefix_name=False)]
)


def main(argv: list[str]) -> int:
    """Run `visavox avatar` with the arguments behind it and return the exit code."""
    options: Build | Info = parse(Command, argv, command="avatar")  # type: ignore[arg-type]
    if isinstance(options, Build):
        _build(options)
    else:
        _info(options)
    return EXIT_DONE


def _build(options: Build) -> None:
    from visavox.avatar.build import build_avatar

    built = build_avatar(options.footage, options.output, options.settings, options.progress)
    if options.json:
        print(json.dumps(built.prepared.figures, indent=2, ensure_ascii=False))
    elif not options.quiet:
        print(described(built.prepared.figures))
        print(f"report: {built.prepared.data.folder / 'report.html'}")
    if not built.is_trained and not options.quiet:
        print(_untrained(built), file=sys.stderr)


def _untrained(built: Built) -> str:
    return (
        f"visavox: {built.prepared.data.folder} holds the data set; this version trains no head and no torso, so the "
        "avatar cannot speak yet"
    )


def _info(options: Info) -> None:
    from visavox.avatar.build import DATA_FOLDER
    from visavox.avatar.prepare import DATA_FILE

    path = options.avatar / DATA_FOLDER / DATA_FILE
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{options.avatar} is not an avatar, or not a finished one ({path} is missing); make it with `visavox "
            "avatar build VIDEO -o AVATAR`"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); run `visavox avatar build` again") from None
    print(json.dumps(figures, indent=2, ensure_ascii=False) if options.json else described(figures))


def described(figures: dict[str, Any]) -> str:
    """The checks and figures of a data set as text for people."""
    frames, crop = figures["frames"], figures["crop"]
    width = max(len(one["name"]) for one in figures["findings"])
    lines = []
    for one in figures["findings"]:
        advice = f"; {one['advice']}" if one["advice"] else ""
        mark = {"good": " ", "remark": "!", "failed": "X"}[one["level"]]
        lines.append(f"{mark} {one['name']:<{width}}  {one['text']}{advice}")
    lines += [
        "",
        f"{frames['usable']} of {frames['all']} frames are usable ({frames['without_face']} without the face, "
        f"{frames['not_segmented']} not segmented): {frames['train']} to learn from, {frames['test']} to measure on",
        f"pictures of {crop['size']} pixels from a square of {crop['side']} at {crop['x']}, {crop['y']}; "
        f"{figures['background']['seen_share']:.0%} of the scene was seen empty",
    ]
    lines += [f"left out: {name}: {reason}" for name, reason in figures["footage"]["left_out"]]
    return "\n".join(lines)
