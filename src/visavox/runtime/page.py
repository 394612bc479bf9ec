"""A page of headings, sentences, tables and images, written as Markdown or as one HTML file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment

from visavox.runtime.tables import markdown_table

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{ title }}</title>
<meta name="viewport" content="width=device-width">
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; display: block; overflow-x: auto; margin: 1rem 0; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
img { display: block; max-width: 100%; margin: .4rem 0; }
</style>
</head>
<body>
{% for kind, block in blocks %}
{% if kind == "Heading" %}
<h{{ block.level }}>{{ block.text }}</h{{ block.level }}>
{% elif kind == "Paragraph" %}
<p>{{ block.text }}</p>
{% elif kind == "Listing" %}
<ul>{% for item in block["items"] %}<li>{{ item }}</li>{% endfor %}</ul>
{% elif kind == "Table" %}
<table>
<tr>{% for cell in block.head %}<th>{{ cell }}</th>{% endfor %}</tr>
{% for row in block.rows %}
<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</table>
{% elif kind == "InlineImage" %}
<img alt="{{ block.words }}" src="{{ block.data | data_address }}">
{% endif %}
{% endfor %}
</body>
</html>
"""
"""A page; whatever is put into it is escaped."""


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
    """A table, names in its first column, values in the others."""

    head: tuple[str, ...]
    """Headings of the columns."""
    rows: tuple[tuple[str, ...], ...]
    """Cells, a tuple for each row."""


@dataclass(frozen=True)
class InlineImage:
    """An image that is part of the page; Markdown shows its words only."""

    data: bytes
    """The file, PNG or JPEG."""
    words: str
    """Description of what it shows."""


Block = Heading | Paragraph | Listing | Table | InlineImage


def markdown(blocks: Sequence[Block]) -> str:
    """Write a page as Markdown; images are left out."""
    parts = [_markdown_block(block) for block in blocks if not isinstance(block, InlineImage)]
    return "\n\n".join(parts) + "\n"


def html_page(title: str, blocks: Sequence[Block]) -> str:
    """Write a page as one HTML file that needs no other: images are inside, nothing is loaded from anywhere."""
    return _TEMPLATE.render(title=title, blocks=[(type(block).__name__, block) for block in blocks])


def _data_address(data: bytes) -> str:
    """Write a PNG or a JPEG as the address of itself."""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


_ENVIRONMENT = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
_ENVIRONMENT.filters["data_address"] = _data_address
_TEMPLATE = _ENVIRONMENT.from_string(_PAGE)


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
