"""The command line as it runs: in a process of its own, whose standard error it may redirect for moments."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say what the main function of the process says."""
    monkeypatch.setattr("visavox.runtime.native_libraries._owned", True)
