"""`visavox avatar build|info|speak|demo`: one person, learned from video, who says anything."""

from __future__ import annotations

import json
import shlex
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import OmitArgPrefixes, Positional, arg, subcommand

from visavox.avatar.build import BuildSettings
from visavox.avatar.dataset import DataSettings
from visavox.avatar.speak import AvatarSpeakSettings
from visavox.cli.common import EXIT_DONE, CommonOptions, ReportOptions, alias, cancelled_by_interrupt
from visavox.cli.optional import parse_optional
from visavox.errors import InputError

if TYPE_CHECKING:
    from visavox.avatar.build import BuildResult


@dataclass(frozen=True, kw_only=True)
class Build(ReportOptions):
    """Build an avatar of a person from a video, or from a folder with videos of one fixed camera.

    The same command goes on where an earlier one was ended. What was found in the videos is in
    AVATAR/data/report.html, and how well it renders in AVATAR/measured.png. Ask the person.
    """

    videos: Positional[Annotated[Path, arg(metavar="VIDEO_OR_FOLDER")]]
    """Minutes of one person who speaks into one fixed camera."""
    output: Annotated[Path, alias("-o"), arg(metavar="AVATAR")]
    """Folder of the avatar: new, or begun by an earlier run."""
    settings: OmitArgPrefixes[BuildSettings] = field(default_factory=BuildSettings)
    data: OmitArgPrefixes[DataSettings] = field(default_factory=DataSettings)


@dataclass(frozen=True, kw_only=True)
class Info(ReportOptions):
    """Say what is in an avatar: how it was made, what was measured, its files, and the checks of its videos."""

    avatar: Positional[Annotated[str, arg(metavar="AVATAR")]]
    """Folder of the avatar, or the name of one that comes with visavox."""


def build(options: Build) -> int:
    """Build an avatar, say what came of it, and return the exit code."""
    from visavox.avatar.build import check
    from visavox.avatar.format import describe, gather

    go_on = f"{options.output} is not finished; the same command goes on where it stopped"
    job = check(options.videos, options.output, options.settings, options.data)
    with cancelled_by_interrupt("stopping, when what was done is safe", go_on) as cancel:
        built = job.run(progress=options.cancellable(cancel))
    if options.json:
        _print_json(gather(built.folder))
    elif not options.quiet:
        print(describe(gather(built.folder)))
        print(f"report: {built.prepared.data.folder / 'report.html'}")
    if not built.can_speak and not options.quiet:
        print(_unfinished(built), file=sys.stderr)
    return EXIT_DONE


def _unfinished(built: BuildResult) -> str:
    return (
        f"visavox: {built.folder} was built until {built.steps[-1]}, and cannot speak yet; the same command without "
        "--until goes on"
    )


def info(options: Info) -> int:
    """Say what is known of an avatar, and return the exit code."""
    from visavox.avatar.format import describe, find_avatar, gather

    known = gather(find_avatar(options.avatar))
    if options.json:
        _print_json(known)
    else:
        print(describe(known))
    return EXIT_DONE


def _print_json(known: dict[str, Any]) -> None:
    print(json.dumps(known, indent=2, ensure_ascii=False))


@dataclass(frozen=True, kw_only=True)
class Speak(ReportOptions):
    """Make an avatar say a recording.

    Pose and blinks come from the person's videos, so that they go on for as long as the recording does.
    """

    avatar: Positional[Annotated[str, arg(metavar="AVATAR")]]
    """Folder of the avatar, or the name of one that comes with visavox."""
    audio: Positional[Annotated[str, arg(metavar="AUDIO")]]
    """Any audio or video file with speech."""
    output: Annotated[str, alias("-o")]
    """The result: .mp4, .mkv, .mov or .webm; - writes Matroska to standard output."""
    settings: OmitArgPrefixes[AvatarSpeakSettings] = field(default_factory=AvatarSpeakSettings)


@dataclass(frozen=True, kw_only=True)
class Demo(CommonOptions):
    """Make the avatar that comes with visavox say the recording that comes with it."""

    output: Annotated[Path, alias("-o")] = Path("results/avatar-demo.mp4")
    """The file to write; an earlier one is replaced."""


def speak(options: Speak) -> int:
    """Say a recording; print what was made and what was decided on the way."""
    if options.json and options.output == "-":
        raise InputError("--json and -o - both write to standard output; give the result a name")
    from visavox.avatar.format import find_avatar
    from visavox.avatar.speak import check_files

    folder = find_avatar(options.avatar)
    files = check_files(options.audio, options.output, options.settings)

    from visavox.avatar.speak import Avatar

    avatar = Avatar.load(folder, device=options.settings.device, compile=options.settings.compile)
    job = avatar.job(files)
    with cancelled_by_interrupt() as cancel:
        result = job.run(progress=options.cancellable(cancel))
    if options.json:
        print(json.dumps(result.to_json(), indent=2))
    elif not options.quiet:
        for line in (*result.decisions, result.summary()):
            print(line, file=sys.stderr)
    return EXIT_DONE


def demo(options: Demo) -> int:
    """Speak with the shipped avatar; print the command, the path of the result and how long it took."""
    from visavox.avatar.format import DEMO_AVATAR, AvatarInfo, find_avatar, list_avatars
    from visavox.demo import SPEECH

    if DEMO_AVATAR not in list_avatars():
        raise InputError(
            f"this visavox comes without the avatar {DEMO_AVATAR}; make one with `visavox avatar build VIDEO -o "
            "AVATAR`, and let it speak with `visavox avatar speak AVATAR AUDIO -o OUT.mp4`"
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    request = Speak(
        avatar=DEMO_AVATAR,
        audio=str(SPEECH),
        output=str(options.output),
        settings=AvatarSpeakSettings(overwrite=True),
        quiet=options.quiet,
        verbose=options.verbose,
    )
    words = [DEMO_AVATAR, str(SPEECH), "-o", str(options.output), "--overwrite"]
    print(f"visavox avatar speak {shlex.join(words)}", flush=True)
    start = time.perf_counter()
    code = speak(request)
    info = AvatarInfo.load(find_avatar(DEMO_AVATAR))
    print(f"{options.output.resolve()}  (made in {time.perf_counter() - start:.1f} s)")
    if info.attribution:
        print(f"the person: {info.attribution} ({info.licence})")
    return code


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
