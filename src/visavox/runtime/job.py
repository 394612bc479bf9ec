"""Jobs: work that passed its checks, and is run with events, a cancel token and a result; a stopwatch of its stages."""

from __future__ import annotations

import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from visavox.progress import CancelToken, Event, Listener, Progress

Result = TypeVar("Result")


class Job(ABC, Generic[Result]):
    """One piece of work from its files to its result; everything that can be checked beforehand was checked.

        job = visavox.check("face.mp4", "speech.wav", "out.mp4")
        result = job.run(on_event=print)

        for event in job.events():
            print(event.stage, event.done, event.total)
        print(job.result.summary())

    Nothing of the process is touched, so any number of jobs run at once in threads of one process.
    """

    _result: Result | None = None

    def run(
        self,
        on_event: Listener | None = None,
        cancel: CancelToken | None = None,
        *,
        progress: Progress | None = None,
    ) -> Result:
        """Do the work in this thread; a job is run once.

        Args:
            on_event: takes the events.
            cancel: stops the work at its next step, from any thread.
            progress: both of them in one, in place of the other two.

        Returns:
            the result.

        Raises:
            Cancelled: it was stopped; nothing is left under the name of the output.
            InputError: something given cannot be used after all.
        """
        self._result = self._work(progress or Progress(on_event, cancel))
        return self._result

    def events(self, cancel: CancelToken | None = None) -> Generator[Event, None, None]:
        """Do the work in a thread of its own, and yield its events; `result` is there when they end.

        Leaving the loop cancels the work and waits until it has cleaned up.

        Args:
            cancel: stops the work at its next step, from any thread.

        Raises:
            Cancelled: it was stopped.
            InputError: something given cannot be used after all.
        """
        token = cancel or CancelToken()
        news: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()

        def work() -> None:
            try:
                self.run(news.put, token)
            except BaseException as error:  # noqa: BLE001 - raised where the events are awaited
                news.put(error)
            else:
                news.put(None)

        thread = threading.Thread(target=work, name="visavox-job", daemon=True)
        thread.start()
        try:
            while (item := news.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            if thread.is_alive():
                token.cancel()
            thread.join()

    @property
    def result(self) -> Result:
        """Result of the finished job.

        Raises:
            RuntimeError: the job has not finished.
        """
        if self._result is None:
            raise RuntimeError("the job has no result yet; call run(), or read its events() to the end")
        return self._result

    @abstractmethod
    def _work(self, progress: Progress) -> Result:
        """Do the work; report to `progress`, which also stops it."""


class Stopwatch:
    """Adds up the seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._start = time.perf_counter()

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Count the block towards `stage`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

    def finish(self) -> dict[str, float]:
        """Return the seconds of all stages and in total."""
        return {**self.seconds, "total": time.perf_counter() - self._start}
