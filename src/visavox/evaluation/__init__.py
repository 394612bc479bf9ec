"""Evaluation: pairs of videos measured, reported and put side by side, and whole test sets.

`evaluate` reads two videos once, feeds the metrics of `visavox.metrics.METRICS`, and returns a `Report`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.evaluation.comparison import compare
    from visavox.evaluation.evaluation import EvaluationSettings, evaluate
    from visavox.evaluation.report import Report

_HOMES = {"EvaluationSettings": "evaluation", "Report": "report", "compare": "comparison", "evaluate": "evaluation"}

__all__ = ["EvaluationSettings", "Report", "compare", "evaluate"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
