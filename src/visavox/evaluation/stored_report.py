"""Reports read from the JSON that they were written to, of this version and of earlier ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from visavox.evaluation.report import Report

_NUMBERS = {"num_frames": int, "num_compared": int, "frame_rate": float, "aligned": bool}
_EARLIER_PARTS = frozenset({
    "opening", "width", "landmark_distance", "psnr", "ssim", "sharpness", "flicker", "outside", "silence",
    "expert_sync", "true_expert_sync", "lse", "true_lse", "face", "not_measured", "curves",
})  # fmt: skip
"""Parts of a report before values had names of their own."""

_EARLIER_NAMES = {
    "face.lpips": "lpips",
    "face.cpbd": "cpbd",
    "face.true_cpbd": "true_cpbd",
    "face.identity": "identity",
}


def read_report(stored: dict[str, Any]) -> Report:
    """Read what `Report.to_dict` gave, in this version or an earlier one; arrays of features are not in it.

    Args:
        stored: the report; with its curves if they were asked for.

    Raises:
        ValueError: it is no report.
    """
    try:
        head: dict[str, Any] = {"dubbed": str(stored["dubbed"]), "truth": str(stored["truth"])}
        numbers = {name: kind(stored[name]) for name, kind in _NUMBERS.items() if name in stored}
        parts = {name: part for name, part in stored.items() if name not in head and name not in numbers}
        if "values" in parts:
            content = _read_parts(**parts)
        else:
            content = _read_earlier(parts)
        return Report(**head, **numbers, **content)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no report: {error}") from error


def _read_parts(
    *, values: dict[str, float | None], missing: dict[str, str], curves: dict[str, list[float | None]] | None = None
) -> dict[str, Any]:
    """Read the parts of this version; a value that is no number is infinite, for NaN is never among them."""
    return {
        "values": {name: math.inf if value is None else float(value) for name, value in values.items()},
        "missing": dict(missing),
        "arrays": {name: _array(array) for name, array in (curves or {}).items()},
    }


def _read_earlier(parts: dict[str, Any]) -> dict[str, Any]:
    """Read the nested values of an earlier version, in which what was not measured is None."""
    unknown = sorted(set(parts) - _EARLIER_PARTS)
    if unknown or "opening" not in parts:
        raise KeyError(f"{', '.join(unknown) or 'no opening'} in it")
    parts = dict(parts)
    missing = {
        _EARLIER_NAMES.get(name, name): reason for name, reason in (parts.pop("not_measured", None) or {}).items()
    }
    arrays = {name: _array(array) for name, array in (parts.pop("curves", None) or {}).items()}
    values: dict[str, float] = {}
    for name, part in parts.items():
        _flatten(name, part, values, arrays)
    if "outside.codec_mean" not in values:  # its maximum is -1 then
        values.pop("outside.codec_maximum", None)
    return {"values": values, "missing": missing, "arrays": arrays}


def _flatten(name: str, part: Any, values: dict[str, float], arrays: dict[str, np.ndarray]) -> None:
    """Gather the numbers and lists of a nested part under names joined by dots."""
    if isinstance(part, dict):
        for inner, value in part.items():
            _flatten(f"{name}.{inner}", value, values, arrays)
    elif isinstance(part, list):
        arrays[name] = _array(part)
    elif isinstance(part, int | float):
        values[_EARLIER_NAMES.get(name, name)] = float(part)


def _array(values: list[float | None]) -> np.ndarray:
    return np.array([math.nan if value is None else value for value in values], np.float64)
