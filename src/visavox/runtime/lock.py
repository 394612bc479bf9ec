"""Lock of a folder: keeps a second run out while one is at work."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

import filelock

from visavox.errors import InputError

_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}
"""Errors of a file system without locks; there, two runs at a time are left to the user."""


@contextlib.contextmanager
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
    file = filelock.FileLock(lock, fallback_to_soft=False)
    try:
        file.acquire(blocking=False)
    except filelock.Timeout:
        raise InputError(f"another {work} is at work in {place}; wait for it, or end it") from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    try:
        yield
    finally:
        file.release()
