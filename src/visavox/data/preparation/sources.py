"""Finding the videos of a data set to be: which files, what each is called, who speaks in it.

Layouts of known corpora, by which a path names its speaker and split:

- `grid`: `s1/bbaf2n.mpg`, one folder for each of 34 speakers (Cooke, Barker, Cunningham, Shao 2006).
- `lrs`: `pretrain|main|trainval|test/<id>/00001.mp4`, LRS2 and LRS3 (Afouras, Chung, Zisserman 2018). The id is a
  programme or a YouTube video: the nearest thing to a speaker that they tell.
- `lrw`: `ABOUT/train|val|test/ABOUT_00001.mp4` (Chung, Zisserman 2016). It names no speakers, but has a split.
- `flat`: anything else. The folder of a video below the source names the speaker; videos directly in the source
  are each taken for a speaker of their own.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from visavox.errors import InputError
from visavox.types import PathLike

Layout = Literal["auto", "flat", "grid", "lrs", "lrw"]
Split = Literal["train", "validation", "test"]

VIDEO_SUFFIXES = frozenset({
    ".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv",
    ".ts", ".vob", ".webm", ".wmv",
})  # fmt: skip
"""Endings of the files that a folder is searched for; a file named by itself may have any."""

_LONGEST_NAME = 120  # bytes; file systems allow 255, and a clip adds a number and an ending
_FINGERPRINT_BYTES = 16_384


@dataclass(frozen=True)
class Source:
    """One video to prepare."""

    path: str
    """Absolute path of the file."""
    name: str
    """Path from the source's folder on, that folder's name included: the same on every machine."""
    clip_name: str
    """The prefix of its clips' names; unlike those of every other source."""
    speaker: str
    """The speaker, as far as the path tells."""
    split: Split | None
    """The part that the layout itself gives it to."""
    num_bytes: int
    """Size of the file."""


@dataclass(frozen=True)
class Discovery:
    """The videos found in the folders given."""

    sources: list[Source]
    """The videos, in the order of their names."""
    duplicates: list[tuple[str, str]]
    """Names of files left out, each with the name of the source that has the same content."""
    outside_layout: int
    """Videos left out because their path does not fit the layout asked for."""
    unknown_speakers: int
    """Videos whose path tells neither speaker nor split; each counts as a speaker of its own."""


def find_sources(locations: Sequence[PathLike], layout: Layout = "auto") -> Discovery:
    """Find the videos in folders and files.

    Args:
        locations: folders, searched with all below them, and video files.
        layout: how the paths tell speaker and split; `auto` recognises it for each location.

    Raises:
        InputError: nothing is given, a location is missing, holds no video, or none that fits the layout.
    """
    if not locations:
        raise InputError("no source is given; name one or more folders with videos, or video files")
    candidates: dict[str, Source] = {}
    outside = 0
    for location in locations:
        found, unfit = _search(os.path.abspath(os.fspath(location)), os.fspath(location), layout)
        outside += unfit
        for source in found:
            candidates.setdefault(os.path.realpath(source.path), source)
    sources, duplicates = _without_duplicates(
        sorted(candidates.values(), key=lambda source: (source.name, source.path))
    )
    sources = _named_apart(sources)
    unknown = [source for source in sources if not source.speaker and source.split is None]
    sources = [replace(source, speaker=source.speaker or source.clip_name) for source in sources]
    return Discovery(sources, duplicates, outside, len(unknown))


def fingerprint(path: PathLike) -> str:
    """Return 16 hex digits of size, beginning and end of a file: enough to tell recordings apart."""
    digest = hashlib.blake2b(digest_size=8)
    size = os.path.getsize(path)
    digest.update(str(size).encode())
    with open(path, "rb") as file:
        digest.update(file.read(_FINGERPRINT_BYTES))
        file.seek(max(0, size - _FINGERPRINT_BYTES))
        digest.update(file.read())
    return digest.hexdigest()


