"""Arrays on disk that grow piece by piece and appear under their name only when they are whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from visavox.runtime.files import write_whole

Shape = tuple[tuple[int, ...], type]


class GrowingArrays:
    """Some arrays of a folder that are written together, by a job that may be ended and taken up again.

    Until `finish` they lie under hidden names, beside a note of how far the job is.

    Args:
        folder: where they go.
        shapes: shape and type of each, by path within the folder.
        key: what decides the content; an earlier job with another key is forgotten.
    """

    def __init__(self, folder: Path, shapes: Mapping[str, Shape], key: str) -> None:
        self._folder = folder
        self._shapes = shapes
        self._key = key
        self._note = folder / f".{Path(next(iter(shapes))).name}.progress.json"
        self.done = self._find_done()
        """Units of the job that are done."""
        mode = "r+" if self.done else "w+"
        self.arrays = {
            name: np.lib.format.open_memmap(self._hidden(name), mode=mode, shape=shape, dtype=dtype)
            for name, (shape, dtype) in shapes.items()
        }
        """The arrays, by path within the folder."""

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def note(self, done: int) -> None:
        """Say that so many units are done and on disk."""
        for array in self.arrays.values():
            array.flush()
        write_whole(self._note, json.dumps({"key": self._key, "done": done}) + "\n")

    def finish(self) -> None:
        """Give the arrays their names."""
        for name, array in self.arrays.items():
            array.flush()
            self._hidden(name).replace(self._folder / name)
        self.arrays = {}
        self._note.unlink(missing_ok=True)

    def _find_done(self) -> int:
        try:
            stored = json.loads(self._note.read_text(encoding="utf-8"))
            fits = stored["key"] == self._key and all(
                np.load(self._hidden(name), mmap_mode="r").shape == shape for name, (shape, _) in self._shapes.items()
            )
            return int(stored["done"]) if fits else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def _hidden(self, name: str) -> Path:
        path = self._folder / name
        return path.with_name(f".{path.name}.part")
