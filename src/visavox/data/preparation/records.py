"""The record of one video, which makes a preparation resumable and its report complete."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from visavox.constants import FRAME_RATE
from visavox.data.preparation.stretches import Dropped
from visavox.errors import InputError
from visavox.runtime.files import write_whole


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
    the lip opening), agreement (correlation of lips and sound, -1 to 1), level (dB)."""


@dataclass(frozen=True)
class DroppedEntry:
    """One stretch of a video that is in no clip."""

    start: float
    """Seconds."""
    stop: float
    """Seconds."""
    reason: str
    """Why."""
    value: float | None = None
    """The figure that was too large or too small."""
    face: int | None = None
    """Number of the face; None for the whole picture."""

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
    """Read a record; None where it is missing or cannot be read, so that its video is prepared anew."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        fields["lag"] = LagEntry(**fields["lag"])
        fields["clips"] = tuple(ClipEntry(**clip) for clip in fields["clips"])
        fields["dropped"] = tuple(DroppedEntry(**dropped) for dropped in fields["dropped"])
        fields["remarks"] = tuple(fields["remarks"])
        fields["table_lag"] = None if fields["table_lag"] is None else tuple(fields["table_lag"])
        return SourceRecord(**fields)
    except (OSError, ValueError, KeyError, TypeError):
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
