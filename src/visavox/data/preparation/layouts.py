"""Layouts of known corpora, by which a path names its speaker and split.

- `grid`: `s1/bbaf2n.mpg`, one folder for each of 34 speakers (Cooke, Barker, Cunningham, Shao 2006).
- `lrs`: `pretrain|main|trainval|test/<id>/00001.mp4`, LRS2 and LRS3 (Afouras, Chung, Zisserman 2018). The id is a
  programme or a YouTube video: the nearest thing to a speaker that they tell.
- `lrw`: `ABOUT/train|val|test/ABOUT_00001.mp4` (Chung, Zisserman 2016). It names no speakers, but has a split.
- `flat`: anything else. The folder of a video below the source names the speaker; videos directly in the source
  are each taken for a speaker of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Layout = Literal["auto", "flat", "grid", "lrs", "lrw"]
Split = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Placement:
    """Speaker and split of a video, by its path."""

    speaker: str | None
    """Who speaks; None where the path does not tell."""
    split: Split | None = None
    """The part of the corpus that the video belongs to, where the layout has parts."""


def place_flat(parts: tuple[str, ...]) -> Placement | None:
    """Read the last folder below the source as the speaker; `parts` are the source's own name, folders, file."""
    return Placement(parts[-2] if len(parts) > 2 else None)


def place_grid(parts: tuple[str, ...]) -> Placement | None:
    """Read `sN/*.mpg`, also with a folder in between (`s1/video/*.mpg`)."""
    if not parts[-1].lower().endswith((".mpg", ".mpeg")):
        return None
    for folder in reversed(parts[-3:-1]):
        found = re.fullmatch(r"s(\d{1,2})(\.mpg_.*)?", folder.lower())
        if found:
            return Placement(f"grid_s{found.group(1)}")
    return None


def place_lrs(parts: tuple[str, ...]) -> Placement | None:
    """Read `main|pretrain|trainval|test/<id>/<number>.mp4`."""
    if len(parts) < 3 or parts[-3] not in {"main", "pretrain", "trainval", "test"}:
        return None
    if not re.fullmatch(r"\d+\.mp4", parts[-1].lower()):
        return None
    return Placement(f"lrs_{parts[-2]}", "test" if parts[-3] == "test" else None)


_LRW_SPLITS: dict[str, Split] = {"train": "train", "val": "validation", "test": "test"}


def place_lrw(parts: tuple[str, ...]) -> Placement | None:
    """Read `<WORD>/train|val|test/<WORD>_<number>.mp4`."""
    if len(parts) < 3 or parts[-2] not in _LRW_SPLITS:
        return None
    if not parts[-1].startswith(f"{parts[-3]}_") or not parts[-1].lower().endswith(".mp4"):
        return None
    return Placement(None, _LRW_SPLITS[parts[-2]])


LAYOUTS: dict[str, Callable[[tuple[str, ...]], Placement | None]] = {
    "lrw": place_lrw,
    "lrs": place_lrs,
    "grid": place_grid,
    "flat": place_flat,
}
"""Name -> function from the parts of a path to a placement, None where the path does not fit the layout."""

PATTERNS = {
    "flat": "[speaker/]*.mp4",
    "grid": "sN/*.mpg",
    "lrs": "main|pretrain|trainval|test/<id>/<number>.mp4",
    "lrw": "<WORD>/train|val|test/<WORD>_<number>.mp4",
}
"""How the files of each layout are named, for messages."""


def recognise(paths: list[tuple[str, ...]]) -> str:
    """Return the name of the first layout that every path fits; `flat` fits all."""
    return next(name for name, place in LAYOUTS.items() if all(place(parts) is not None for parts in paths))
