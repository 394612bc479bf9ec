"""The clips of an evaluation set: where they are, which group they belong to, how late their audio is."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from visavox.errors import InputError
from visavox.evaluation.pairs import VIDEO_SUFFIXES

TRUSTED_LAG = 0.35
"""A measured lag is believed where the correlation that it was found with (`av_best`) is at least this."""


@dataclass(frozen=True)
class Clip:
    """One recording of a speaker."""

    name: str
    """Path below the folder of the set, without its ending."""
    path: Path
    """The recording."""
    group: str
    """Name of its folder; folders of one corpus are one group."""
    audio_lag: Fraction
    """Seconds by which the audio comes early (negative: late), as it was measured; 0 where that is not known."""


def find_clips(folder: Path, index: Path | None = None) -> list[Clip]:
    """Find the clips of an evaluation set, one folder a group.

    Args:
        folder: its folders hold the recordings. Folders named `grid_...` are one group, `grid`.
        index: table with the columns `file` (relative to the table), `av_lag_s` and `av_best`; None looks for
            `INDEX.csv` in the folder and above it.

    Raises:
        InputError: the folder holds no video, or the table lacks a column.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give one whose subfolders hold recordings")
    lags = _read_lags(index or _find_index(folder))
    clips = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith("."):
            relative = path.relative_to(folder)
            top = relative.parts[0] if len(relative.parts) > 1 else folder.name
            group = "grid" if top.startswith("grid") else top
            clips.append(Clip(relative.with_suffix("").as_posix(), path, group, lags.get(path.resolve(), Fraction(0))))
    if not clips:
        raise InputError(f"{folder} holds no recording; endings known are {' '.join(sorted(VIDEO_SUFFIXES))}")
    return clips


def choose_clips(clips: list[Clip], groups: tuple[str, ...], limit: int | None) -> list[Clip]:
    """Keep some groups, and some clips of each."""
    known = sorted({clip.group for clip in clips})
    unknown = [name for name in groups if name not in known]
    if unknown:
        raise InputError(f"there is no group {unknown[0]!r}; the groups are {', '.join(known)}")
    chosen: list[Clip] = []
    for name in groups or known:
        chosen += [clip for clip in clips if clip.group == name][:limit]
    return chosen


def next_clip(clip: Clip, clips: list[Clip]) -> Clip | None:
    """Return the clip whose audio is the wrong one: the next of the group, or of all if the group has but one."""
    group = [each for each in clips if each.group == clip.group]
    circle = group if len(group) > 1 else clips
    following = circle[(circle.index(clip) + 1) % len(circle)]
    return None if following is clip else following


def _find_index(folder: Path) -> Path | None:
    candidates = (folder / "INDEX.csv", folder.resolve().parent / "INDEX.csv")
    return next((path for path in candidates if path.is_file()), None)


def _read_lags(index: Path | None) -> dict[Path, Fraction]:
    """Read the lags that can be trusted, by the clip's path."""
    if index is None:
        return {}
    lags: dict[Path, Fraction] = {}
    try:
        with index.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                if row["av_lag_s"] and row["av_best"] and float(row["av_best"]) >= TRUSTED_LAG:
                    lags[(index.parent / row["file"]).resolve()] = Fraction(row["av_lag_s"])
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{index} is no table of lags ({error}); it needs file, av_lag_s and av_best") from error
    return lags
