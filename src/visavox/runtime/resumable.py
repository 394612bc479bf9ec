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

_BEGUN = None
"""In place of figures: the stage was begun and not finished."""


def key_of(*parts: Any) -> str:
    """16 hex digits that stand for anything JSON can hold."""
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


class Stages:
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
            work: does it; may return figures to remember.
            workspace: folder within the root in which the work keeps what it goes on from; it outlives an
                interruption, with what the stage makes, but not another key.

        Returns:
            The figures of the work, now or then.
        """
        entry = self._done.get(name)
        is_same = entry is not None and entry["key"] == key
        is_begun = is_same and self.figures(name) is _BEGUN
        if is_same and not is_begun and all((self._root / one).is_file() for one in makes):
            return self.figures(name)
        if workspace is None or not is_begun:
            self._forget(name)
            # What is left of an earlier result must not be taken for one of these settings.
            for one in makes:
                (self._root / one).unlink(missing_ok=True)
            if workspace is not None:
                shutil.rmtree(self._root / workspace, ignore_errors=True)
            self._note(name, key, _BEGUN)
        figures = work() or {}
        self._note(name, key, figures)
        return figures

    def figures(self, name: str) -> Any:
        """Return the figures of a stage that was done; None where it was only begun."""
        return self._done[name]["figures"]

    def _note(self, name: str, key: str, figures: dict[str, Any] | None) -> None:
        self._done[name] = {"key": key, "figures": figures}
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
