from .adaptation import AdaptResult, AdaptSettings, adapt
from .avatar.speak import Avatar, AvatarSpeakSettings, SpeakResult
from .dubbing import Dubber, DubJob, DubResult, DubSettings, check, dub
from .errors import Cancelled, InputError, TrainingError, VisavoxError
from .evaluation import compare, evaluate
from .face.track.tracking import track
from .motion.performance import motion_of
from .progress import CancelToken, Event, Progress
from .types import FrameStatus, Motion, Track
from .weights.checkpoint import load_model
from .weights.registry import list_models

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

__version__: str
