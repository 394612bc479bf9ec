"""Progress that does something in the middle of a job."""

from __future__ import annotations

from collections.abc import Callable

from visavox.progress import CancelToken, Event, Progress


class ActingProgress(Progress):
    """Calls `action` once so many units of the stages that `counts` are done; what it raises ends the job.

    Args:
        units: how many; the action comes with the last of them.
        action: raises a `BaseException`, sends a signal ...
        counts: tells which events count.
        cancel: stops the job.
    """

    def __init__(
        self,
        units: int,
        action: Callable[[], object],
        counts: Callable[[Event], bool],
        cancel: CancelToken | None = None,
    ) -> None:
        super().__init__(self._take, cancel)
        self.left, self._action, self._counts = units, action, counts
        self._done = 0

    def _take(self, event: Event) -> None:
        if event.kind == "begin":
            self._done = 0
        if event.kind != "advance" or not self._counts(event):
            return
        before, self.left, self._done = self.left, self.left - (event.done - self._done), event.done
        if before > 0 >= self.left:
            self._action()


class AfterStep(ActingProgress):
    """Does something after a number of training steps, or of what another bar counts."""

    def __init__(
        self, step: int, action: Callable[[], object], unit: str = "step", cancel: CancelToken | None = None
    ) -> None:
        super().__init__(step, action, lambda event: event.unit == unit, cancel)


def cancelled_after(step: int) -> AfterStep:
    """Return progress that cancels its job after a number of training steps."""
    token = CancelToken()
    return AfterStep(step, token.cancel, cancel=token)


def interrupt() -> None:
    """Stand for Ctrl-C."""
    raise KeyboardInterrupt


class Killed(BaseException):
    """Stands for the end of the process."""


def kill() -> None:
    """Stand for the end of the process."""
    raise Killed
