"""`visavox dub FACE AUDIO -o OUT`: makes the face in a video or a picture say a recording."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import tyro

from visavox.cli.common import ReportOptions, alias, parse
from visavox.dubbing.settings import DubSettings
from visavox.errors import InputError
from visavox.face.face_box import FaceBox, parse_face_box


@dataclass(frozen=True, kw_only=True)
class DubOptions(ReportOptions):
    """Make the face in a video or a picture say a recording.

    The sound of the result is the recording; picture size, frame rate and everything outside of the mouth stay the
    video's own.
    """

    face_file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(name="FACE", metavar="FACE")]
    """A video or a picture with a face."""
    audio_file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(name="AUDIO", metavar="AUDIO")]
    """Any audio or video file with speech."""
    output: Annotated[str, alias("-o")]
    """The result: .mp4, .mkv, .mov or .webm; - writes Matroska to standard output."""
    model: Annotated[str, alias("-m")] = "wav2lip"
    """Name or path of the network that paints the mouth."""
    settings: tyro.conf.OmitArgPrefixes[DubSettings] = field(default_factory=DubSettings)


def main(argv: list[str]) -> int:
    """Dub one file; say what was made and what was decided on the way."""
    options = parse_options(argv)
    if options.json and options.output == "-":
        raise InputError("--json and -o - both write to standard output; give the result a name")

    import visavox

    result = visavox.dub(
        options.face_file,
        options.audio_file,
        options.output,
        model=options.model,
        settings=options.settings,
        progress=options.progress,
    )
    if options.json:
        print(json.dumps(result.to_json(), indent=2))
    elif not options.quiet:
        for line in (*result.decisions, result.summary()):
            print(line, file=sys.stderr)
    return 0


def parse_options(argv: list[str]) -> DubOptions:
    """Read the arguments of the command."""
    registry = tyro.constructors.ConstructorRegistry()
    registry.primitive_rule(_optional_rule)
    with registry:
        return parse(DubOptions, argv, command="dub")


def _optional_rule(info: Any) -> Any:
    """Let an option that may be left out be given by its plain value; tyro would offer the word None as well."""
    choices = [choice for choice in get_args(info.type) if choice is not type(None)]
    if len(choices) != 1 or type(None) not in get_args(info.type) or choices[0] not in _READERS:
        return None
    metavar, read = _READERS[choices[0]]
    kind = get_origin(choices[0]) or choices[0]
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=lambda words: read(words[0]),
        is_instance=lambda value: value is None or isinstance(value, kind),
        str_from_instance=lambda value: ["none" if value is None else str(value)],
    )


_READERS: dict[Any, tuple[str, Callable[[str], Any]]] = {
    FaceBox: ("X0,Y0,X1,Y1", parse_face_box),
    Path: ("PATH", Path),
    float: ("FLOAT", float),
    int: ("INT", int),
}
"""Type of an option that may be left out: how it is shown in the help, and how it is read."""
