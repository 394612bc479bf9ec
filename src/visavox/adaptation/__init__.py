"""One person: a generator that paints anybody is fitted to the footage of one, and measured before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from visavox.adaptation.settings import AdaptSettings

if TYPE_CHECKING:
    from visavox.adaptation.person import adapt
    from visavox.adaptation.result import AdaptResult

__all__ = ["AdaptResult", "AdaptSettings", "adapt"]


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first asked for."""
    if name == "adapt":
        from visavox.adaptation.person import adapt

        return adapt
    if name == "AdaptResult":
        from visavox.adaptation.result import AdaptResult

        return AdaptResult
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
