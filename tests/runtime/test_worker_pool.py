"""Processes that outlive what their tasks do to them."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from visavox.errors import Cancelled
from visavox.progress import CancelToken, Progress
from visavox.runtime.worker_pool import Event, default_workers, run_tasks


def work(task: tuple[str, Any], report: Callable[..., Any]) -> Any:
    """What the workers of these tests do; at the top of the module, where other processes find it."""
    kind, value = task
    if kind == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "leave":
        os._exit(3)
    if kind == "sleep":
        time.sleep(value)
    if kind == "report":
        report(0.5)
    if kind == "mark":
        value.touch()
        time.sleep(60)
    return value


def outcome(tasks: list[tuple[str, int]], num_workers: int) -> tuple[dict[int, tuple[str, int | str]], list[Event]]:
    events = list(run_tasks(work, tasks, num_workers))
    return {event.index: (event.kind, event.value) for event in events if event.kind != "progress"}, events


def test_a_crash_costs_its_own_task_and_no_other() -> None:
    tasks = [("return", 0), ("crash", 1), ("return", 2), ("leave", 3), ("report", 4), ("return", 5)]
    results, events = outcome(tasks, 2)
    assert results == {
        0: ("done", 0),
        1: ("crashed", "the process was ended by SIGSEGV"),
        2: ("done", 2),
        3: ("crashed", "the process ended with code 3"),
        4: ("done", 4),
        5: ("done", 5),
    }
    assert [(event.index, event.value) for event in events if event.kind == "progress"] == [(4, 0.5)]


def test_without_workers_the_work_is_done_here() -> None:
    assert outcome([("return", 1), ("report", 2)], 0)[0] == {0: ("done", 1), 1: ("done", 2)}


def test_more_workers_than_tasks_and_no_tasks() -> None:
    assert outcome([("return", 1)], 4)[0] == {0: ("done", 1)}
    assert outcome([], 2)[0] == {}


def test_giving_up_ends_the_processes_at_once(tmp_path: Path) -> None:
    mark = tmp_path / "started"
    events = run_tasks(work, [("return", 1), ("mark", mark)], 1)
    assert next(events).value == 1
    deadline = time.monotonic() + 30
    while not mark.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    before = time.monotonic()
    events.close()
    assert time.monotonic() - before < 5


def test_a_cancelled_run_ends_though_its_task_says_nothing(tmp_path: Path) -> None:
    mark, token = tmp_path / "started", CancelToken()
    events = run_tasks(work, [("return", 1), ("mark", mark)], 1, progress=Progress(cancel=token))
    assert next(events).value == 1
    deadline = time.monotonic() + 30
    while not mark.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    token.cancel()
    before = time.monotonic()
    with pytest.raises(Cancelled):
        next(events)
    assert time.monotonic() - before < 5


def test_without_workers_a_run_is_cancelled_in_the_middle_of_a_task() -> None:
    token = CancelToken()
    events = run_tasks(work, [("return", 1), ("report", 2)], 0, progress=Progress(cancel=token))
    assert next(events).value == 1
    token.cancel()
    with pytest.raises(Cancelled):
        next(events)


def test_the_default_is_one_for_each_core() -> None:
    assert 1 <= default_workers() <= 8


def test_a_worker_that_cannot_start_is_an_error_and_not_a_crash_of_every_task() -> None:
    with pytest.raises((RuntimeError, AttributeError, TypeError)):
        list(run_tasks(lambda task, report: task, [1, 2], 1))
