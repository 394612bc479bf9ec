"""A process that forks after use says so in one line, and does not hang; limits of threads are one thread's own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
import torch

from visavox.runtime.device import processor_threads

FORKED = """
import multiprocessing, sys
import numpy as np
from visavox.demo import FACE
from visavox.errors import InputError
from visavox.face.track.tracker import open_tracker

def use():
    with open_tracker() as tracker:
        tracker.observe(np.zeros((128, 128, 3), np.uint8))

def child(pipe):
    try:
        use()
        pipe.send("worked")
    except InputError as error:
        pipe.send(str(error))

if len(sys.argv) > 1:
    use()
ours, theirs = multiprocessing.Pipe()
process = multiprocessing.get_context("fork").Process(target=child, args=(theirs,))
process.start()
print(ours.recv() if ours.poll(45) else "hangs")
process.join(5)
process.kill()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize(
    ("arguments", "said"), [(["used"], "the face tracker was used before this process was forked"), ([], "worked")]
)
def test_a_forked_process_works_or_says_what_to_do(arguments: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED, *arguments], capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout.startswith(said)
    assert "spawn" in done.stdout or said == "worked"


def test_a_limit_of_threads_is_that_of_one_thread() -> None:
    before, seen = torch.get_num_threads(), []
    other = 1 if before > 1 else 2
    entered, leave = threading.Event(), threading.Event()

    def work() -> None:
        with processor_threads(other):
            seen.append(torch.get_num_threads())
            entered.set()
            leave.wait(10)
        seen.append(torch.get_num_threads())

    thread = threading.Thread(target=work)
    thread.start()
    assert entered.wait(30)
    assert torch.get_num_threads() == before
    leave.set()
    thread.join()
    assert seen == [other, before]
