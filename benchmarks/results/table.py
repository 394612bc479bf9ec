"""The tables of docs/results.md, and the place in the page where they go."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.clips import Clip
from benchmarks.results.job import Kind
from visavox.errors import InputError
from visavox.evaluation.protocol.summary import same_words_names
from visavox.evaluation.report import Report, cells, shown_infos, summarise, table_infos
from visavox.metrics import MetricInfo, metric_infos
from visavox.runtime.files import write_whole
from visavox.runtime.tables import markdown_table

Measured = Mapping[str, Mapping[str, Mapping[Kind, Report]]]
"""Name of the subject -> name of the clip -> reports."""

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
"""What the tables lie between."""

_POOLED = ("pooled.correlation", "pooled.gain")
_HEADINGS: dict[Kind, str] = {"same": "Same audio", "cross": "Cross audio"}
_MOUTH = ("opening.", "width.", "pooled.", "silence.")
"""Measured against the recording whose audio it is, in both parts."""


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


def group_values(reports: Sequence[Report], kind: Kind) -> dict[str, float]:
    """Average reports; leaves out what foreign words make meaningless."""
    values = dict(summarise(reports).values)
    if kind == "same":
        return values
    meaningless = {name for name in same_words_names() if not name.startswith(_MOUTH)}
    return {name: value for name, value in values.items() if name not in meaningless}


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
        (group, len(clips), subject, group_values([reports[clip.name][kind] for clip in clips], kind))
        for group, clips in groups
        for subject, reports in measured.items()
    ]
    infos = shown_infos([values for *_, values in rows], _columns())
    head = ["clips", "who", *(info.column for info in infos)]
    return markdown_table(
        head,
        [[f"{group} ({number})", subject, *cells(values, infos)] for group, number, subject, values in rows],
        num_names=2,
    )


def _columns() -> list[MetricInfo]:
    """Choose what is shown: the values of `visavox evaluate`, and those pooled over clips after the first."""
    first, *others = table_infos()
    pooled = [info for info in metric_infos() if info.name in _POOLED]
    return [first, *pooled, *others]
