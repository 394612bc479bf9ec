"""Progress and cancellation of a job: events as data, and a token that stops the work.

Nothing is drawn here. Whoever runs a job gives a function that takes events; bars, JSON lines and web pages are views
of them (`visavox.cli.progress_views` has those of the command line).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from visavox.errors import Cancelled

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


@dataclass(frozen=True)
class Event:
    """News of a running job."""

    kind: Literal["begin", "advance", "note", "end"]
    """A stage begins, has advanced, has something to say, or is over."""
    stage: str
    """The stage in words, such as `looking for faces`."""
    done: int = 0
    """Units that are done."""
    total: int | None = None
    """Units in all; None where that is not known."""
    unit: str = "frame"
    """Unit of `done` and `total`."""
    message: str = ""
    """A few words, such as the losses of a training."""

    def to_json(self) -> dict[str, Any]:
        """Return the event as JSON values."""
        return {
            "kind": self.kind,
            "stage": self.stage,
            "done": self.done,
            "total": self.total,
            "unit": self.unit,
            "message": self.message,
        }


Listener = Callable[[Event], object]
"""Takes the events of a job, in the thread in which it runs."""


class CancelToken:
    """Asks a job to stop, from any thread: it raises `Cancelled` at its next step, and leaves nothing half-written."""

    def __init__(self) -> None:
        # A plain flag and no lock: `cancel` is called by signal handlers, which may interrupt each other.
        self._cancelled = False

    def cancel(self) -> None:
        """Ask for the stop; asking twice changes nothing."""
        self._cancelled = True

    @property
    def is_cancelled(self) -> bool:
        """True once the stop was asked for."""
        return self._cancelled

    def raise_if_cancelled(self) -> None:
        """Stop here if that was asked for.

        Raises:
            Cancelled: it was.
        """
        if self._cancelled:
            raise Cancelled


class Bar(Protocol):
    """One stage of a running job, which reports to it."""

    def update(self, n: int = 1) -> object:
        """Advance by `n` units."""
        ...

    def note(self, text: str) -> object:
        """Say a few words of the stage, such as the losses of a training."""
        ...


class Progress:
    """Reports what a job does, and stops it where that was asked for.

    It holds no state of the job, so one object serves any number of jobs in any threads.

    Args:
        on_event: takes the events; an error in it is logged, and the job goes on without a view.
        cancel: stops the job at its next step.
        title: put before the name of every stage.
    """

    def __init__(self, on_event: Listener | None = None, cancel: CancelToken | None = None, *, title: str = "") -> None:
        self._view = on_event if isinstance(on_event, _View) or on_event is None else _View(on_event)
        self._cancel, self._title = cancel, title

    def bar(self, description: str, total: int | None, unit: str = "frame") -> AbstractContextManager[Bar]:
        """Report one stage while the block runs.

        Args:
            description: the stage in words.
            total: units in all; None where that is not known.
            unit: what is counted.

        Raises:
            Cancelled: at its beginning, and at each update, once the job was cancelled.
        """
        return self._reported(f"{self._title}: {description}" if self._title else description, total, unit)

    @contextmanager
    def _reported(self, stage: str, total: int | None, unit: str) -> Iterator[Bar]:
        self.raise_if_cancelled()
        bar = _Stage(self, stage, total, unit)
        self.emit(Event("begin", stage, 0, total, unit))
        try:
            yield bar
        finally:
            self.emit(Event("end", stage, bar.done, total, unit))

    def under(self, title: str) -> Progress:
        """Return the same, with a title before the name of every stage."""
        return Progress(self._view, self._cancel, title=f"{self._title}: {title}" if self._title else title)

    def shielded(self) -> Progress:
        """Return the same, which no longer stops the work: for work that looks at `is_cancelled` itself.

        A training does, because it stops only where it has written a checkpoint.
        """
        return Progress(self._view, title=self._title)

    def silent(self) -> Progress:
        """Return the same without its view."""
        return Progress(cancel=self._cancel)

    def track(
        self, items: Iterable[Item], description: str, total: int | None = None, unit: str = "frame"
    ) -> Iterator[Item]:
        """Yield `items`, and report one unit for each."""
        if total is None and isinstance(items, Sized):
            total = len(items)
        with self.bar(description, total, unit) as bar:
            for item in items:
                yield item
                bar.update(1)

    @property
    def is_cancelled(self) -> bool:
        """True once the stop was asked for."""
        return self._cancel is not None and self._cancel.is_cancelled

    def raise_if_cancelled(self) -> None:
        """Stop here if that was asked for.

        Raises:
            Cancelled: it was.
        """
        if self._cancel is not None:
            self._cancel.raise_if_cancelled()

    def emit(self, event: Event) -> None:
        """Hand an event to the view."""
        if self._view is not None:
            self._view(event)


class _View:
    """Hands events to a listener until it fails: a view must not take the job with it, nor fail at every step."""

    def __init__(self, listener: Listener) -> None:
        self._listener: Listener | None = listener

    def __call__(self, event: Event) -> None:
        if self._listener is None:
            return
        try:
            self._listener(event)
        except Exception:
            self._listener = None
            logger.exception("the view of the progress failed at %s; the job goes on without it", event)


class _Stage:
    def __init__(self, progress: Progress, name: str, total: int | None, unit: str) -> None:
        self._progress, self._name, self._total, self._unit = progress, name, total, unit
        self.done = 0

    def update(self, n: int = 1) -> None:
        """Advance by `n` units, unless the job was cancelled."""
        self.done += n
        self._progress.raise_if_cancelled()
        self._progress.emit(Event("advance", self._name, self.done, self._total, self._unit))

    def note(self, text: str) -> None:
        """Say a few words of the stage."""
        self._progress.emit(Event("note", self._name, self.done, self._total, self._unit, text))


QUIET = Progress()
"""Reports to nobody, and is never cancelled."""
