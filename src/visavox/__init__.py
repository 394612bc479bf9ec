"""visavox makes a face speak.

    import visavox

    visavox.dub("face.mp4", "speech.wav", "result.mp4")

The public names are imported when they are first used, so that `import visavox` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.adaptation import AdaptResult, AdaptSettings, adapt
    from visavox.avatar.speak.speak import Avatar
    from visavox.avatar.speak.speak_result import SpeakResult
    from visavox.avatar.speak.speak_settings import AvatarSpeakSettings
    from visavox.dubbing import Dubber, DubJob, DubResult, DubSettings, check, dub
    from visavox.errors import Cancelled, InputError, TrainingError, VisavoxError
    from visavox.evaluation import compare, evaluate
    from visavox.face.track.tracking import track_video as track
    from visavox.motion.performance import motion_of
    from visavox.progress import CancelToken, Event, Progress
    from visavox.types import FrameStatus, Motion, Track
    from visavox.weights.checkpoint import load_model
    from visavox.weights.registry import list_models

__version__ = "0.1.0"

_HOMES = {
    "AdaptResult": "visavox.adaptation",
    "AdaptSettings": "visavox.adaptation",
    "Avatar": "visavox.avatar.speak.speak",
    "AvatarSpeakSettings": "visavox.avatar.speak.speak_settings",
    "CancelToken": "visavox.progress",
    "Cancelled": "visavox.errors",
    "DubJob": "visavox.dubbing",
    "DubResult": "visavox.dubbing",
    "DubSettings": "visavox.dubbing",
    "Dubber": "visavox.dubbing",
    "Event": "visavox.progress",
    "FrameStatus": "visavox.types",
    "InputError": "visavox.errors",
    "Motion": "visavox.types",
    "Progress": "visavox.progress",
    "SpeakResult": "visavox.avatar.speak.speak_result",
    "Track": "visavox.types",
    "TrainingError": "visavox.errors",
    "VisavoxError": "visavox.errors",
    "adapt": "visavox.adaptation",
    "check": "visavox.dubbing",
    "compare": "visavox.evaluation",
    "dub": "visavox.dubbing",
    "evaluate": "visavox.evaluation",
    "list_models": "visavox.weights.registry",
    "load_model": "visavox.weights.checkpoint",
    "motion_of": "visavox.motion.performance",
    "track": "visavox.face.track.tracking:track_video",
}
"""Public name -> the module that it lives in, with its name there where that differs."""

__all__ = [
    "AdaptResult",
    "AdaptSettings",
    "Avatar",
    "AvatarSpeakSettings",
    "CancelToken",
    "Cancelled",
    "DubJob",
    "DubResult",
    "DubSettings",
    "Dubber",
    "Event",
    "FrameStatus",
    "InputError",
    "Motion",
    "Progress",
    "SpeakResult",
    "Track",
    "TrainingError",
    "VisavoxError",
    "adapt",
    "check",
    "compare",
    "dub",
    "evaluate",
    "list_models",
    "load_model",
    "motion_of",
    "track",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, inner = _HOMES[name].partition(":")
    return getattr(importlib.import_module(module), inner or name)


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__})
