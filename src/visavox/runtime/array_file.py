"""Files of arrays (`.npz`, without pickles), and what is said when one cannot be read."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable
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
