"""A data set made into an avatar: training, evaluation and packing.

| module | holds |
|---|---|
| `job` | `check` and `build_avatar`: the job from videos to an avatar |
| `settings` | what can be chosen; the steps |
| `steps` | head, torso, post-net, evaluation, packing, each with what it is made of |
| `evaluation` | held-out frames rendered and compared |
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.avatar.build.evaluation import METRICS, RenderedFrame, beside_truth, compare, measure
    from visavox.avatar.build.job import BuildJob, BuildResult, build_avatar, check
    from visavox.avatar.build.settings import BUILD_STEPS, BuildSettings, BuildStep

_HOMES = {
    "BUILD_STEPS": "settings",
    "BuildJob": "job",
    "BuildResult": "job",
    "BuildSettings": "settings",
    "BuildStep": "settings",
    "METRICS": "evaluation",
    "RenderedFrame": "evaluation",
    "beside_truth": "evaluation",
    "build_avatar": "job",
    "check": "job",
    "compare": "evaluation",
    "measure": "evaluation",
}
"""Name -> the module that it lives in, imported when the name is first used."""

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


def __getattr__(name: str) -> Any:
    """Import a name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
