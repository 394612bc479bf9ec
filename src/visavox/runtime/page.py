"""A page of headings, sentences, tables and pictures, written as Markdown or as one HTML file."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; display: block; overflow-x: auto; margin: 1rem 0; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
img { display: block; max-width: 100%; margin: .4rem 0; }
"""


@dataclass(frozen=True)
class Heading:
    """A heading."""

    text: str
    """Its words."""
    level: int = 2
    """1 for the page's own."""


@dataclass(frozen=True)
class Paragraph:
    """Some sentences, plain text."""

    text: str
    """The sentences."""


@dataclass(frozen=True)
class Listing:
    """Sentences in a list, plain text."""

    items: tuple[str, ...]
    """One for each point."""


@dataclass(frozen=True)
class Table:
    """A table, names in its first column, figures in the others."""

    head: tuple[str, ...]
    """Headings of the columns."""
    rows: tuple[tuple[str, ...], ...]
    """Cells, a tuple for each row."""


@dataclass(frozen=True)
class Picture:
    """A picture that is part of the page; Markdown shows its words only."""

    data: bytes
    """The file, PNG or JPEG."""
    words: str
    """What is to be seen."""


Block = Heading | Paragraph | Listing | Table | Picture


def markdown(blocks: Sequence[Block]) -> str:
    """Write a page as Markdown; pictures are left out."""
    parts = [_markdown_block(block) for block in blocks if not isinstance(block, Picture)]
    return "\n\n".join(parts) + "\n"


def html_page(title: str, blocks: Sequence[Block]) -> str:
    """Write a page as one HTML file that needs no other: pictures are inside, nothing is loaded from anywhere."""
    body = "\n".join(_html_block(block) for block in blocks)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n'
        "</body>\n</html>\n"
    )


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], num_names: int = 1) -> str:
    """Lay a table out in Markdown, its columns in line for those who read the text itself.

    Args:
        head: headings.
        rows: cells.
        num_names: first columns that hold names and begin at the left; the others hold figures.
    """
    lines = [[_cell(cell) for cell in line] for line in (head, *rows)]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(head))]
    text = [
        "| " + " | ".join(_pad(cell, widths[number], number < num_names) for number, cell in enumerate(line)) + " |"
        for line in lines
    ]
    rule = (
        "|"
        + "|".join("-" * (width + 1) + ("-" if number < num_names else ":") for number, width in enumerate(widths))
        + "|"
    )
    return "\n".join([text[0], rule, *text[1:]])


def _pad(cell: str, width: int, is_name: bool) -> str:
    return cell.ljust(width) if is_name else cell.rjust(width)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _markdown_block(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Listing(items):
            return "\n".join(f"- {item}" for item in items)
        case Table(head, rows):
            return markdown_table(head, rows)
        case Paragraph(text):
            return text
    raise TypeError(block)


def _html_block(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{html.escape(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{html.escape(text)}</p>"
        case Listing(items):
            return "<ul>" + "".join(f"<li>{html.escape(item)}</li>" for item in items) + "</ul>"
        case Table(head, rows):
            lines = [f"<tr>{''.join(f'<th>{html.escape(cell)}</th>' for cell in head)}</tr>"]
            lines += [f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows]
            return "<table>\n" + "\n".join(lines) + "\n</table>"
        case Picture(data, words):
            kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
            content = base64.b64encode(data).decode("ascii")
            return f'<img alt="{html.escape(words)}" src="data:image/{kind};base64,{content}">'
    raise TypeError(block)
