"""Tables that say what a file name does not: who speaks, and by how much audio and image are apart."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from visavox.data.preparation.sources import Source
from visavox.errors import InputError
from visavox.types import PathLike

Value = TypeVar("Value")

LONGEST_LAG = 10.0
"""Seconds; a lag beyond is a mistake of unit, milliseconds or frames."""


@dataclass(frozen=True)
class TableLag:
    """The lag of one video's audio as a table gives it."""

    seconds: float
    """Negative: the audio comes late by that much and is to be advanced."""
    score: float | None = None
    """Confidence of the measurement (column `av_best`); None where the table does not say."""


@dataclass(frozen=True)
class Table(Generic[Value]):
    """Rows of a table, by file."""

    path: str
    """The file the table was read from."""
    rows: dict[str, Value]
    """Path as the table writes it (with `/`) -> what the row says."""

    def match(self, sources: Sequence[Source]) -> dict[str, Value]:
        """Find the row of each source: the one whose `file` is the longest ending of the source's path.

        Returns:
            Path of a source -> what its row says; sources without a row are missing.

        Raises:
            InputError: one row fits several sources, or no row fits any.
        """
        owner: dict[str, Source] = {}
        found: dict[str, Value] = {}
        for source in sources:
            parts = Path(source.path).parts[1:]
            endings = ("/".join(parts[start:]) for start in range(len(parts)))
            key = next((ending for ending in endings if ending in self.rows), None)
            if key is None:
                continue
            if key in owner:
                raise InputError(
                    f"the row '{key}' of {self.path} fits both {owner[key].path} and {source.path}; "
                    "write more of the path into its column 'file'"
                )
            owner[key] = source
            found[source.path] = self.rows[key]
        if not found and self.rows:
            raise InputError(
                f"no row of {self.path} names any of the {len(sources)} videos: its first row is "
                f"'{next(iter(self.rows))}', the first video {sources[0].path}; the column 'file' must hold the end of "
                "the path, such as folder/name.mp4"
            )
        return found


def read_lags(path: PathLike) -> Table[TableLag]:
    """Read a table with the columns `file`, `av_lag_s` and, if there is one, `av_best`; empty cells are unknown.

    Raises:
        InputError: it cannot be read, lacks a column, or a cell is no number of seconds.
    """

    def lag(cells: dict[str, str], where: str) -> TableLag | None:
        if not cells["av_lag_s"]:
            return None
        seconds = _number(cells["av_lag_s"], "av_lag_s", where)
        if abs(seconds) > LONGEST_LAG:
            raise InputError(f"{where}: av_lag_s is {seconds:g}; it is a number of seconds, at most {LONGEST_LAG:g}")
        score = cells.get("av_best", "")
        return TableLag(seconds, _number(score, "av_best", where) if score else None)

    return _read(path, ("file", "av_lag_s"), lag)


def read_speakers(path: PathLike) -> Table[str]:
    """Read a table with the columns `file` and `speaker`; empty cells are unknown.

    Raises:
        InputError: it cannot be read or lacks a column.
    """
    return _read(path, ("file", "speaker"), lambda cells, where: cells["speaker"] or None)


def _read(
    path: PathLike, columns: tuple[str, ...], parse: Callable[[dict[str, str], str], Value | None]
) -> Table[Value]:
    lines = _lines(path)
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    reader = csv.DictReader(lines, delimiter=delimiter)
    header = [name.strip() for name in reader.fieldnames or []]
    missing = [name for name in columns if name not in header]
    if missing:
        raise InputError(
            f"{path} has no column {' and no column '.join(missing)}; its first line must name the columns "
            f"{', '.join(columns)} (it reads: {', '.join(header)[:120] or 'nothing'})"
        )
    reader.fieldnames = header
    rows: dict[str, Value] = {}
    try:
        for cells in reader:
            where = f"line {reader.line_num} of {path}"
            text = {name: (cells[name] or "").strip() for name in header}
            file = text["file"].replace("\\", "/").removeprefix("./").lstrip("/")
            value = parse(text, where) if file else None
            if value is None:
                continue
            if rows.setdefault(file, value) != value:
                raise InputError(f"{where} says of '{file}' something else than an earlier line; remove one of them")
    except csv.Error as error:
        raise InputError(f"line {reader.line_num} of {path} cannot be read: {error}") from None
    return Table(os.fspath(path), rows)


def _lines(path: PathLike) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file in UTF-8; save the table as CSV in UTF-8") from None
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; give a table in CSV") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; give a table in CSV") from None


def _number(text: str, column: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise InputError(f"{where}: {column} is '{text}'; it must be a number such as -0.04, or empty") from None
    if not math.isfinite(number):
        raise InputError(f"{where}: {column} is {text}; it must be a finite number, or empty")
    return number
