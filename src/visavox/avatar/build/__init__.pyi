from .evaluation import METRICS, RenderedFrame, beside_truth, compare, measure
from .job import BuildJob, BuildResult, build_avatar, check
from .settings import BUILD_STEPS, BuildSettings, BuildStep

__all__ = [
    "BUILD_STEPS",
    "METRICS",
    "BuildJob",
    "BuildResult",
    "BuildSettings",
    "BuildStep",
    "RenderedFrame",
    "beside_truth",
    "build_avatar",
    "check",
    "compare",
    "measure",
]
