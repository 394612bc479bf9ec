"""Preparation: raw videos to clips that networks are trained on.

`check_preparation` gives a job. The way of a video: found (`sources`), divided (`splits`), tracked and checked frame
by frame (`stretches`, `quality`), audio and image brought together (`lag`), cut out (`cutting`), and kept with its
record (`dataset_folder`, `report`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.data.preparation.frame_grid import nearest_frames
    from visavox.data.preparation.job import PreparationJob, PrepareSettings, check_preparation, prepare
    from visavox.data.preparation.lag import AppliedLag, choose_lag, measure_lag, shift_audio
    from visavox.data.preparation.prepare_source import use_one_thread
    from visavox.data.preparation.quality import blur, face_size, loudness
    from visavox.data.preparation.report import PreparationReport
    from visavox.data.preparation.settings import ClipSettings, LagSettings, QualitySettings, describe_difference
    from visavox.data.preparation.sources import Layout, Source, find_sources
    from visavox.data.preparation.splits import SplitRule, SplitSettings

_HOMES = {
    "AppliedLag": "lag",
    "ClipSettings": "settings",
    "LagSettings": "settings",
    "Layout": "sources",
    "PreparationJob": "job",
    "PreparationReport": "report",
    "PrepareSettings": "job",
    "QualitySettings": "settings",
    "Source": "sources",
    "SplitRule": "splits",
    "SplitSettings": "splits",
    "blur": "quality",
    "check_preparation": "job",
    "choose_lag": "lag",
    "describe_difference": "settings",
    "face_size": "quality",
    "find_sources": "sources",
    "loudness": "quality",
    "measure_lag": "lag",
    "nearest_frames": "frame_grid",
    "prepare": "job",
    "shift_audio": "lag",
    "use_one_thread": "prepare_source",
}

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
    "shift_audio",
    "use_one_thread",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
