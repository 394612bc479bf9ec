"""Views of a job's events on the command line: bars with an ETA, or a line of JSON for each."""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Literal

from visavox.progress import Event, Listener

View = Literal["auto", "bars", "json", "none"]

_SECONDS_BETWEEN_LINES = 0.5
"""JSON lines of one stage come no faster than this, but for its first and its last."""


def make_view(name: View, *, quiet: bool) -> Listener | None:
    """Make the view that the options ask for.

    Args:
        name: bars, json or none; auto draws bars where standard error is a terminal.
        quiet: no bars; JSON lines, which are asked for, still come.
    """
    if name == "json":
        return JsonLines()
    if name == "none" or quiet or (name == "auto" and not sys.stderr.isatty()):
        return None
    return Bars()


class Bars:
    """Draws one bar for each stage on standard error, by tqdm."""

    def __init__(self) -> None:
        self._open: list[Any] = []

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if event.kind == "begin":
            from tqdm import tqdm

            self._open.append(
                tqdm(total=event.total, desc=event.stage, unit=f" {event.unit}", file=sys.stderr, leave=True)
            )
        elif not self._open:
            return
        elif event.kind == "note":
            self._open[-1].set_postfix_str(event.message, refresh=False)
        elif event.kind == "end":
            self._open.pop().close()
        else:
            self._open[-1].update(event.done - self._open[-1].n)


class JsonLines:
    """Writes events to standard error, one JSON object a line."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, event: Event) -> None:
        """Take an event."""
        now = time.monotonic()
        if event.kind == "advance" and event.done != event.total and now - self._last < _SECONDS_BETWEEN_LINES:
            return
        self._last = now
        print(json.dumps(event.to_json()), file=sys.stderr, flush=True)
