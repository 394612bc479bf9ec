"""The examples in the docstrings of the metrics are true."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "metrics.cpbd",
        "metrics.curves",
        "metrics.flicker",
        "metrics.frechet",
        "metrics.identity",
        "metrics.mouth_image",
        "metrics.pair",
        "metrics.sharpness",
        "metrics.silence",
    ],
)
def test_examples(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(f"visavox.{name}"))
    assert tried > 0
    assert failed == 0
