"""Frozen dataclasses to JSON and back, without a loophole: an unknown key or a value of another type is an error."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Settings = TypeVar("Settings")


def to_json(settings: Any) -> str:
    """Return a dataclass of numbers, strings, tuples and dataclasses as JSON, keys in the order of its fields."""
    return json.dumps(asdict(settings))


def from_mapping(kind: type[Settings], values: Any) -> Settings:
    """Build a dataclass from what `json.loads` gave for it. A field that is not given keeps its default.

    Raises:
        ValueError: a key is unknown, a value has another type than its field, or the dataclass refuses its values.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{kind.__name__} is {values!r}; it must be an object")
    hints = get_type_hints(kind)
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"{kind.__name__} has no {', '.join(map(repr, unknown))}; it has {', '.join(known)}")
    try:
        return kind(**{name: _value(hints[name], value) for name, value in values.items()})
    except TypeError as error:  # a field without a default is missing
        raise ValueError(str(error)) from error


def _value(kind: Any, value: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (kind,) = (argument for argument in arguments if argument is not type(None))
        return _value(kind, value)
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{value!r} is none of {', '.join(map(repr, arguments))}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{value!r} must be a list")
        return tuple(_value(arguments[0], item) for item in value)
    if is_dataclass(kind):
        return from_mapping(kind, value)  # type: ignore[arg-type]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{value!r} must be of type {kind.__name__}")
    return value
