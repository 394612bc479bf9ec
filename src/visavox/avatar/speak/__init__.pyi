from .checks import check_files
from .compositing import Backdrop
from .job import Avatar, SpeakJob, SpeakResult
from .renderer import Renderer
from .settings import AvatarSpeakSettings
from .speed import Machine, Speed, load_subject, machine, measure_speed

__all__ = [
    "Avatar",
    "AvatarSpeakSettings",
    "Backdrop",
    "Machine",
    "Renderer",
    "SpeakJob",
    "SpeakResult",
    "Speed",
    "check_files",
    "load_subject",
    "machine",
    "measure_speed",
]
