"""Stages of a long job that are done, and what they were done with.

A run that was ended goes on; a changed setting redoes what it touches.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from visavox.runtime.files import write_whole

_UNFINISHED = None
"""In place of values: the stage was started and not finished."""


def key_of(*parts: Any) -> str:
    """16 hex digits that stand for anything JSON can hold."""
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


class ResumableSteps:
    """The stages of a job in a folder.

    Args:
        path: the file in which it is kept what is done; it need not exist.
        root: folder of the files that stages make.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self._path = path
        self._root = root
        self._done = self._load()

    def run(
        self,
        name: str,
        key: str,
        makes: Sequence[str],
        work: Callable[[], dict[str, Any] | None],
        *,
        workspace: str | None = None,
    ) -> Any:
        """Do a stage, unless it was done with the same key and its files are there.

        Args:
            name: of the stage.
            key: what decides its result.
            makes: files of the result, within the root.
            work: does it; may return values to remember.
            workspace: folder within the root in which the work keeps what it goes on from; it outlives an
                interruption, with what the stage makes, but not another key.

        Returns:
            The values of the work, now or then.
        """
        entry = self._done.get(name)
        is_same = entry is not None and entry["key"] == key
        is_unfinished = is_same and self.values(name) is _UNFINISHED
        if is_same and not is_unfinished and all((self._root / one).is_file() for one in makes):
            return self.values(name)
        if workspace is None or not is_unfinished:
            self._forget(name)
            # What is left of an earlier result must not be taken for one of these settings.
            for one in makes:
                (self._root / one).unlink(missing_ok=True)
            if workspace is not None:
                shutil.rmtree(self._root / workspace, ignore_errors=True)
            self._note(name, key, _UNFINISHED)
        values = work() or {}
        self._note(name, key, values)
        return values

    def values(self, name: str) -> Any:
        """Return the values of a stage that was done; None where it was only started."""
        return self._done[name]["figures"]

    def _note(self, name: str, key: str, values: dict[str, Any] | None) -> None:
        self._done[name] = {"key": key, "figures": values}
        write_whole(self._path, json.dumps(self._done, indent=2) + "\n")

    def _forget(self, name: str) -> None:
        # Before its folder goes: half a folder is not to be taken for one to go on in.
        if self._done.pop(name, None) is not None:
            write_whole(self._path, json.dumps(self._done, indent=2) + "\n")

    def _load(self) -> dict[str, Any]:
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            return {name: {"key": str(one["key"]), "figures": one["figures"]} for name, one in stored.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
