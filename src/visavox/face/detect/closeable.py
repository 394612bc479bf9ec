"""A holder of a network that releases it at the end of a `with` block."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self


class Closeable(Protocol):
    """Something that is closed when it is no longer needed. Usable as a context manager."""

    def close(self) -> None:
        """Free the networks."""
        ...

    def __enter__(self) -> Self:
        """Return it."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        ...
