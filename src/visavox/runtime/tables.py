"""Tables of text and of Markdown, laid out by tabulate."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

Row = Sequence[str]
"""Cells of a row."""


def text_table(rows: Sequence[Row], num_names: int = 1) -> str:
    """Lay rows out in columns of plain text, two spaces between them.

    Args:
        rows: cells, the headings among them if there are any; all rows are of one length.
        num_names: first columns that hold names and begin at the left; the others hold values and end at the right.

    >>> print(text_table([["pair", "PSNR"], ["first", "31.25"], ["second", "-"]]))
    pair     PSNR
    first   31.25
    second      -
    """
    text = tabulate(
        rows, tablefmt="plain", colalign=_alignment(rows, num_names), disable_numparse=True, preserve_whitespace=True
    )
    return "\n".join(line.rstrip() for line in text.split("\n"))


def markdown_table(head: Row, rows: Sequence[Row], num_names: int = 1) -> str:
    """Lay a table out in Markdown, its columns in line for those who read the text itself.

    Args:
        head: headings.
        rows: cells.
        num_names: first columns that hold names and begin at the left; the others hold values.
    """
    lines = [[_cell(cell) for cell in line] for line in (head, *rows)]
    if len(lines) == 1:  # tabulate aligns columns by their cells, and there are none
        return tabulate([], headers=lines[0], tablefmt="pipe")
    return tabulate(
        lines[1:],
        headers=lines[0],
        tablefmt="pipe",
        colalign=_alignment(lines, num_names),
        disable_numparse=True,
    )


def _alignment(rows: Sequence[Row], num_names: int) -> list[str]:
    return ["left" if number < num_names else "right" for number in range(len(rows[0]) if rows else 0)]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
