"""The lock of a folder ends with the process that has it, though its children live on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from visavox.errors import InputError
from visavox.runtime.lock import locked

HOLDER = """
import os, sys, time
from pathlib import Path
from visavox.runtime.lock import locked
with locked(Path(sys.argv[1]), "work", Path(".")):
    if os.fork() == 0:
        print(os.getpid(), flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_killed_process_leaves_no_lock_in_its_children(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    try:
        with pytest.raises(InputError, match="another work is at work"), locked(lock, "work", tmp_path):
            pass
        holder.kill()
        holder.wait()
        os.kill(child, 0)  # the child lives on
        with locked(lock, "work", tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        holder.stdout.close()
