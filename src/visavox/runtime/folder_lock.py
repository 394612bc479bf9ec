"""Keeps a second run out of a folder that one is at work in."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from visavox.errors import InputError

_held: set[IO[str]] = set()
"""Files of the locks that this process has."""


def _leave_to_parent() -> None:
    """Close what a child has of the locks of its parent: they would outlive a parent that is killed."""
    for file in _held:
        file.close()
    _held.clear()


if hasattr(os, "register_at_fork"):  # nothing is inherited where processes are not forked
    os.register_at_fork(after_in_child=_leave_to_parent)


@contextmanager
def locked(lock: Path, work: str, place: Path) -> Iterator[None]:
    """Hold a lock while the block runs; it ends with the process, whatever ends that.

    Args:
        lock: file of the lock; its folder is made.
        work: what is at work, for the message, such as `visavox prepare`.
        place: the folder that is kept, for the message.

    Raises:
        InputError: another process has it.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "w") as file:
        if not _take(file.fileno()):
            raise InputError(f"another {work} is at work in {place}; wait for it, or end it.")
        _held.add(file)
        try:
            yield
        finally:
            _held.discard(file)


def _take(descriptor: int) -> bool:
    """Take the lock on an open file; false if another process has it."""
    try:
        import fcntl
    except ImportError:  # Windows: two runs at a time are on the user
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES)  # other errors: a file system without locks
    return True
