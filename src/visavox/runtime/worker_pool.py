"""Processes that work through a list of tasks and survive what a task does to them.

A damaged video can crash a decoder, and with it its process. So each process has its own pipe: whoever ends
without an answer names by that the task that killed it, another takes its place, and all other tasks go on.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Literal

from visavox.progress import QUIET, Bar, Progress
from visavox.runtime.native_libraries import own_process

Report = Callable[[float], None]
"""Called by a task with the share of its work that is done, 0 to 1."""
Work = Callable[[Any, Report], Any]
"""Work on a task; a function of a module, so that another process can find it."""

_SECONDS_BETWEEN_CHECKS = 0.2
"""A cancelled run ends within this time, also where no task reports anything."""
_FRAMES_BETWEEN_REPORTS = 50


@dataclass(frozen=True)
class Event:
    """Something that happened to a task."""

    kind: Literal["progress", "done", "crashed"]
    """`progress`: `value` is the share that is done; `done`: the result; `crashed`: how the process ended."""
    index: int
    """Number of the task."""
    value: Any
    """See `kind`."""


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    task: int | None = None
    started: bool = False


def default_workers() -> int:
    """Return one process for each core this program may use, at most 8: each takes about 600 MB of memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(8, cores))


def run_tasks(
    work: Work,
    tasks: Sequence[Any],
    num_workers: int,
    begin: Callable[[], None] | None = None,
    progress: Progress = QUIET,
) -> Generator[Event, None, None]:
    """Do the work for every task; yield what happens, in the order in which it does.

    When the iteration is given up (an exception, Ctrl-C, `close()`) or cancelled, all processes are ended at once.

    Args:
        work: a function of a module. It must turn the errors of a task into results: one that it lets through
            counts as a crash.
        tasks: anything that can be pickled.
        num_workers: number of processes; 0 works in this very process, where a crash ends the program.
        begin: called once in each new process, not in this one; a function of a module.
        progress: says whether the run was cancelled.

    Raises:
        Cancelled: it was. Where this very process works, `report` raises it in the middle of a task, which must let
            it through.
    """
    if num_workers == 0:
        for index, task in enumerate(tasks):
            progress.raise_if_cancelled()
            yield Event("done", index, work(task, lambda share: progress.raise_if_cancelled()))
        return
    workers = [_start(work, begin) for _ in range(min(num_workers, len(tasks)))]
    waiting = iter(range(len(tasks)))
    try:
        for worker in workers:
            _hand_over(worker, next(waiting, None), tasks)
        while any(worker.task is not None for worker in workers):
            busy = {worker.connection: worker for worker in workers if worker.task is not None}
            progress.raise_if_cancelled()
            for ready in wait(list(busy), _SECONDS_BETWEEN_CHECKS):
                worker = busy[ready]  # type: ignore[index]
                event = _receive(worker)
                if event is None:
                    continue
                if event.kind == "crashed":
                    workers[workers.index(worker)] = worker = _start(work, begin)
                if event.kind != "progress":
                    _hand_over(worker, next(waiting, None), tasks)
                yield event
    finally:
        _stop(workers)


class TaskProgress(Progress):
    """Progress of a part of a task, reported as a share of the whole task.

    Args:
        report: takes the share that is done; what it raises stops the task.
        first: share of the task that is done before this part, 0 to 1.
        last: share that is done after it.
        expected: frames, where a stage does not know its own number.
    """

    def __init__(self, report: Report, first: float, last: float, expected: int | None = None) -> None:
        super().__init__()
        self._report, self._first, self._last, self._expected = report, first, last, expected

    @contextmanager
    def bar(self, description: str, total: int | None, unit: str = "frame") -> Iterator[Bar]:
        """Report the share in place of events."""
        self._report(self._first)
        yield _TaskBar(self._report, self._first, self._last, total or self._expected)


class _TaskBar:
    def __init__(self, report: Report, first: float, last: float, total: int | None) -> None:
        self._report, self._first, self._last, self._total = report, first, last, total
        self._done = 0

    def update(self, n: int = 1) -> None:
        """Advance by `n` frames; every fiftieth is reported."""
        before = self._done // _FRAMES_BETWEEN_REPORTS
        self._done += n
        if self._total and self._done // _FRAMES_BETWEEN_REPORTS > before:
            share = min(1.0, self._done / self._total)
            self._report(self._first + (self._last - self._first) * share)

    def note(self, text: str) -> None:
        """Say nothing: the words of a part are not those of the whole task."""


def _start(work: Work, begin: Callable[[], None] | None) -> _Worker:
    # Not forked: threads of decoders and networks do not survive that.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, work, begin), name="visavox-worker", daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _hand_over(worker: _Worker, index: int | None, tasks: Sequence[Any]) -> None:
    worker.task = index
    if index is not None:
        with contextlib.suppress(ConnectionError):  # it died meanwhile: reading from it will tell
            worker.connection.send(tasks[index])


def _receive(worker: _Worker) -> Event | None:
    """Read what a worker says; None if it is only that it has started."""
    index = worker.task
    assert index is not None
    try:
        kind, value = worker.connection.recv()
    except (EOFError, ConnectionError):
        worker.process.join(10)
        worker.connection.close()
        ending = _ending(worker.process.exitcode)
        if not worker.started:
            raise RuntimeError(
                f"worker processes cannot start: {ending}; a script must call this under `if __name__ == '__main__':`"
            ) from None
        return Event("crashed", index, ending)
    worker.started = True
    return None if kind == "started" else Event(kind, index, value)


def _ending(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        try:
            return f"the process was ended by {signal.Signals(-exit_code).name}"
        except ValueError:
            return f"the process was ended by signal {-exit_code}"
    return f"the process ended with code {exit_code}"


def _stop(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.connection.close()
        if worker.task is not None:
            worker.process.terminate()
    for worker in workers:
        worker.process.join(5)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _serve(connection: Connection, work: Work, begin: Callable[[], None] | None) -> None:
    """Work for the other end of a pipe until it is closed."""
    # Ctrl-C reaches every process of the terminal; the one that gives out the work decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own_process()
    if begin is not None:
        begin()

    def report(share: float) -> None:
        connection.send(("progress", share))

    try:
        connection.send(("started", None))
        while True:
            connection.send(("done", work(connection.recv(), report)))
    except (EOFError, ConnectionError):
        return
