"""Ctrl-C that ends a training between two steps, with a checkpoint."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Takes note of Ctrl-C and SIGTERM while a block runs; a second one acts at once, as without this class."""

    def __init__(self) -> None:
        self.number: int | None = None
        """The signal that came; None while none did."""
        self._before: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def __enter__(self) -> StopRequest:
        """Begin to take note."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._take) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Leave signals to those who had them before."""
        self._restore()

    def deliver(self) -> None:
        """Let the signal that came do what it would have done; nothing if none came."""
        self._restore()
        if self.number is not None:
            signal.raise_signal(self.number)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self._restore()
        logger.warning("stopping after this step, when its checkpoint is written (again: stop at once)")

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        self._before = {}


def ignore_interruptions(*_: object) -> None:
    """Leave Ctrl-C, which a terminal sends to every process of a program, to the process that decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
