"""Evaluation: pairs of videos measured, reported and put side by side, and whole test sets.

`evaluate` reads two videos once, feeds the metrics of `visavox.metrics.METRICS`, and returns a `Report`;
`check_evaluation` gives a job for any number of pairs, and `protocol` dubs whole test sets before it measures.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.evaluation.backwards import cut_audio, cut_video, reverse_video
    from visavox.evaluation.comparison import ComparisonSettings, compare
    from visavox.evaluation.evaluation import EvaluationSettings, evaluate, evaluate_pair
    from visavox.evaluation.job import EvaluationJob, check_evaluation, group_rows
    from visavox.evaluation.motion_plot import Prediction, check_plot_path, domain_clouds, plot_domains
    from visavox.evaluation.pairs import EvaluationPair, find_pairs
    from visavox.evaluation.report import Report, Summary, describe_missing, format_table, plain, summarise
    from visavox.evaluation.videos import TrackCache

_HOMES = {
    "ComparisonSettings": "comparison",
    "EvaluationJob": "job",
    "EvaluationPair": "pairs",
    "EvaluationSettings": "evaluation",
    "Prediction": "motion_plot",
    "Report": "report",
    "Summary": "report",
    "TrackCache": "videos",
    "check_evaluation": "job",
    "check_plot_path": "motion_plot",
    "compare": "comparison",
    "cut_audio": "backwards",
    "cut_video": "backwards",
    "describe_missing": "report",
    "domain_clouds": "motion_plot",
    "evaluate": "evaluation",
    "evaluate_pair": "evaluation",
    "find_pairs": "pairs",
    "format_table": "report",
    "group_rows": "job",
    "plain": "report",
    "plot_domains": "motion_plot",
    "reverse_video": "backwards",
    "summarise": "report",
}

__all__ = [
    "ComparisonSettings",
    "EvaluationJob",
    "EvaluationPair",
    "EvaluationSettings",
    "Prediction",
    "Report",
    "Summary",
    "TrackCache",
    "check_evaluation",
    "check_plot_path",
    "compare",
    "cut_audio",
    "cut_video",
    "describe_missing",
    "domain_clouds",
    "evaluate",
    "evaluate_pair",
    "find_pairs",
    "format_table",
    "group_rows",
    "plain",
    "plot_domains",
    "reverse_video",
    "summarise",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
