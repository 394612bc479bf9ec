from .checks import Finding
from .prepare import Prepared, check_videos, prepare_person, prepare_videos
from .report import composed, on_chequers, sheet, tinted
from .settings import DataSettings

__all__ = [
    "DataSettings",
    "Finding",
    "Prepared",
    "check_videos",
    "composed",
    "on_chequers",
    "prepare_person",
    "prepare_videos",
    "sheet",
    "tinted",
]
