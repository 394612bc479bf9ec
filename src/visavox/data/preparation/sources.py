"""Finding the videos of a data set to be: which files, what each is called, who speaks in it."""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from visavox.data.preparation.layouts import LAYOUTS, PATTERNS, Layout, Split, recognise
from visavox.errors import InputError
from visavox.types import PathLike

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
