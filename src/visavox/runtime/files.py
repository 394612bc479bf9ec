"""Whole-or-nothing files: each appears under its name only when it is whole; and digests of files."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

from visavox.types import PathLike

LONGEST_NAME = 255
"""Bytes of a file name, on every common file system."""


class PartialFile:
    """A file under a temporary name beside its target; `commit` gives it the final name, `discard` removes it.

    In a `with` block it is committed at the end, and discarded where the block is left by an error.

    Attributes:
        path: the temporary name, `.<name>.<random>.part<extension>`, in the folder of the target.
        target: the final name, with symbolic links followed, so that a link to a result stays a link.
    """

    def __init__(self, target: PathLike) -> None:
        self.target = Path(os.path.realpath(target))
        tail = f".{secrets.token_hex(4)}.part{self.target.suffix}"
        stem = os.fsencode(self.target.name)[: LONGEST_NAME - len(os.fsencode(tail)) - 1]
        self.path = self.target.with_name("." + stem.decode("utf-8", "ignore") + tail)
        # Ctrl-C can strike between any two lines of whoever holds this; what is forgotten goes at the latest with
        # the process.
        weakref.finalize(self, _remove, self.path)

    def __enter__(self) -> PartialFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.discard()

    def commit(self) -> None:
        """Put the whole file on the disk under its final name, replacing what was there."""
        with open(self.path, "rb") as file:
            os.fsync(file.fileno())
        if self.target.exists():
            shutil.copymode(self.target, self.path)
        os.replace(self.path, self.target)

    def discard(self) -> None:
        """Remove the temporary file; nothing happens where there is none."""
        _remove(self.path)


def write_whole(path: PathLike, content: str | bytes | Callable[[IO[bytes]], object]) -> None:
    """Write a file that appears under its name only when it is whole.

    Args:
        path: the file; its folder must exist.
        content: a text (written as UTF-8), bytes, or a function that writes to the open binary file.

    Raises:
        OSError: it cannot be written; what was there before stays.
    """
    with PartialFile(path) as partial, open(partial.path, "wb") as file:
        if isinstance(content, str):
            file.write(content.encode("utf-8"))
        elif isinstance(content, bytes):
            file.write(content)
        else:
            content(file)


def is_leftover(name: str) -> bool:
    """Tell from its name whether a file is one that a process was writing when it was ended."""
    stem, dot, ending = name.rpartition(".part")
    return stem.startswith(".") and bool(dot) and (not ending or ending.startswith("."))


def leftovers(folder: Path) -> Iterator[Path]:
    """Find the files of a folder that a process was writing when it was ended."""
    return (path for path in folder.glob(".*.part*") if is_leftover(path.name))


def sha256_of(*paths: PathLike) -> str:
    """Return the SHA-256 of a file, or of several one after another, in lower-case hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def short_digest(*paths: PathLike) -> str:
    """Return the first 16 digits of `sha256_of`: enough to tell files apart, short enough for notes and keys."""
    return sha256_of(*paths)[:16]


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
