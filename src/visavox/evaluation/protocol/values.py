"""Values of a test set: rows for its table, and means that leave out what foreign words make meaningless."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from visavox.evaluation.protocol.pair_list import Pair
from visavox.evaluation.protocol.record import PairRecord
from visavox.evaluation.report import Report, summarise
from visavox.metrics.table import metric_infos

Values = Mapping[str, float]
"""Name of a value in a report -> the value."""

_HEAD = ("num_frames", "num_compared", "frame_rate", "aligned")
"""Numbers of a report that are not of a metric."""


def pair_values(report: Report, is_own_audio: bool) -> dict[str, float]:
    """List every number of a report by its name.

    Args:
        report: of one pair.
        is_own_audio: whether the recording is that of the words spoken.

    Returns:
        those that mean something: where the recording says other words, a value that compares with its mouth does not
        (`MetricInfo.needs_same_words`).
    """
    found = {name: float(getattr(report, name)) for name in _HEAD} | dict(report.values)
    if is_own_audio:
        return found
    meaningless = same_words_names()
    return {name: value for name, value in found.items() if name not in meaningless}


def same_words_names() -> set[str]:
    """Name the values that compare with a mouth that says the same words."""
    return {info.name for info in metric_infos() if info.needs_same_words} | {"aligned"}


def real_values(values: Values) -> dict[str, float]:
    """Return the values of the real video among those of a pair, under the names of the dubbed one's.

    >>> real_values({"expert_sync.distance": 7.0, "true_expert_sync.distance": 6.0, "silence.true_motion": 0.01})
    {'silence.motion': 0.01, 'expert_sync.distance': 6.0}
    """
    return {info.real_of: values[info.name] for info in metric_infos() if info.real_of and info.name in values}


def mean_values(rows: Sequence[Values]) -> dict[str, float]:
    """Average each value over the rows that have it."""
    gathered: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            gathered.setdefault(name, []).append(value)
    return {name: math.fsum(each) / len(each) for name, each in gathered.items()}


def summary_rows(pairs: Sequence[Pair], records: Mapping[str, PairRecord]) -> list[tuple[str, Values]]:
    """Average the finished pairs: those with the audio of another, those with their own, and the real videos.

    Args:
        pairs: the list.
        records: by `Pair.key`.

    Returns:
        heading and values by name; a real video counts once, whatever the number of its pairs.
    """
    other: list[Values] = []
    own: list[Values] = []
    own_reports: list[Report] = []
    real: dict[str, dict[str, float]] = {}
    for pair in pairs:
        report = records[pair.key].load_report() if pair.key in records else None
        if report is None:
            continue
        values = pair_values(report, pair.is_own_audio)
        (own if pair.is_own_audio else other).append(values)
        if pair.is_own_audio:
            own_reports.append(report)
        real.setdefault(str(pair.video), {}).update(real_values(values))
    rows: list[tuple[str, Values]] = []
    if other:
        rows.append((f"other audio ({len(other)})", mean_values(other)))
    if own:
        rows.append((f"own audio ({len(own)})", {**mean_values(own), **summarise(own_reports).values}))
    if any(real.values()):
        rows.append((f"real videos ({len(real)})", mean_values(list(real.values()))))
    return rows


def value_names(rows: Sequence[Values]) -> list[str]:
    """Name every value that some row has, in the order of the table of metrics."""
    known = [*_HEAD, *(info.name for info in metric_infos())]
    order = {name: position for position, name in enumerate(known)}
    names = dict.fromkeys(name for row in rows for name in row)
    return sorted(names, key=lambda name: order.get(name, len(order)))
