"""Keeps a second run out of a folder that one is at work in."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from visavox.errors import InputError


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
        yield


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
