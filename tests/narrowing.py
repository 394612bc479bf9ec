"""Say what a test knows more precisely than the type of a value does; the test fails where it is not so."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def present(value: T | None) -> T:
    """Return a value that must be there."""
    assert value is not None
    return value


def of_kind(kind: type[T], value: object) -> T:
    """Return a value that must be of this class."""
    assert isinstance(value, kind), f"{type(value).__name__} is no {kind.__name__}"
    return value
