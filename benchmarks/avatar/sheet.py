"""The contact sheet of held-out frames: as they were, and as they were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.avatar.drives import LABELS, Drive, Stretch, open_drive
from benchmarks.avatar.values import Painter
from visavox.avatar.speak.job import Avatar
from visavox.avatar.speak.settings import AvatarSpeakSettings
from visavox.data.radiance import PersonData
from visavox.evaluation.face_tiles import label_rows
from visavox.runtime.files import PartialFile

SHOWN = 6
"""Frames of a row."""
_DRIVES: tuple[Drive, ...] = ("landmarks", "sound")


def draw_sheet(
    avatar: Avatar, data: PersonData, stretches: Sequence[Stretch], settings: AvatarSpeakSettings, output: Path
) -> None:
    """Write a row of true frames, and one of the same frames for each drive, in time order from left to right.

    Args:
        avatar: who is drawn.
        data: the person.
        stretches: of the held-out part.
        settings: of speaking.
        output: the image, .png or .jpg.
    """
    chosen = shown_frames(stretches)
    rows = [("true", [np.array(data.frames[stretch.start + frame]) for stretch, frame in chosen])]
    painter = Painter(avatar)
    for name in _DRIVES:
        drive = open_drive(name, avatar, settings)
        drawn = [painter.draw(drive(stretch), stretch.pose, frame) for stretch, frame in chosen]
        rows.append((f"drawn from {LABELS[name]}", drawn))
    with PartialFile(output) as partial:
        Image.fromarray(label_rows(rows)).save(partial.path, optimize=True)


def shown_frames(stretches: Sequence[Stretch]) -> list[tuple[Stretch, int]]:
    """Choose the middles of as many equal parts of the usable frames: evenly, and not where sentences meet."""
    usable = [(stretch, int(frame)) for stretch in stretches for frame in np.flatnonzero(stretch.usable)]
    places = (np.arange(SHOWN) + 0.5) / SHOWN * len(usable)
    return [usable[place] for place in np.unique(places.astype(int))]
