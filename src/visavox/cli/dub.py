"""`visavox dub FACE AUDIO -o OUT`: makes the face in a video or an image say a recording."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from visavox.cli.common import ReportOptions, alias, cancelled_by_interrupt
from visavox.cli.optional import parse_optional
from visavox.dubbing import DubSettings
from visavox.errors import InputError


@dataclass(frozen=True, kw_only=True)
class DubOptions(ReportOptions):
    """Make the face in a video or an image say a recording.

    The sound of the result is the recording; image size, frame rate and everything outside of the mouth stay the
    video's own.
    """

    face_file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(name="FACE", metavar="FACE")]
    """A video or an image with a face."""
    audio_file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(name="AUDIO", metavar="AUDIO")]
    """Any audio or video file with speech."""
    output: Annotated[str, alias("-o")]
    """The result: .mp4, .mkv, .mov or .webm; - writes Matroska to standard output."""
    model: Annotated[str, alias("-m")] = "wav2lip"
    """Name or path of the network that renders the mouth."""
    settings: tyro.conf.OmitArgPrefixes[DubSettings] = field(default_factory=DubSettings)


def main(argv: list[str]) -> int:
    """Dub one file; say what was made and what was decided on the way."""
    options = parse_options(argv)
    if options.json and options.output == "-":
        raise InputError("--json and -o - both write to standard output; give the result a name")

    import visavox

    job = visavox.check(
        options.face_file, options.audio_file, options.output, model=options.model, settings=options.settings
    )
    with cancelled_by_interrupt() as cancel:
        result = job.run(progress=options.cancellable(cancel))
    if options.json:
        print(json.dumps(result.to_json(), indent=2))
    elif not options.quiet:
        for line in (*result.decisions, result.summary()):
            print(line, file=sys.stderr)
    return 0


def parse_options(argv: list[str]) -> DubOptions:
    """Read the arguments of the command."""
    return parse_optional(DubOptions, argv, command="dub")
