"""The examples in the docstrings of the metrics are true."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "cpbd",
        "curves",
        "descriptions",
        "flicker",
        "frechet",
        "identity",
        "landmark",
        "pairing",
        "picture",
        "silence",
    ],
)
def test_examples(name):
    failed, tried = doctest.testmod(importlib.import_module(f"visavox.metrics.{name}"))
    assert tried > 0
    assert failed == 0
