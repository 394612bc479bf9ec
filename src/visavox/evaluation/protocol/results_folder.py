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
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from visavox.errors import InputError
from visavox.evaluation.protocol.pair_list import Pair
from visavox.evaluation.protocol.record import PairRecord, file_states, read_pair_record
from visavox.evaluation.protocol.settings import upgrade_content
from visavox.metrics.fid import FEATURES as FID_FEATURES
from visavox.runtime.files import write_whole
from visavox.runtime.lock import locked
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
