"""The figures as tables in Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

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
"""Figure to its heading and the digits after its point."""

Groups = Mapping[str, Mapping[str, float]]
"""Group to figure to value."""


def figures_table(groups: Groups) -> str:
    """One predictor: a line for each figure, a column for each group; figures that no group has are left out."""
    lines = [["", *groups]]
    for key, (heading, decimals) in HEADINGS.items():
        cells = [cell(figures.get(key), decimals) for figures in groups.values()]
        if any(cell != "-" for cell in cells):
            lines.append([heading, *cells])
    return markdown(lines)


def opening_table(predictors: Mapping[str, Groups], key: str = "opening_r") -> str:
    """One figure: a line for each predictor, a column for each group."""
    names = list(next(iter(predictors.values())))
    decimals = HEADINGS[key][1]
    rows = [[name, *(cell(groups[each].get(key), decimals) for each in names)] for name, groups in predictors.items()]
    return markdown([["", *names], *rows])


def cell(value: float | None, decimals: int) -> str:
    """Write a figure with so many digits after the point, or a dash where there is none."""
    if value is None or math.isnan(value):
        return "-"
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # never "-0"


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Lay lines of cells out as a table, the first being its head."""
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(lines[0]))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 1) + (":" if column else "-") for column, width in enumerate(widths)) + "|"
    return "\n".join([text[0], rule, *text[1:]])
