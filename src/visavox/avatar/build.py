"""From footage to an avatar: the data set, then what is learned from it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from visavox.avatar.prepare import Prepared, prepare_person
from visavox.avatar.settings import DataSettings
from visavox.errors import InputError
from visavox.progress import QUIET, Progress

DATA_FOLDER = "data"
"""Folder of the data set within that of the avatar."""
STAGES = ("data",)
"""What `build_avatar` does, in order. The training of head and torso joins here, after the data."""


@dataclass(frozen=True)
class Built:
    """What a build left."""

    folder: Path
    """The avatar."""
    prepared: Prepared
    """Its data set."""
    stages: tuple[str, ...] = STAGES
    """What was done."""

    @property
    def is_trained(self) -> bool:
        """Whether the avatar can speak, or only its data set is there."""
        return len(self.stages) > 1


def build_avatar(
    location: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    settings: DataSettings | None = None,
    progress: Progress = QUIET,
) -> Built:
    """Build an avatar of a person, or go on with it where an earlier call was ended.

    Args:
        location: a video of the person, or a folder with videos of one fixed camera.
        folder: where the avatar goes; its data set goes to `data` in it.
        settings: how the footage is prepared.
        progress: where bars are drawn.

    Raises:
        InputError: the footage cannot become an avatar, or the folder cannot be used.
    """
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file; name a folder for the avatar")
    prepared = prepare_person(location, target / DATA_FOLDER, settings, progress)
    return Built(target, prepared)
