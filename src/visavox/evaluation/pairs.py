"""Pairs of a dubbed video and its recording: one, those of two folders, or a list in a file."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from visavox.errors import InputError

VIDEO_SUFFIXES = frozenset({
    ".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts",
    ".webm", ".wmv",
})  # fmt: skip
"""Endings of the files that a folder is searched for."""

LIST_SUFFIXES = frozenset({".csv", ".jsonl"})


@dataclass(frozen=True)
class EvaluationPair:
    """One dubbed video and what it is measured against."""

    dubbed: Path
    """The dubbed video."""
    truth: Path
    """The recording."""
    group: str = ""
    """Pairs of one group are averaged together."""
    audio: Path | None = None
    """The speech that the mouth should follow; None: the dubbed video's own audio."""
    source: Path | None = None
    """The video that was dubbed, if it is not the truth."""
    true_audio: Path | None = None
    """The recording's own speech for its values of sync, if its audio is not in sync; None: its audio as it is."""


def find_pairs(
    dubbed: Path, truth: Path | None, audio: Path | None = None, source: Path | None = None
) -> list[EvaluationPair]:
    """Find the pairs that a command line means.

    Args:
        dubbed: a video; a folder of videos (matched by file name without its ending, in the same subfolder, which
            is their group); or a list, `.csv` with the columns dubbed, truth and if wanted group, audio, source, or
            `.jsonl` with these keys. Paths in a list are relative to it.
        truth: a video, or a folder; None with a list.
        audio: an audio file, or a folder of them; None: each video's own.
        source: the video that was dubbed, or a folder of them; None: the truth.

    Raises:
        InputError: something is missing, or a folder holds no pair.
    """
    if dubbed.suffix.lower() in LIST_SUFFIXES:
        if truth is not None or audio is not None or source is not None:
            raise InputError(f"{dubbed} is a list that names these itself; leave out --truth, --audio and --source")
        return _read_list(dubbed)
    if truth is None:
        raise InputError(f"there is no recording to compare {dubbed} with; give --truth, or a .csv or .jsonl list")
    for path in (dubbed, truth):
        if not path.exists():
            raise InputError(f"{path} does not exist; give a video, a folder of videos or a .csv or .jsonl list")
    if dubbed.is_dir() != truth.is_dir():
        raise InputError(f"{dubbed} and {truth} must be two videos or two folders, not one of each")
    if dubbed.is_dir():
        return _match_folders(dubbed, truth, audio, source)
    return [EvaluationPair(dubbed, truth, audio=audio, source=source)]


def _match_folders(dubbed: Path, truth: Path, audio: Path | None, source: Path | None) -> list[EvaluationPair]:
    truths = _by_stem(truth, VIDEO_SUFFIXES)
    audio_files = {} if audio is None else _by_stem(audio, None)
    sources = {} if source is None else _by_stem(source, VIDEO_SUFFIXES)
    pairs = []
    for name, path in _by_stem(dubbed, VIDEO_SUFFIXES).items():
        group = path.parent.relative_to(dubbed).as_posix()
        pairs.append(
            EvaluationPair(
                dubbed=path,
                truth=_partner(truth, truths, name),
                group="" if group == "." else group,
                audio=None if audio is None else _partner(audio, audio_files, name),
                source=None if source is None else _partner(source, sources, name),
            )
        )
    if not pairs:
        raise InputError(f"{dubbed} holds no video; endings known are {' '.join(sorted(VIDEO_SUFFIXES))}")
    return pairs


def _partner(folder: Path, files: dict[str, Path], name: str) -> Path:
    if name not in files:
        raise InputError(f"{folder} has no file named {name}.*, as a dubbed video is; add it, or move that away")
    return files[name]


def _by_stem(folder: Path, suffixes: frozenset[str] | None) -> dict[str, Path]:
    """Files of a folder and its subfolders by their relative path without ending, sorted."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; with a folder of dubbed videos it must be one")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name.startswith(".") or (suffixes and path.suffix.lower() not in suffixes):
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise InputError(f"{found[name]} and {path} have the same name; only one of them can be matched")
        found[name] = path
    return found


def _read_list(path: Path) -> list[EvaluationPair]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}); give a .csv or .jsonl list in UTF-8") from error
    if path.suffix.lower() == ".csv":
        rows: list[dict[str, str | None]] = list(csv.DictReader(text.splitlines()))
    else:
        rows = [_json_row(path, number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not rows:
        raise InputError(f"{path} lists no video; each row needs `dubbed` and `truth`")
    return [_row_pair(path, number, row) for number, row in enumerate(rows, 1)]


def _json_row(path: Path, number: int, line: str) -> dict[str, str | None]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {number}: not JSON ({error.msg}); write one object a line") from error
    if not isinstance(row, dict):
        raise InputError(f"{path}, line {number}: {type(row).__name__} given; write one object a line")
    return row


def _row_pair(path: Path, number: int, row: dict[str, str | None]) -> EvaluationPair:
    unknown = sorted(set(filter(None, row)) - {"dubbed", "truth", "group", "audio", "source"})
    if unknown:
        raise InputError(f"{path}: unknown column {unknown[0]!r}; allowed are dubbed, truth, group, audio, source")
    if not row.get("dubbed") or not row.get("truth"):
        raise InputError(f"{path}, row {number}: needs both `dubbed` and `truth`")

    def file(key: str) -> Path | None:
        value = row.get(key)
        if not value:
            return None
        found = path.parent / str(value)
        if not found.is_file():
            raise InputError(f"{path}, row {number}: {key} {found} does not exist")
        return found

    dubbed, truth = file("dubbed"), file("truth")
    assert dubbed is not None  # checked above, for the type checker
    assert truth is not None
    return EvaluationPair(dubbed, truth, str(row.get("group") or ""), file("audio"), file("source"))
