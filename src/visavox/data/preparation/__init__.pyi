from .frame_grid import nearest_frames
from .job import PreparationJob, PrepareSettings, check_preparation, prepare
from .lag import AppliedLag, choose_lag, measure_lag, remove_slow_changes, shift_audio
from .prepare_source import use_one_thread
from .quality import blur, face_size, loudness
from .report import PreparationReport
from .settings import ClipSettings, LagSettings, QualitySettings, SplitRule, SplitSettings, describe_difference
from .sources import Layout, Source, find_sources

__all__ = [
    "AppliedLag",
    "ClipSettings",
    "LagSettings",
    "Layout",
    "PreparationJob",
    "PreparationReport",
    "PrepareSettings",
    "QualitySettings",
    "Source",
    "SplitRule",
    "SplitSettings",
    "blur",
    "check_preparation",
    "choose_lag",
    "describe_difference",
    "face_size",
    "find_sources",
    "loudness",
    "measure_lag",
    "nearest_frames",
    "prepare",
    "remove_slow_changes",
    "shift_audio",
    "use_one_thread",
]
