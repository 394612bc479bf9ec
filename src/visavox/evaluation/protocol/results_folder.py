"""Results folder of a run over a test set, which makes the run resumable.

    RESULTS/pairs.csv             one row a pair, in the order of the list
    RESULTS/report.md, .html      the summary; the second with images, in one file
    RESULTS/dubbed/<key>.mp4      the dubbed videos
    RESULTS/run/settings.json     what all values depend on
    RESULTS/run/records/*.json    one record a pair
    RESULTS/run/features/*.npy    features of the pairs, such as those of FID: 16 kB a frame
    RESULTS/run/tracks/*.npz      the landmarks of the videos

Each file appears under its name only when it is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from visavox.errors import InputError
from visavox.evaluation.protocol.pair_list import Pair
from visavox.evaluation.protocol.settings import upgrade_content
from visavox.evaluation.report import Report, read_report
from visavox.metrics import Metrics
from visavox.metrics.fid import FEATURES as FID_FEATURES
from visavox.runtime.files import write_whole
from visavox.runtime.lock import locked
from visavox.runtime.serialization import from_mapping
from visavox.types import PathLike

_FORMAT = "visavox protocol results 1"


class ResultsFolder:
    """Results on disk, while they are made.

    Args:
        path: the folder; it need not exist.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)
        self.table = self.path / "pairs.csv"
        self.markdown = self.path / "report.md"
        self.html = self.path / "report.html"
        self.dubbed = self.path / "dubbed"
        self.records = self.path / "run" / "records"
        self.features = self.path / "run" / "features"
        self.tracks = self.path / "run" / "tracks"
        self._settings = self.path / "run" / "settings.json"
        self._lock = self.path / "run" / "lock"

    def check(self, content: dict[str, Any], redo: bool) -> None:
        """See whether results that depend on `content` can be put here; nothing is written.

        Raises:
            InputError: the path is a file, a folder with other things, or results of other settings.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file; give a folder for the results, new or of an earlier run")
        if self._settings.is_file():
            if not redo:
                self._check_content(content)
        elif self.path.is_dir() and any(self.path.iterdir()):
            raise InputError(
                f"{self.path} holds something that visavox evaluate did not make; give a new or empty folder, so that "
                "nothing of yours is mixed with the results"
            )

    def open(self, content: dict[str, Any], redo: bool) -> None:
        """Create the folder, or make it ready to go on: remove what an interrupted run left half written.

        Raises:
            InputError: it cannot be written.
        """
        try:
            for folder in (self.dubbed, self.records, self.features):
                folder.mkdir(parents=True, exist_ok=True)
            self.remove_leftovers()
            if redo:
                for path in (*self.records.glob("*.json"), *self.features.glob("*.npy")):
                    path.unlink()
            write_whole(
                self._settings, json.dumps({"format": _FORMAT, "content": content}, indent=2, default=str) + "\n"
            )
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror}; give another folder") from None

    def remove_leftovers(self) -> None:
        """Remove files that a process was writing when it was ended."""
        for path in self.path.rglob(".*.part*"):
            path.unlink(missing_ok=True)

    def locked(self) -> AbstractContextManager[None]:
        """Keep a second run out of the folder while a block runs.

        Raises:
            InputError: one is at work already, or the folder cannot be made.
        """
        try:
            self._lock.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.path} cannot be made: {error.strerror}; give another folder") from None
        return locked(self._lock, "visavox evaluate", self.path)

    def features_of(self, pair: Pair, name: str) -> Path:
        """File with an array of features of a pair; those of FID have no name, as in earlier versions."""
        return self.features / (f"{pair.key}.npy" if name == FID_FEATURES else f"{pair.key}.{name}.npy")

    def finished(self, pair: Pair, features: Sequence[str] = ()) -> PairRecord | None:
        """Return the record of a pair that needs no work: finished, its files unchanged, its video there.

        Args:
            pair: the pair.
            features: names of the arrays of features that must be there as well.
        """
        record = read_pair_record(self.records / f"{pair.key}.json")
        if record is None or record.status == "failed" or record.inputs != file_states(pair):
            return None
        needed = [self.dubbed / f"{pair.key}.mp4", *(self.features_of(pair, name) for name in features)]
        if record.status == "done" and not all(path.is_file() for path in needed):
            return None
        return record

    def _check_content(self, content: dict[str, Any]) -> None:
        try:
            stored = json.loads(self._settings.read_text(encoding="utf-8"))
            known, before = stored["format"] == _FORMAT, upgrade_content(stored["content"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self._settings} cannot be read ({error}); give another folder, or --redo") from None
        now = json.loads(json.dumps(content, default=str))
        different = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
        if not known or different:
            raise InputError(
                f"{self.path} holds results of other settings ({', '.join(different) or 'another version'}); give "
                "another folder, or --redo to do every pair again"
            )


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
    """The reason, if it was left out or failed."""
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
        record = from_mapping(PairRecord, json.loads(path.read_text(encoding="utf-8")))
        record.load_report()
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
    return record


def feature_names(metrics: Metrics) -> list[str]:
    """Name the arrays that are to be kept for some metrics."""
    return [name for metric in metrics.values() for name in metric.features]


def save_features(arrays: Mapping[str, np.ndarray], folder: ResultsFolder, pair: Pair) -> None:
    """Write features of a pair; each file appears only when it is whole.

    Args:
        arrays: by name, float (any shape).
        folder: where they are kept.
        pair: what they were computed from.

    Raises:
        OSError: the disk is full.
    """
    for name, array in arrays.items():
        save_array(array, folder.features_of(pair, name))


def save_array(array: np.ndarray, path: Path) -> None:
    """Write an array, float (any shape), as .npy, whole or not at all.

    Raises:
        OSError: the disk is full.
    """
    write_whole(path, lambda file: np.save(file, array, allow_pickle=False))


def set_values(
    metrics: Metrics, missing: Mapping[str, str], folder: ResultsFolder, pairs: Iterable[Pair]
) -> dict[str, float | str]:
    """Combine the features of all pairs, metric by metric.

    Args:
        metrics: that were measured.
        missing: values that could not be measured at all: name -> the reason.
        folder: where the features are.
        pairs: the finished ones.

    Returns:
        column of the value -> the value, or why there is none.
    """
    pairs = list(pairs)
    found: dict[str, float | str] = {}
    for metric in metrics.values():
        if not metric.features:
            continue
        # Without its network a metric has kept no features of any pair.
        unmeasured = all(info.name in missing for info in metric.infos)
        values = {} if unmeasured else metric.reduce(_results(metric.features, folder, pairs))
        for info in metric.infos:
            if info.name in values or info.name in missing:
                found[info.column] = values[info.name] if info.name in values else missing[info.name]
    return found


def _results(names: Sequence[str], folder: ResultsFolder, pairs: Iterable[Pair]) -> Iterator[dict[str, np.ndarray]]:
    """Read the features of pair after pair."""
    for pair in pairs:
        yield {name: np.load(folder.features_of(pair, name), allow_pickle=False) for name in names}
