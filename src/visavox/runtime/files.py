"""Files that appear under their name only when they are whole."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import weakref
from pathlib import Path

LONGEST_NAME = 255
"""Bytes of a file name, on every common file system."""


def write_atomically(path: Path, text: str) -> None:
    """Write a text file that appears under its name only when it is whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


class PartialFile:
    """A file under a temporary name beside its target; `commit` gives it the final name, `discard` removes it.

    Attributes:
        path: the temporary name, `.<name>.<random>.part<extension>`, in the folder of the target.
        target: the final name, with symbolic links followed, so that a link to a result stays a link.
    """

    def __init__(self, target: str | Path) -> None:
        self.target = Path(os.path.realpath(target))
        tail = f".{secrets.token_hex(4)}.part{self.target.suffix}"
        stem = os.fsencode(self.target.name)[: LONGEST_NAME - len(os.fsencode(tail)) - 1]
        self.path = self.target.with_name("." + stem.decode("utf-8", "ignore") + tail)
        # Ctrl-C can strike between any two lines of whoever holds this; what is forgotten goes at the latest with
        # the process.
        weakref.finalize(self, _remove, self.path)

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


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
