"""One person: a generator that serves anybody is fitted to the video of one, and measured before and after.

| module | holds |
|---|---|
| `job` | `check` and `adapt`: the job, its work folder, the weights that it writes |
| `settings`, `checks` | what can be chosen; what is refused before the work |
| `clips` | videos to clips, divided into training, validation and held-out seconds |
| `learning` | the training: its recipe, schedule and best state |
| `held_out` | values on the held-out seconds, and `AdaptResult` |
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from visavox.adaptation.settings import AdaptSettings

if TYPE_CHECKING:
    from visavox.adaptation.held_out import AdaptResult
    from visavox.adaptation.job import AdaptJob, adapt, check

__all__ = ["AdaptJob", "AdaptResult", "AdaptSettings", "adapt", "check"]

_HOMES = {"AdaptJob": "job", "AdaptResult": "held_out", "adapt": "job", "check": "job"}
"""Name -> the module that it lives in: these need torch, and are imported when they are first used."""


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
