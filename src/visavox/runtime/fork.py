"""Processes that fork after use: their threads stay behind, so what needs them says so instead of waiting for ever."""

from __future__ import annotations

import os

from visavox.errors import InputError

_used: set[str] = set()
_left_behind: set[str] = set()


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
