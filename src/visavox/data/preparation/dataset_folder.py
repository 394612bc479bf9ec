"""The folder of a prepared data set: clips, manifest, report, and what makes a preparation resumable.

    DATASET/clips/<clip_id>.npz     one file a clip (`clip_file.py`)
    DATASET/manifest.jsonl          one line a clip
    DATASET/report.json             what was kept and dropped, and why
    DATASET/prepare/settings.json   the settings that all clips were made with
    DATASET/prepare/sources/*.json  one record a video

Each file appears under its name only when it is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from visavox.constants import FRAME_RATE
from visavox.data.generator import MANIFEST_NAME
from visavox.data.preparation.settings import ClipSettings, describe_difference
from visavox.data.preparation.source_tables import TableLag
from visavox.data.preparation.sources import Source, fingerprint
from visavox.data.preparation.stretches import Dropped
from visavox.errors import InputError
from visavox.runtime.files import leftovers, write_whole
from visavox.runtime.lock import locked
from visavox.runtime.serialization import from_mapping
from visavox.types import PathLike

_FORMAT = "visavox data set"


class DatasetFolder:
    """A data set on disk, while it is being prepared.

    Args:
        path: the folder; it need not exist.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)
        self.clips = self.path / "clips"
        self.manifest = self.path / MANIFEST_NAME
        self.report = self.path / "report.json"
        self.records = self.path / "prepare" / "sources"
        self._settings = self.path / "prepare" / "settings.json"
        self._lock = self.path / "prepare" / "lock"

    def check(self, settings: ClipSettings, redo: bool) -> None:
        """See whether clips with these settings can be put here; nothing is written but a probe file.

        Raises:
            InputError: the path is a file, a folder with other things, a data set made with other settings, or
                cannot be written.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file; give a folder for the data set, new or made by visavox prepare")
        if self._settings.is_file():
            if not redo:
                self._check_settings(settings)
        elif self.path.is_dir() and any(self.path.iterdir()):
            raise InputError(
                f"{self.path} holds something that visavox prepare did not make; give a new or empty folder, so that "
                "nothing of yours is mixed with the data set"
            )
        self._check_writable()

    def open(self, settings: ClipSettings, redo: bool) -> None:
        """Create the folder, or make it ready to go on: remove what an interrupted run left half written.

        Args:
            settings: what decides the content of clips.
            redo: forget all that was prepared before.
        """
        try:
            self.clips.mkdir(parents=True, exist_ok=True)
            self.records.mkdir(parents=True, exist_ok=True)
            self.remove_leftovers()
            if redo:
                for path in self.records.glob("[!.]*.json"):
                    path.unlink()
            stored = {"format": _FORMAT, "digest": settings.digest, "settings": settings.as_dict()}
            write_whole(self._settings, json.dumps(stored, indent=2) + "\n")
        except OSError as error:
            raise self._not_writable(error) from None

    def locked(self) -> AbstractContextManager[None]:
        """Keep a second preparation out of the folder while a block runs.

        Raises:
            InputError: one is at work already.
        """
        return locked(self._lock, "visavox prepare", self.path)

    def remove_leftovers(self) -> None:
        """Remove files that a process was writing when it was ended."""
        for folder in (self.clips, self.records, self.path):
            for path in leftovers(folder):
                path.unlink(missing_ok=True)

    def load_records(self) -> dict[str, SourceRecord]:
        """Read what is known of the videos prepared so far, by clip name."""
        return load_records(self.records)

    def is_finished(self, record: SourceRecord | None, source: Source, table_lag: TableLag | None) -> bool:
        """Return True if a video needs no work: same content and lag in the table, and all its clips are there."""
        if record is None or record.status != "done":
            return False
        if record.table_lag != (None if table_lag is None else (table_lag.seconds, table_lag.score)):
            return False
        if not all((self.clips / f"{clip.clip_id}.npz").is_file() for clip in record.clips):
            return False
        if record.num_bytes != source.num_bytes:
            return False
        same_time = record.modified == os.stat(source.path).st_mtime_ns
        return same_time or record.fingerprint == fingerprint(source.path)

    def update_record(self, record: SourceRecord) -> None:
        """Write a record again."""
        save_record(record, self.records)

    def write_manifest(self, records: Iterable[SourceRecord]) -> None:
        """List the clips of all records, in the order of their names."""
        lines = sorted(
            (line for record in records for line in record.manifest_lines()), key=lambda line: line["clip_id"]
        )
        write_whole(self.manifest, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))

    def write_report(self, report: dict[str, Any]) -> None:
        """Write the report."""
        write_whole(self.report, json.dumps(report, indent=2, ensure_ascii=False) + "\n")

    def remove_orphans(self, records: Iterable[SourceRecord]) -> None:
        """Remove clips that no record knows: those of an earlier version of a video."""
        known = {f"{clip.clip_id}.npz" for record in records for clip in record.clips}
        for path in self.clips.glob("*.npz"):
            if path.name not in known:
                path.unlink(missing_ok=True)

    def _check_settings(self, settings: ClipSettings) -> None:
        try:
            stored = json.loads(self._settings.read_text(encoding="utf-8"))
            before, digest = stored["settings"], stored["digest"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self._settings} cannot be read ({error}); give another folder, or --redo") from None
        if digest != settings.digest:
            now = json.loads(json.dumps(settings.as_dict()))
            changes = "; ".join(describe_difference(before, now))
            raise InputError(
                f"{self.path} was prepared with other settings ({changes}); use those, give another folder, or "
                "--redo to prepare everything again"
            )

    def _check_writable(self) -> None:
        existing = self.path
        while not existing.exists() and existing != existing.parent:
            existing = existing.parent
        probe = existing / f".visavox-{os.getpid()}.part"
        try:
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise self._not_writable(error) from None

    def _not_writable(self, error: OSError) -> InputError:
        return InputError(f"{self.path} cannot be written: {error.strerror}; give another folder.")


@dataclass(frozen=True)
class ClipEntry:
    """One prepared clip, as its line in the manifest says."""

    clip_id: str
    """Name of its file, without ending."""
    start: float
    """Seconds of the video at which it begins."""
    num_frames: int
    """Frames, 25 a second."""
    shot: int
    """Number of the shot in the video."""
    face: int
    """Number of the face in the video."""
    quality: dict[str, float]
    """face (pixels), yaw, pitch (degrees, mean), blur (0-1), lost (share of frames), motion (standard deviation of
    the lip opening), agreement (correlation of lips and audio, -1 to 1), level (dB)."""


@dataclass(frozen=True)
class DroppedEntry:
    """One stretch of a video that is in no clip."""

    start: float
    """Seconds."""
    stop: float
    """Seconds."""
    reason: str
    """The reason, as `stretches.Fault` words it."""
    value: float | None = None
    """The figure that was too large or too small."""
    face: int | None = None
    """Number of the face; None for the whole image."""

    @classmethod
    def of(cls, dropped: Dropped) -> DroppedEntry:
        """Write a dropped stretch of the grid in seconds."""
        value = None if dropped.value is None else round(dropped.value, 4)
        return cls(dropped.start / FRAME_RATE, dropped.stop / FRAME_RATE, str(dropped.fault), value, dropped.face)


@dataclass(frozen=True)
class LagEntry:
    """The alignment of audio and video of one source."""

    seconds: float = 0.0
    """The corrected lag; negative: the audio was advanced."""
    source: str = "none"
    """`table`, `measured` or `none`."""
    measured: float | None = None
    """The measured lag, believed or not."""
    correlation: float | None = None
    """Of predicted and seen lip opening at the measured lag."""
    confidence: float | None = None
    """Standard errors by which the measured lag is better than others."""


@dataclass(frozen=True)
class SourceRecord:
    """The outcome of one video."""

    name: str
    """Name of the source."""
    clip_name: str
    """The prefix of its clips' names; also the name of the record's file."""
    fingerprint: str
    """Of the video's content."""
    num_bytes: int
    """Size of the video."""
    modified: int
    """Time stamp of the video in nanoseconds."""
    table_lag: tuple[float, float | None] | None
    """Lag and score that a table gave; another table means another preparation."""
    status: Literal["done", "broken"]
    """`broken`: the video cannot be used at all; it is tried again by the next run."""
    message: str = ""
    """The fault of a broken video."""
    seconds: float = 0.0
    """Length of the video."""
    frame_rate: float = 0.0
    """Frames a second of the video."""
    lag: LagEntry = field(default_factory=LagEntry)
    """The alignment of audio and video."""
    clips: tuple[ClipEntry, ...] = ()
    """The clips cut out of it."""
    dropped: tuple[DroppedEntry, ...] = ()
    """The stretches that are in no clip."""
    remarks: tuple[str, ...] = ()
    """Other remarks, such as that the file breaks off."""
    speaker: str = ""
    """The speaker."""
    split: str = ""
    """`train`, `validation` or `test`."""

    def broken(self, message: str) -> SourceRecord:
        """Return the record of a video that cannot be used."""
        return replace(self, status="broken", message=message)

    def done(self, **outcome: Any) -> SourceRecord:
        """Return the record of a video that was prepared."""
        return replace(self, status="done", **outcome)

    def with_remarks(self, remarks: tuple[str, ...]) -> SourceRecord:
        """Return the record with what else was noticed, each remark once."""
        return replace(self, remarks=tuple(dict.fromkeys(remarks)))

    def placed(self, speaker: str, split: str) -> SourceRecord:
        """Return the record with another speaker and split."""
        return replace(self, speaker=speaker, split=split)

    def manifest_lines(self) -> list[dict[str, Any]]:
        """Return the clips as the manifest lists them."""
        return [
            {
                "clip_id": clip.clip_id,
                "speaker": self.speaker,
                "split": self.split,
                "source": self.name,
                "start": clip.start,
                "num_frames": clip.num_frames,
                "shot": clip.shot,
                "face": clip.face,
                "lag": self.lag.seconds,
                "lag_source": self.lag.source,
                "lag_confidence": self.lag.confidence,
                "quality": clip.quality,
            }
            for clip in self.clips
        ]


def save_record(record: SourceRecord, folder: Path) -> None:
    """Write a record as `<clip_name>.json`."""
    write_whole(folder / f"{record.clip_name}.json", json.dumps(asdict(record), ensure_ascii=False) + "\n")


def load_record(path: Path) -> SourceRecord | None:
    """Read a record; None where it is missing or cannot be read, so that its video is prepared again."""
    try:
        return from_mapping(SourceRecord, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def load_records(folder: Path) -> dict[str, SourceRecord]:
    """Read all records of a folder, by clip name.

    Raises:
        InputError: the folder cannot be read.
    """
    try:
        paths = sorted(folder.glob("[!.]*.json"))
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}") from None
    records = (load_record(path) for path in paths)
    return {record.clip_name: record for record in records if record is not None}
