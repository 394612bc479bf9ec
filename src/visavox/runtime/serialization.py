"""Frozen dataclasses to JSON and back, without a loophole: an unknown key or a value of another type is an error."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

Settings = TypeVar("Settings")


def to_json(settings: Any) -> str:
    """Return a dataclass of numbers, strings, tuples and dataclasses as JSON, keys in the order of its fields."""
    return json.dumps(asdict(settings))


def from_mapping(kind: type[Settings], values: Any) -> Settings:
    """Build a dataclass from what `json.loads` gave for it. A field that is not given keeps its default.

    Raises:
        ValueError: a key is unknown, a value has another type than its field, or the dataclass refuses its values.
    """
    try:
        settings = msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise ValueError(_sentence(kind, str(error))) from error
    _refuse_unknown(settings, values)
    return settings


def _refuse_unknown(read: Any, values: Any) -> None:
    """Compare what was read with what it was read from: msgspec leaves out what a dataclass does not know."""
    if isinstance(read, tuple | list) and isinstance(values, list):
        for item, value in zip(read, values, strict=True):
            _refuse_unknown(item, value)
    if not (is_dataclass(read) and isinstance(values, Mapping)):
        return
    known = [field.name for field in fields(read)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"{type(read).__name__} has no {', '.join(map(repr, unknown))}; it has {', '.join(known)}")
    for name, value in values.items():
        _refuse_unknown(getattr(read, name), value)


def _sentence(kind: type, message: str) -> str:
    """Say what msgspec found, such as 'Expected `int`, got `str` - at `$.sizes[0]`', of the dataclass and its field."""
    found, _, path = message.partition(" - at `$")
    place = f"{kind.__name__}{path.rstrip('`')}"
    if found.startswith("Invalid enum value"):
        allowed = ", ".join(map(repr, _allowed(kind, path)))
        return f"{place} is {found.removeprefix('Invalid enum value ')}; allowed are {allowed}"
    return f"{place}: {found[:1].lower()}{found[1:]}"


def _allowed(kind: Any, path: str) -> list[Any]:
    """Return the values of the `Literal` at a path such as `.inner.kinds[0]`."""
    hint = kind
    for name in re.findall(r"\.(\w+)", path):
        hint = get_type_hints(next(part for part in _parts(hint) if is_dataclass(part)))[name]
    return [value for part in _parts(hint) if get_origin(part) is Literal for value in get_args(part)]


def _parts(hint: Any) -> list[Any]:
    """Return a type, and the types that it is made of."""
    return [hint, *(part for argument in get_args(hint) for part in _parts(argument))]
