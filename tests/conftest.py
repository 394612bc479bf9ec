"""What holds for all tests, in whatever order and process they run.

Each process computes with one thread, because pytest runs as many as there are cores; the networks of the tests are so
small that more threads would only wait for each other.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported, and for the commands that tests start

import logging

import pytest

DEAR_FIXTURES = frozenset(
    {"adapted", "expert_run", "features_run", "head_run", "interrupted", "prepared", "results", "speech_run", "videos"}
)
"""Fixtures that take seconds and are made once for a process: all tests of a folder that use one run in one process."""


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests together that share what is dear to make (`--dist loadgroup`)."""
    for item in items:
        for name in sorted(DEAR_FIXTURES.intersection(getattr(item, "fixturenames", ()))):
            item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name} {name}"))
            break


@pytest.fixture(autouse=True)
def own_messages() -> None:
    """What a command was told of its messages (`--quiet`, `--verbose`) holds for its test alone."""
    logger = logging.getLogger("visavox")
    logger.setLevel(logging.NOTSET)
    logger.handlers.clear()
