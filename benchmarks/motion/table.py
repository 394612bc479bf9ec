"""Tables of the values in Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping

from visavox.runtime.tables import markdown_table

HEADINGS = {
    "clips": ("clips", 0),
    "opening_r": ("opening r", 3),
    "opening_lag": ("best lag", 0),
    "opening_gain": ("gain", 2),
    "width_r": ("width r", 3),
    "width_gain": ("width gain", 2),
    "lmd": ("LMD", 4),
    "velocity": ("velocity", 2),
    "diversity": ("diversity", 4),
    "silence": ("opening in pauses", 3),
    "silence_true": ("the same, recording", 3),
    "closures": ("closures", 0),
    "closures_met": ("closures met", 2),
    "closed_anywhere": ("closed anywhere", 2),
    "sync": ("sync", 3),
    "sync_true": ("the same, recording", 3),
}
"""Value to its heading and the digits after its point."""

Groups = Mapping[str, Mapping[str, float]]
"""Group to the name of a value to the value."""


def values_table(groups: Groups) -> str:
    """One predictor: a line for each value, a column for each group; values that no group has are left out."""
    lines = [["", *groups]]
    for key, (heading, decimals) in HEADINGS.items():
        cells = [cell(values.get(key), decimals) for values in groups.values()]
        if any(cell != "-" for cell in cells):
            lines.append([heading, *cells])
    return markdown_table(lines[0], lines[1:])


def opening_table(predictors: Mapping[str, Groups], key: str = "opening_r") -> str:
    """One value: a line for each predictor, a column for each group."""
    names = list(next(iter(predictors.values())))
    decimals = HEADINGS[key][1]
    rows = [[name, *(cell(groups[each].get(key), decimals) for each in names)] for name, groups in predictors.items()]
    return markdown_table(["", *names], rows)


def cell(value: float | None, decimals: int) -> str:
    """Write a value with so many digits after the point, or a dash where there is none."""
    if value is None or math.isnan(value):
        return "-"
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # never "-0"