def _search(root: str, given: str, layout: Layout) -> tuple[list[Source], int]:
    """Return the sources of one location, and how many videos in it do not fit the layout."""
    paths = _video_paths(root, given)
    base = os.path.dirname(root) if os.path.isdir(root) else os.path.dirname(os.path.dirname(root))
    parts = [Path(os.path.relpath(path, base)).parts for path in paths]
    name = recognise(parts) if layout == "auto" else layout
    sources = []
    for path, path_parts in zip(paths, parts, strict=True):
        placement = LAYOUTS[name](path_parts)
        if placement is not None:
            label = "/".join(path_parts)
            stem = label[: -len(Path(label).suffix)] if Path(label).suffix else label
            size = os.path.getsize(path)
            sources.append(Source(path, label, _file_name(stem), placement.speaker or "", placement.split, size))
    if not sources:
        raise InputError(
            f"none of the {len(paths)} videos in {given} fits the layout {name} ({PATTERNS[name]}): the first is "
            f"{'/'.join(parts[0])}; leave out --layout, or give the folder above"
        )
    return sources, len(paths) - len(sources)


def _video_paths(root: str, given: str) -> list[str]:
    if os.path.isfile(root):
        return [root]
    if not os.path.isdir(root):
        raise InputError(f"{given} does not exist; give a folder with videos, or a video file")
    if not os.access(root, os.R_OK | os.X_OK):
        raise InputError(f"{given} cannot be read: permission denied; change its permissions")
    paths = sorted(_walk(root))
    if not paths:
        raise InputError(
            f"{given} holds no video; looked in all folders below it for {', '.join(sorted(VIDEO_SUFFIXES))}"
        )
    return paths


def _walk(root: str) -> Iterator[str]:
    """Yield the video files below a folder, following links to folders but none twice; hidden ones are left out."""
    seen = {os.path.realpath(root)}
    for folder, folders, files in os.walk(root, followlinks=True):
        kept = []
        for name in sorted(folders):
            real = os.path.realpath(os.path.join(folder, name))
            if not name.startswith(".") and real not in seen:
                seen.add(real)
                kept.append(name)
        folders[:] = kept
        for name in files:
            path = os.path.join(folder, name)
            if not name.startswith(".") and Path(name).suffix.lower() in VIDEO_SUFFIXES and os.path.isfile(path):
                yield path


def _file_name(stem: str) -> str:
    """Turn a relative path into one file name that every file system takes."""
    name = re.sub(r"[^\w.]+", "-", re.sub(r"[\\/]+", "_", stem)).strip("-.") or "video"
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    kept = name.encode()[: _LONGEST_NAME - 9].decode(errors="ignore")
    return f"{kept}-{hashlib.blake2b(stem.encode(), digest_size=4).hexdigest()}"


def _without_duplicates(sources: list[Source]) -> tuple[list[Source], list[tuple[str, str]]]:
    """Leave out files with the content of an earlier one: in two splits they would be an answer given away."""
    by_size: dict[int, list[Source]] = defaultdict(list)
    for source in sources:
        by_size[source.num_bytes].append(source)
    twins: dict[str, str] = {}
    for alike in by_size.values():
        first_with: dict[str, Source] = {}
        for source in alike if len(alike) > 1 and alike[0].num_bytes else []:
            first = first_with.setdefault(fingerprint(source.path), source)
            if first is not source:
                twins[source.path] = first.name
    kept = [source for source in sources if source.path not in twins]
    return kept, [(source.name, twins[source.path]) for source in sources if source.path in twins]


def _named_apart(sources: list[Source]) -> list[Source]:
    """Give sources whose clips would be called the same a piece of their fingerprint."""
    by_name: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        by_name[source.clip_name.casefold()].append(source)
    return [
        source
        if len(by_name[source.clip_name.casefold()]) == 1
        else replace(source, clip_name=f"{source.clip_name}-{fingerprint(source.path)[:6]}")
        for source in sources
    ]


@dataclass(frozen=True)
class Placement:
    """Speaker and split of a video, by its path."""

    speaker: str | None
    """The speaker; None where the path does not tell."""
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
"""Names of the files of each layout, for messages."""


def recognise(paths: list[tuple[str, ...]]) -> str:
    """Return the name of the first layout that every path fits; `flat` fits all."""
    return next(name for name, place in LAYOUTS.items() if all(place(parts) is not None for parts in paths))
