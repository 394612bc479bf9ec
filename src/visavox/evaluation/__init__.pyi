from .backwards import cut_audio, cut_video, reverse_video
from .comparison import ComparisonSettings, compare
from .job import EvaluationJob, EvaluationSettings, check_evaluation, evaluate, evaluate_pair, group_rows
from .motion_plot import Prediction, check_plot_path, domain_clouds, plot_domains
from .pairs import EvaluationPair, find_pairs
from .report import Report, Summary, describe_missing, format_table, plain, summarise
from .videos import TrackCache

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
