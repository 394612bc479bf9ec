"""Options that may be left out, given by their plain value: tyro would offer the word None as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

import tyro

from visavox.cli.common import Options, parse
from visavox.face.geometry import FaceBox, parse_face_box

_READERS: dict[Any, tuple[str, Callable[[str], Any]]] = {
    FaceBox: ("X0,Y0,X1,Y1", parse_face_box),
    Path: ("PATH", Path),
    float: ("FLOAT", float),
    int: ("INT", int),
}
"""Type of an option that may be left out: how it is shown in the help, and how it is read."""


def parse_optional(options: type[Options], argv: list[str], *, command: str) -> Options:
    """Read `argv` as `parse` does, options that may be left out by their plain values."""
    registry = tyro.constructors.ConstructorRegistry()
    registry.primitive_rule(_optional_rule)
    with registry:
        return parse(options, argv, command=command)


def _optional_rule(info: Any) -> Any:
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
