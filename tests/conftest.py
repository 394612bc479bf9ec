"""What holds for all tests, in whatever order and process they run.

Each process computes with one thread, because pytest runs as many as there are cores; the networks of the tests are so
small that more threads would only wait for each other.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported, and for the commands that tests start

import logging

import pytest


@pytest.fixture(autouse=True)
def own_logging():
    """What a command says about itself (`--quiet`, `--verbose`) ends with the test that ran it."""
    logger = logging.getLogger("visavox")
    level, handlers, propagate = logger.level, list(logger.handlers), logger.propagate
    yield
    logger.setLevel(level)
    logger.handlers, logger.propagate = handlers, propagate
