"""Data of one person: what an avatar is trained on (`person_data`), and the rays that are drawn from it
(`ray_dataset`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.data.radiance.person_data import (
        BACKGROUND,
        CAMERA,
        FRAMES,
        HEAD_MASK,
        MOTION,
        SPEECH,
        SPLIT,
        TORSO,
        TORSO_MASK,
        Part,
        PersonCamera,
        PersonData,
    )
    from visavox.data.radiance.ray_dataset import (
        MOUTH,
        RayDataset,
        RaySampling,
        frame_geometry,
        landmark_window,
        window_frames,
    )

_HOMES = {
    "BACKGROUND": "person_data",
    "CAMERA": "person_data",
    "FRAMES": "person_data",
    "HEAD_MASK": "person_data",
    "MOTION": "person_data",
    "MOUTH": "ray_dataset",
    "Part": "person_data",
    "PersonCamera": "person_data",
    "PersonData": "person_data",
    "RayDataset": "ray_dataset",
    "RaySampling": "ray_dataset",
    "SPEECH": "person_data",
    "SPLIT": "person_data",
    "TORSO": "person_data",
    "TORSO_MASK": "person_data",
    "frame_geometry": "ray_dataset",
    "landmark_window": "ray_dataset",
    "window_frames": "ray_dataset",
}

__all__ = [
    "BACKGROUND",
    "CAMERA",
    "FRAMES",
    "HEAD_MASK",
    "MOTION",
    "MOUTH",
    "SPEECH",
    "SPLIT",
    "TORSO",
    "TORSO_MASK",
    "Part",
    "PersonCamera",
    "PersonData",
    "RayDataset",
    "RaySampling",
    "frame_geometry",
    "landmark_window",
    "window_frames",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
