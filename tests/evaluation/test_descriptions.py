"""Every figure that is printed is described, and the documentation says the same as the code."""

from __future__ import annotations

from pathlib import Path

from visavox.evaluation.descriptions import DESCRIPTIONS, markdown_table
from visavox.evaluation.report import COLUMNS

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_every_column_is_described_under_its_title():
    assert {column.path: column.title for column in COLUMNS} == {
        path: description.title for path, description in DESCRIPTIONS.items()
    }


def test_headings_say_which_way_is_better():
    headings = {column.path: column.heading for column in COLUMNS}
    assert headings["psnr"] == "PSNR ↑"
    assert headings["face.lpips"] == "LPIPS ↓"
    assert headings["flicker"] == "flicker"


def test_the_page_holds_the_table():
    assert markdown_table() in PAGE.read_text(encoding="utf-8")
