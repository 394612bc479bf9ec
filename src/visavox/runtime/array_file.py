"""Arrays on disk: files of arrays (`.npz`, without pickles), and arrays that grow piece by piece until whole."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np

from visavox.errors import InputError
from visavox.runtime.files import write_whole
from visavox.types import PathLike

Contents = TypeVar("Contents")

_DAMAGE = (
    OSError,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    EOFError,
    ZeroDivisionError,
    zipfile.BadZipFile,
    zlib.error,
)
Shape = tuple[tuple[int, ...], type]


def write_arrays(path: PathLike, arrays: dict[str, np.ndarray]) -> None:
    """Write a file of arrays; it appears under its name, whole, or not at all.

    Args:
        path: the file.
        arrays: by name: float, int, bool (any shape) or text, but no objects.

    Raises:
        InputError: the folder does not exist or cannot be written.
    """
    try:
        write_whole(path, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"{os.fspath(path)} cannot be written ({reason}); choose a folder that exists and can be written."
        ) from error


def read_arrays(
    path: PathLike,
    kind: str,
    *,
    version: int,
    remedy: str,
    unpack: Callable[[np.lib.npyio.NpzFile], Contents],
) -> Contents:
    """Read a file of arrays.

    Args:
        path: the file.
        kind: what it should be, "track" or "motion"; its array `visavox_{kind}` begins with the format.
        version: the format that is read.
        remedy: what to do about a file that cannot be read, as the end of a sentence.
        unpack: makes the contents of the arrays; may raise KeyError, TypeError, ValueError and ZeroDivisionError for
            those that do not fit.

    Raises:
        InputError: the file is missing, is of another kind or format, or is damaged.
    """
    name = os.fspath(path)
    if not os.path.isfile(name):
        what = "is a folder" if os.path.isdir(name) else "does not exist"
        raise InputError(f"the {kind} file {name} {what}; {remedy}")
    try:
        loaded = np.load(name, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise InputError(f"{name} is not a {kind} file; {remedy}")
        with loaded as arrays:
            if f"visavox_{kind}" not in arrays:
                raise InputError(f"{name} is not a {kind} file; {remedy}")
            found = int(arrays[f"visavox_{kind}"].flat[0])
            if found != version:
                raise InputError(f"{name} is a {kind} file of format {found}, this version reads {version}; {remedy}")
            return unpack(arrays)
    except _DAMAGE as error:
        raise InputError(f"{name} is not a {kind} file or is damaged ({error}); {remedy}") from error


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
