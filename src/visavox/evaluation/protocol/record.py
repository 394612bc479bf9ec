"""Outcome of one pair: the record that makes a run resumable and its table complete."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from visavox.evaluation.protocol.pair_list import Pair
from visavox.evaluation.report import Report
from visavox.evaluation.stored_report import read_report
from visavox.runtime.files import write_whole

FileState = tuple[int, int]
"""Size in bytes and time of change in nanoseconds."""


@dataclass(frozen=True)
class PairRecord:
    """The outcome of one pair."""

    key: str
    """`Pair.key`; also the name of the record's file and of the dubbed video."""
    status: Literal["done", "left out", "failed"]
    """`left out`: the rules of the protocol say so; `failed`: it could not be done, and the next run tries again."""
    reason: str
    """Why it was left out or failed."""
    inputs: tuple[FileState, FileState]
    """Audio and video when it was done: a changed file is done again."""
    report: dict[str, Any] | None = None
    """The values (`Report.to_dict`), with the curves."""

    def load_report(self) -> Report | None:
        """Return the values as a report; None where there are none."""
        return None if self.report is None else read_report(self.report)


def file_states(pair: Pair) -> tuple[FileState, FileState]:
    """Look at the two files of a pair."""
    states = [os.stat(path) for path in (pair.audio, pair.video)]
    first, second = ((state.st_size, state.st_mtime_ns) for state in states)
    return first, second


def write_pair_record(record: PairRecord, folder: Path) -> None:
    """Write a record as `<key>.json`."""
    write_whole(folder / f"{record.key}.json", json.dumps(asdict(record), ensure_ascii=False) + "\n")


def read_pair_record(path: Path) -> PairRecord | None:
    """Read a record; None where it is missing or cannot be read, so that its pair is done again."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        first, second = values["inputs"]
        record = PairRecord(**{**values, "inputs": ((first[0], first[1]), (second[0], second[1]))})
        record.load_report()
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
    return record
