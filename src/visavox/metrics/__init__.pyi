from .curves import CurveAgreement, compare_curves, gain, lagged_correlation, opening_correlation
from .metric import Measure, Metric, MetricInfo, Need, NotMeasured, Result, model_digest
from .motion import (
    MotionAgreement,
    apart_agreement,
    compare_motions,
    found_offset,
    landmark_frechet_distance,
    mean_agreement,
)
from .mouth_image import psnr, squared_error, ssim
from .pair import Video, VideoPair, frame_rate, heads_coincide, pair_times
from .table import METRICS, Metrics, choose_metrics, metric_class, metric_infos, reduce_all, without_frames

__all__ = [
    "METRICS",
    "CurveAgreement",
    "Measure",
    "Metric",
    "MetricInfo",
    "Metrics",
    "MotionAgreement",
    "Need",
    "NotMeasured",
    "Result",
    "Video",
    "VideoPair",
    "apart_agreement",
    "choose_metrics",
    "compare_curves",
    "compare_motions",
    "found_offset",
    "frame_rate",
    "gain",
    "heads_coincide",
    "lagged_correlation",
    "landmark_frechet_distance",
    "mean_agreement",
    "metric_class",
    "metric_infos",
    "model_digest",
    "opening_correlation",
    "pair_times",
    "psnr",
    "reduce_all",
    "squared_error",
    "ssim",
    "without_frames",
]
