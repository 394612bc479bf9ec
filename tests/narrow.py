"""Types that a test knows more exactly than a signature says; a test in which they are others fails here."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

T = TypeVar("T")
ModuleT = TypeVar("ModuleT", bound=nn.Module)


def present(value: T | None) -> T:
    """Return a value that may be None elsewhere, but is there in this test."""
    assert value is not None
    return value


def part(network: nn.Module, name: str, kind: type[ModuleT]) -> ModuleT:
    """Return the part of a network with a dotted name, of the kind that the test relies on."""
    found = network.get_submodule(name)
    assert isinstance(found, kind)
    return found
