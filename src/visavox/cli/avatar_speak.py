"""`visavox avatar speak` and `visavox avatar demo`: an avatar says a recording."""

from __future__ import annotations

import json
import shlex
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from visavox.avatar.speak.speak_settings import AvatarSpeakSettings
from visavox.cli.common import EXIT_DONE, CommonOptions, ReportOptions, alias, cancelled_by_interrupt
from visavox.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Speak(ReportOptions):
    """Make an avatar say a recording.

    Pose and blinks come from the person's footage, so that they go on for as long as the recording does.
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
    """Where the result goes; an earlier one is replaced."""


def speak(options: Speak) -> int:
    """Say a recording; print what was made and what was decided on the way."""
    if options.json and options.output == "-":
        raise InputError("--json and -o - both write to standard output; give the result a name")
    from visavox.avatar.format.shipped_avatars import find_avatar
    from visavox.avatar.speak.speak_checks import check_files

    folder = find_avatar(options.avatar)
    files = check_files(options.audio, options.output, options.settings)

    from visavox.avatar.speak.speak import Avatar

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
    from visavox.avatar.format.avatar_folder import AvatarInfo
    from visavox.avatar.format.shipped_avatars import DEMO_AVATAR, find_avatar, list_avatars
    from visavox.demo import SPEECH

    if DEMO_AVATAR not in list_avatars():
        raise InputError(
            f"this visavox comes without the avatar {DEMO_AVATAR}; make one with `visavox avatar build VIDEO -o "
            "AVATAR`, and let it speak with `visavox avatar speak AVATAR AUDIO -o OUT.mp4`"
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    chosen = Speak(
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
    code = speak(chosen)
    info = AvatarInfo.load(find_avatar(DEMO_AVATAR))
    print(f"{options.output.resolve()}  (made in {time.perf_counter() - start:.1f} s)")
    if info.attribution:
        print(f"the person: {info.attribution} ({info.licence})")
    return code
