"""An avatar says a recording: motion, pose, rendering and compositing.

| module | holds |
|---|---|
| `job` | `Avatar`, loaded once, and the job of one recording |
| `settings` | what can be chosen |
| `checks` | what is refused before the work |
| `motion_range` | landmarks clamped to what the person's video shows |
| `pose_track` | endless head pose |
| `source_plan` | endless plan of source frames that a head is pasted into |
| `source_frames` | these frames, read and morphed into one another |
| `renderer` | head and torso without what is behind them |
| `compositing` | before a background, or pasted into the video |
| `speed` | frames a second on this machine |
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.avatar.speak.checks import check_files
    from visavox.avatar.speak.compositing import Backdrop
    from visavox.avatar.speak.job import Avatar, SpeakJob, SpeakResult
    from visavox.avatar.speak.renderer import Renderer
    from visavox.avatar.speak.settings import AvatarSpeakSettings
    from visavox.avatar.speak.speed import Machine, Speed, load_subject, machine, measure_speed

_HOMES = {
    "Avatar": "job",
    "AvatarSpeakSettings": "settings",
    "Backdrop": "compositing",
    "Machine": "speed",
    "Renderer": "renderer",
    "SpeakJob": "job",
    "SpeakResult": "job",
    "Speed": "speed",
    "check_files": "checks",
    "load_subject": "speed",
    "machine": "speed",
    "measure_speed": "speed",
}
"""Name -> the module that it lives in, imported when the name is first used."""

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


def __getattr__(name: str) -> Any:
    """Import a name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
