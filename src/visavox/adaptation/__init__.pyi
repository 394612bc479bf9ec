from .held_out import AdaptResult
from .job import AdaptJob, adapt, check
from .settings import AdaptSettings

__all__ = [
    "AdaptJob",
    "AdaptResult",
    "AdaptSettings",
    "adapt",
    "check",
]
