"""Videos of one person made into their data set.

| module | holds |
|---|---|
| `prepare` | the stages, one after the other: `prepare_person` |
| `settings` | what can be chosen |
| `checks` | what is refused or remarked, with advice |
| `tracking` | the videos as one row of frames, and the face followed through them |
| `camera` | the square that is cut out, and the check that the camera stood still |
| `crops` | the crops of all frames and the rough outline of the person |
| `background` | the empty scene, and the person cut out of it |
| `segmentation` | head and torso of every frame |
| `signals` | motion, head pose and speech |
| `report` | the page about a data set |
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.avatar.dataset.checks import Finding
    from visavox.avatar.dataset.prepare import Prepared, check_videos, prepare_person, prepare_videos
    from visavox.avatar.dataset.report import composed, on_chequers, sheet, tinted
    from visavox.avatar.dataset.settings import DataSettings

_HOMES = {
    "DataSettings": "settings",
    "Finding": "checks",
    "Prepared": "prepare",
    "check_videos": "prepare",
    "composed": "report",
    "on_chequers": "report",
    "prepare_person": "prepare",
    "prepare_videos": "prepare",
    "sheet": "report",
    "tinted": "report",
}
"""Name -> the module that it lives in, imported when the name is first used."""

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


def __getattr__(name: str) -> Any:
    """Import a name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
