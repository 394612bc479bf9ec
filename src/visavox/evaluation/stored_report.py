"""A report from the JSON that it was written to, so that finished work need not be measured again."""

from __future__ import annotations

import math
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from visavox.evaluation.report import Report


def read_report(values: dict[str, Any]) -> Report:
    """Read what `Report.to_dict` gave: the inverse, but for figures that were infinite, which JSON cannot tell.

    Args:
        values: the report; with its curves if they were asked for.

    Raises:
        ValueError: they are not of a report, or of one of another version.
    """
    try:
        report = _read(values, Report)
    except (TypeError, KeyError) as error:
        raise ValueError(f"no report of this version: {error}") from error
    assert isinstance(report, Report)
    return report


def _read(value: Any, kind: Any) -> Any:
    """Read one value as its annotation says."""
    if get_origin(kind) in (Union, UnionType):
        if value is None and NoneType in get_args(kind):
            return None
        kind = next(choice for choice in get_args(kind) if choice is not NoneType)
    if is_dataclass(kind) and isinstance(kind, type):
        return _read_fields(value, kind)
    if kind is float:
        return math.nan if value is None else float(value)
    if kind is np.ndarray:
        return np.array([math.nan if one is None else one for one in value], np.float64)
    if get_origin(kind) is tuple:
        return tuple(_read(one, get_args(kind)[0]) for one in value)
    return value


def _read_fields(values: dict[str, Any], kind: type) -> Any:
    hints = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}
    unknown = set(values) - set(known)
    missing = [
        name
        for name, field in known.items()
        if name not in values and field.default is MISSING and field.default_factory is MISSING
    ]
    if unknown or missing:
        raise KeyError(f"{kind.__name__} has {sorted(unknown)} too much and {missing} too little")
    return kind(**{name: _read(value, hints[name]) for name, value in values.items()})
