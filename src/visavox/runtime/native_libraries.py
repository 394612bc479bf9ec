"""Native libraries: their messages kept off the terminal, and their threads, which a fork leaves behind.

MediaPipe, TensorFlow Lite and absl write to file descriptor 2 whatever their log level is set to. The descriptor
belongs to the whole process, so only whoever owns the process may redirect it: the command line does, a library call
does not.

Processes that fork after use lose the threads, so what needs them says so instead of waiting for ever.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

from visavox.errors import InputError

logger = logging.getLogger(__name__)


_owned = False
"""True where the process is ours: set once, by its main function."""
_used: set[str] = set()
_left_behind: set[str] = set()


def own_process() -> None:
    """Say that this process runs visavox and nothing else, so that its standard error may be redirected for moments."""
    global _owned
    _owned = True


@contextlib.contextmanager
def captured_output() -> Iterator[None]:
    """Send what the block writes to standard error, from Python or from C++, to the debug log instead.

    Only in a process of our own (`own_process`): elsewhere the messages go where they go, and what other threads write
    is never touched.
    """
    if not _owned:
        yield
        return
    try:
        saved = os.dup(2)
    except OSError:  # standard error is closed: there is nothing to keep clean
        yield
        return
    python_text = io.StringIO()
    try:
        with tempfile.TemporaryFile() as native_text:
            sys.stderr.flush()
            os.dup2(native_text.fileno(), 2)
            try:
                with contextlib.redirect_stderr(python_text):
                    yield
            finally:
                os.dup2(saved, 2)
            native_text.seek(0)
            text = python_text.getvalue() + native_text.read().decode(errors="replace")
    finally:
        os.close(saved)
    for line in text.splitlines():
        logger.debug("%s", line)


def mark_used(part: str) -> None:
    """Remember that this process has started the threads of a part, such as `the face tracker`.

    Raises:
        InputError: a parent process had, and this one was forked from it: the part would hang.
    """
    if part in _left_behind:
        raise InputError(
            f"{part} was used before this process was forked, and its threads did not come along; start the process "
            "with multiprocessing.get_context('spawn'), or fork before the first use"
        )
    _used.add(part)


def _after_fork() -> None:
    _left_behind.update(_used)
    _used.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
