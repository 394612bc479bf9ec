from .adaptation import AdaptationData, AdaptationInputs, AdaptationSettings, AdaptationStart, AdaptationTask
from .clips import ClipSplits
from .rendering import FrozenNetworks
from .settings import GeneratorLosses
from .speech import rest_motion

__all__ = [
    "AdaptationData",
    "AdaptationInputs",
    "AdaptationSettings",
    "AdaptationStart",
    "AdaptationTask",
    "ClipSplits",
    "FrozenNetworks",
    "GeneratorLosses",
    "rest_motion",
]
