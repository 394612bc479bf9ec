"""What holds for all tests, in whatever order and process they run.

Each process computes with one thread, because pytest runs as many as there are cores; the networks of the tests are so
small that more threads would only wait for each other.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported, and for the commands that tests start

import logging

import pytest


@pytest.fixture(autouse=True)
def own_messages() -> None:
    """What a command was told of its messages (`--quiet`, `--verbose`) holds for its test alone."""
    logger = logging.getLogger("visavox")
    logger.setLevel(logging.NOTSET)
    logger.handlers.clear()
