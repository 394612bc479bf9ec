"""The map of the house names what is there, and everything that is there is on the map."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from visavox.methods import METHODS, Method
from visavox.training.tasks import TASKS
from visavox.weights.networks import NETWORKS
from visavox.weights.registry import list_models

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_page_and_packages_are_there(method: Method) -> None:
    assert (DOCS / method.page).is_file()
    for package in method.packages:
        importlib.import_module(f"visavox.{package}")


@pytest.mark.parametrize(
    ("field", "known"),
    [("networks", set(NETWORKS)), ("tasks", set(TASKS)), ("weights", {info.name for info in list_models()})],
)
def test_each_name_belongs_to_one_method(field: str, known: set[str]) -> None:
    named = [name for method in METHODS.values() for name in getattr(method, field)]
    assert len(named) == len(set(named))
    assert set(named) == known
