"""How well a dubbed mouth follows its sound, and how well it hides that it was painted.

Every metric is a pure function on arrays (`curves`, `landmark`, `picture`, `flicker`, `silence`, `sync`);
`evaluate` reads two videos and fills a `Report` with all of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.metrics.comparison import compare
    from visavox.metrics.curves import CurveAgreement, compare_curves, gain, lagged_correlation, opening_correlation
    from visavox.metrics.evaluation import EvaluationSettings, evaluate
    from visavox.metrics.report import Report

_HOMES = {
    "CurveAgreement": "curves",
    "EvaluationSettings": "evaluation",
    "Report": "report",
    "compare": "comparison",
    "compare_curves": "curves",
    "evaluate": "evaluation",
    "gain": "curves",
    "lagged_correlation": "curves",
    "opening_correlation": "curves",
}

__all__ = [
    "CurveAgreement",
    "EvaluationSettings",
    "Report",
    "compare",
    "compare_curves",
    "evaluate",
    "gain",
    "lagged_correlation",
    "opening_correlation",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
