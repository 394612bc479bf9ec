"""The figures of a test set: rows for its table, and means that leave out what a foreign sound makes meaningless."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from visavox.evaluation.protocol.pair_list import Pair
from visavox.evaluation.protocol.record import PairRecord
from visavox.evaluation.report import COLUMNS, Report, figure, summarise

Figures = dict[str, float]
"""Dotted path of a figure in a report -> the figure."""

NEEDS_OWN_SOUND = ("opening.", "width.", "landmark_distance", "psnr", "ssim", "aligned", "face.lpips", "silence.true_")
"""Figures (or what their paths begin with) that compare with the mouth of the recording. A video that speaks with the
sound of another has no recording of these words; all other figures are of the dubbed video itself, of its sound, or
compare it with the picture that was dubbed."""

_TRUE = "true_"
"""What the name of a figure of the real video begins with."""

_DESCRIPTIONS = frozenset({"dubbed", "truth", "curves"})
"""Parts of a report that are no figures."""


def pair_figures(report: Report, is_own_sound: bool) -> Figures:
    """Flatten a report, whatever it holds: every single number in it by its path.

    Args:
        report: of one pair.
        is_own_sound: whether the recording is that of the words spoken.

    Returns:
        the figures that were measured and mean something (`NEEDS_OWN_SOUND`).
    """
    found: Figures = {}
    for name, value in report.to_dict().items():
        if name not in _DESCRIPTIONS:
            _flatten(name, value, found)
    for column in COLUMNS:  # a figure of the table may be computed, and so no part of the dictionary
        value = figure(report, column.path)
        if not math.isnan(value):
            found.setdefault(column.path, value)
    if is_own_sound:
        return found
    return {path: value for path, value in found.items() if not path.startswith(NEEDS_OWN_SOUND)}


def real_figures(figures: Figures) -> Figures:
    """Return the figures of the real video among those of a pair, under the names of the dubbed one's.

    >>> real_figures({"expert_sync.distance": 7.0, "true_expert_sync.distance": 6.0, "silence.true_motion": 0.01})
    {'expert_sync.distance': 6.0, 'silence.motion': 0.01}
    """
    found = {}
    for path, value in figures.items():
        parts = path.split(".")
        if any(part.startswith(_TRUE) for part in parts):
            found[".".join(part.removeprefix(_TRUE) for part in parts)] = value
    return found


def mean_figures(rows: Sequence[Figures]) -> Figures:
    """Average each figure over the rows that have it."""
    values: dict[str, list[float]] = {}
    for row in rows:
        for path, value in row.items():
            values.setdefault(path, []).append(value)
    return {path: math.fsum(each) / len(each) for path, each in values.items()}


def summary_rows(pairs: Sequence[Pair], records: Mapping[str, PairRecord]) -> list[tuple[str, dict[str, Any]]]:
    """Average the finished pairs: those with the sound of another, those with their own, and the real videos.

    Args:
        pairs: the list.
        records: by `Pair.key`.

    Returns:
        name and figures by the paths of `evaluation.report.COLUMNS`; a real video counts once, whatever
        the number of its pairs.
    """
    other: list[Figures] = []
    own: list[Figures] = []
    own_reports: list[Report] = []
    real: dict[str, Figures] = {}
    for pair in pairs:
        report = records[pair.key].load_report() if pair.key in records else None
        if report is None:
            continue
        figures = pair_figures(report, pair.is_own_sound)
        (own if pair.is_own_sound else other).append(figures)
        if pair.is_own_sound:
            own_reports.append(report)
        real.setdefault(str(pair.video), {}).update(real_figures(figures))
    rows: list[tuple[str, dict[str, Any]]] = []
    if other:
        rows.append((f"other sound ({len(other)})", mean_figures(other)))
    if own:
        rows.append((f"own sound ({len(own)})", {**mean_figures(own), **summarise(own_reports)}))
    if any(real.values()):
        rows.append((f"real videos ({len(real)})", mean_figures(list(real.values()))))
    return rows


def figure_paths(rows: Sequence[Figures]) -> list[str]:
    """Name every figure that some row has, in the order of a report."""
    order = {field.name: position for position, field in enumerate(fields(Report))}
    paths = dict.fromkeys(path for row in rows for path in row)
    return sorted(paths, key=lambda path: order.get(path.partition(".")[0], len(order)))


def _flatten(path: str, value: Any, found: Figures) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _flatten(f"{path}.{name}", inner, found)
    elif isinstance(value, bool | int | float):
        found[path] = float(value)
