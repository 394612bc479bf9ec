"""Tables: columns stay in line, and what a cell holds cannot break them."""

from __future__ import annotations

import doctest

from visavox.runtime import tables
from visavox.runtime.tables import markdown_table, text_table

NASTY = "<b>a|b</b> & \n c"


def test_cells_of_markdown_stay_in_their_columns() -> None:
    text = markdown_table(("name", "value"), ((NASTY, "1.00"), ("b", "-")))
    assert text.splitlines() == [
        "| name            |   value |",
        "|:----------------|--------:|",
        "| <b>a\\|b</b> & c |    1.00 |",
        "| b               |       - |",
    ]


def test_a_table_without_rows_is_its_headings() -> None:
    assert markdown_table(("a", "b"), (), num_names=2).splitlines() == ["| a   | b   |", "|-----|-----|"]
    assert text_table([]) == ""


def test_numbers_are_shown_as_they_were_written() -> None:
    rows = [["1e3", "1.50", "inf"], ["007", "-", "12"]]
    assert text_table(rows) == "1e3  1.50  inf\n007     -   12"


def test_spaces_at_the_begin_of_a_name_are_kept_and_none_end_a_line() -> None:
    assert text_table([["! sound", "late"], ["  light", ""]], num_names=2) == "! sound  late\n  light"


def test_examples() -> None:
    failed, tried = doctest.testmod(tables)
    assert tried > 0
    assert failed == 0
