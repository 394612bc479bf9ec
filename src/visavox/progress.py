"""Progress bars: one interface, silent when nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")


class Bar(Protocol):
    """What a running job reports to."""

    def update(self, n: int = 1) -> object:
        """Advance by `n` units."""
        ...


class Progress:
    """Makes bars with an ETA on standard error; draws nothing when `enabled` is false.

    `enabled=None` draws only when standard error is a terminal.
    """

    def __init__(self, enabled: bool | None = None) -> None:
        self.enabled = sys.stderr.isatty() if enabled is None else enabled
        self._shown: Any = None

    def bar(self, description: str, total: int | None, unit: str = "frame") -> AbstractContextManager[Bar]:
        """Show one bar while the block runs; `total=None` when the length is not known."""
        return self._drawn(description, total, unit)

    @contextmanager
    def _drawn(self, description: str, total: int | None, unit: str) -> Iterator[Bar]:
        from tqdm import tqdm

        with tqdm(
            total=total, desc=description, unit=f" {unit}", disable=not self.enabled, file=sys.stderr, leave=True
        ) as bar:
            outer, self._shown = self._shown, bar
            try:
                yield bar
            finally:
                self._shown = outer

    def note(self, text: str) -> None:
        """Show a few words behind the bar that is open, such as the loss of a training."""
        if self._shown is not None:
            self._shown.set_postfix_str(text, refresh=False)

    def under(self, title: str) -> Progress:
        """Return the same, with a title before what each bar says."""
        return _Titled(self, title)

    def track(self, items: Iterable[Item], description: str, total: int | None = None, unit: str = "frame"):
        """Yield `items`, advancing a bar by one for each."""
        if total is None and hasattr(items, "__len__"):
            total = len(items)  # type: ignore[arg-type]
        with self.bar(description, total, unit) as bar:
            for item in items:
                yield item
                bar.update(1)


class _Titled(Progress):
    """Bars of another, under a title."""

    def __init__(self, outer: Progress, title: str) -> None:
        super().__init__(outer.enabled)
        self._outer, self._title = outer, title

    def bar(self, description: str, total: int | None, unit: str = "frame") -> AbstractContextManager[Bar]:
        return self._outer.bar(f"{self._title}: {description}", total, unit)

    def note(self, text: str) -> None:
        self._outer.note(text)


QUIET = Progress(enabled=False)
