"""The report of an evaluation: values for one pair of videos, averages over many, their table; to JSON and back."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from visavox.metrics import MetricInfo, metric_infos, reduce_all
from visavox.runtime.tables import text_table


@dataclass(frozen=True)
class Report:
    """Everything that was measured on one dubbed video."""

    dubbed: str
    """Path of the dubbed video."""
    truth: str
    """Path of the recording that it was compared with."""
    num_frames: int
    """Frames of the dubbed video that have a partner in the truth."""
    num_compared: int
    """Of these, frames with a face in both."""
    frame_rate: float
    """Frames a second of the dubbed video."""
    aligned: bool = False
    """Images were compared after moving the dubbed face onto the true one, because the heads do not coincide."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Every value by name (`visavox.metrics.MetricInfo.name`); none of them is NaN."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Values that were wanted and could not be measured: name -> the reason."""
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)
    """Arrays that values were computed from, by name: curves over the frames, such as `times`, and features."""

    def to_dict(self, curves: bool = False) -> dict[str, Any]:
        """Return the report as plain values for JSON. An infinite value, such as the PSNR of equal images, is None.

        Args:
            curves: include the arrays of one dimension, frame by frame; features are never included.
        """
        values = {
            "dubbed": self.dubbed,
            "truth": self.truth,
            "num_frames": self.num_frames,
            "num_compared": self.num_compared,
            "frame_rate": self.frame_rate,
            "aligned": self.aligned,
            "values": dict(self.values),
            "missing": dict(self.missing),
        }
        if curves:
            values["curves"] = {name: array.tolist() for name, array in self.arrays.items() if array.ndim == 1}
        written: dict[str, Any] = plain(values)
        return written

    @property
    def result(self) -> dict[str, Any]:
        """Values and arrays together, as `Metric.reduce` takes them."""
        return {**self.values, **self.arrays}


@dataclass(frozen=True)
class Summary:
    """Reports of one group taken together."""

    num_videos: int
    """Number of reports."""
    values: Mapping[str, float]
    """By name: the mean over the reports that have the value, unless the metric combines them otherwise."""
    missing: Mapping[str, str]
    """Values that no report has, with a reason."""

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain values for JSON."""
        written: dict[str, Any] = plain(
            {"num_videos": self.num_videos, "values": dict(self.values), "missing": dict(self.missing)}
        )
        return written


def summarise(reports: Sequence[Report]) -> Summary:
    """Combine reports of one group, at least one, each metric in its own way."""
    values = reduce_all([report.result for report in reports])
    missing = {name: reason for report in reports for name, reason in report.missing.items() if name not in values}
    return Summary(len(reports), values, missing)


def table_infos() -> list[MetricInfo]:
    """List the values that the tables of `visavox evaluate` show."""
    return [info for info in metric_infos() if info.in_table]


def format_table(rows: Sequence[tuple[str, Mapping[str, float]]], infos: Sequence[MetricInfo] | None = None) -> str:
    """Lay values out as tables of plain text, one for each block.

    Args:
        rows: heading and values by name.
        infos: what to show; one that no row has a value of is left out, and so is a block without any. None: what
            `visavox evaluate` shows.
    """
    shown = shown_infos([values for _, values in rows], infos)
    blocks = dict.fromkeys(["", *(info.block for info in shown)])
    return "\n\n".join(_format_block(rows, block, [each for each in shown if each.block == block]) for block in blocks)


def shown_infos(rows: Sequence[Mapping[str, float]], infos: Sequence[MetricInfo] | None = None) -> list[MetricInfo]:
    """Choose the values that some row has; of those of `visavox evaluate` if none are given."""
    infos = table_infos() if infos is None else infos
    return [info for info in infos if any(info.name in row for row in rows)]


def cells(values: Mapping[str, float], infos: Sequence[MetricInfo]) -> list[str]:
    """Write the values of a row under the columns that are shown; a dash where there is none."""
    return [f"{values[info.name]:.{info.decimals}f}" if info.name in values else "-" for info in infos]


def describe_missing(missing: Mapping[str, str], measured: Collection[str] = ()) -> str:
    """Say what of the table could not be measured, and why: a line for each reason; empty if there is nothing.

    Args:
        missing: name of the value -> the reason.
        measured: names that are not to be mentioned, because some row has them.
    """
    by_reason: dict[str, list[str]] = {}
    for info in table_infos():
        if info.name in missing and info.name not in measured:
            by_reason.setdefault(missing[info.name], []).append(info.column)
    return "\n".join(f"not measured: {', '.join(columns)} ({reason})" for reason, columns in by_reason.items())


def _format_block(rows: Sequence[tuple[str, Mapping[str, float]]], title: str, infos: Sequence[MetricInfo]) -> str:
    head = [title, *(info.heading for info in infos)]
    return text_table([head, *([name, *cells(values, infos)] for name, values in rows)])


def plain(value: Any) -> Any:
    """Turn numpy values into Python's and numbers that JSON does not know into None, all the way down."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


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
