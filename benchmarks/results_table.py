"""The tables of docs/results.md, and the place in the page where they go."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.clips import Clip
from benchmarks.results_job import Kind
from visavox.errors import InputError
from visavox.evaluation.protocol.figures import NEEDS_OWN_SOUND
from visavox.evaluation.protocol.summary import figure_cells
from visavox.evaluation.report import COLUMNS, Column, Report, summarise
from visavox.runtime.files import write_whole
from visavox.runtime.page import markdown_table

Measured = Mapping[str, Mapping[str, Mapping[Kind, Report]]]
"""Name of the subject -> name of the clip -> reports."""

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
"""What the tables lie between."""

_POOLED = (Column("pooled r", "pooled.correlation", 2), Column("pooled gain", "pooled.gain", 2))
_HEADINGS: dict[Kind, str] = {"same": "Same sound", "cross": "Cross sound"}
_MOUTH = ("opening.", "width.", "silence.")
"""Measured against the recording whose sound it is, in both parts."""


def tables(measured: Measured, clips: Sequence[Clip], facts: Sequence[str]) -> str:
    """Write everything that goes between the markers, in Markdown.

    Args:
        measured: by subject, in the order of the table.
        clips: the set.
        facts: what was measured with what.
    """
    parts = ["\n".join(f"- {fact}" for fact in facts)]
    for kind, heading in _HEADINGS.items():
        parts += [f"### {heading}", _table([("all", clips)], measured, kind)]
        groups = [(name, [clip for clip in clips if clip.group == name]) for name in sorted({c.group for c in clips})]
        if len(groups) > 1:
            parts += [f"#### {heading}, group by group", _table(groups, measured, kind)]
    return "\n\n".join(parts)


def group_figures(reports: Sequence[Report], kind: Kind) -> dict[str, Any]:
    """Average reports; leaves out what a foreign sound makes meaningless."""
    summary = summarise(reports)
    pooled = summary.pop("pooled", {})
    figures = {**summary, **{f"pooled.{name}": value for name, value in pooled.items()}}
    if kind == "same":
        return figures
    return {
        path: value
        for path, value in figures.items()
        if path.startswith(_MOUTH) or not path.startswith(NEEDS_OWN_SOUND)
    }


def put_between_markers(page: Path, text: str) -> None:
    """Replace what a page has between the markers; the rest of it stays.

    Raises:
        InputError: the page cannot be read or written, or lacks the markers.
    """
    try:
        before = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{page} cannot be read ({error}); give a page with {BEGIN} and {END}") from error
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if len(pattern.findall(before)) != 1:
        raise InputError(f"{page} has no place for the tables; put {BEGIN} and {END} into it, on lines of their own")
    write_whole(page, pattern.sub(lambda _: f"{BEGIN}\n\n{text}\n\n{END}", before))


def _table(groups: Sequence[tuple[str, Sequence[Clip]]], measured: Measured, kind: Kind) -> str:
    rows = [
        (group, len(clips), subject, group_figures([reports[clip.name][kind] for clip in clips], kind))
        for group, clips in groups
        for subject, reports in measured.items()
    ]
    columns = [COLUMNS[0], *_POOLED, *COLUMNS[1:]]
    shown = [column for column in columns if any(figure_cells(row[3], [column]) != ["-"] for row in rows)]
    head = ["clips", "who", *(column.title for column in shown)]
    return markdown_table(
        head,
        [[f"{group} ({number})", subject, *figure_cells(figures, shown)] for group, number, subject, figures in rows],
        num_names=2,
    )
