"""The report of a preparation: how much video was kept, and why the rest was not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from visavox.constants import FRAME_RATE
from visavox.data.preparation.dataset_folder import SourceRecord
from visavox.data.preparation.settings import ClipSettings
from visavox.runtime.tables import text_table

_LONGEST_LIST = 10  # broken videos named in the table; the JSON names all


@dataclass(frozen=True)
class PreparationReport:
    """The outcome of a preparation, over all videos of the data set."""

    dataset: str
    """The folder of the data set."""
    settings: ClipSettings
    """The settings the clips were made with."""
    records: tuple[SourceRecord, ...]
    """The outcome of each video, in the order of their names."""
    num_skipped: int = 0
    """Videos of this run that an earlier one had finished."""
    duplicates: tuple[tuple[str, str], ...] = ()
    """Videos left out, each with the one of the same content that was not."""
    notes: tuple[str, ...] = field(default=())
    """Other remarks for the user."""
    is_complete: bool = True
    """False where the run was interrupted."""

    @property
    def num_clips(self) -> int:
        """Number of clips in the data set."""
        return sum(len(record.clips) for record in self.records)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return {
            "dataset": self.dataset,
            "complete": self.is_complete,
            "totals": self._totals(),
            "splits": self._splits(),
            "dropped": self._dropped(),
            "lags": self._lags(),
            "broken": [{"source": one.name, "message": one.message} for one in self.records if one.status == "broken"],
            "duplicates": [{"source": name, "same_as": twin} for name, twin in self.duplicates],
            "notes": list(self.notes),
            "settings": self.settings.as_dict(),
            "sources": [_source_entry(record) for record in self.records],
        }

    def table(self) -> str:
        """Return the report as text for people."""
        totals = self._totals()
        lines = [
            f"{self.dataset}: {totals['clips']} clips, {_duration(totals['clip_seconds'])} of "
            f"{_duration(totals['seconds'])} in {totals['sources']} videos"
            + (f" ({self.num_skipped} prepared before)" if self.num_skipped else "")
            + ("" if self.is_complete else "; interrupted: the same command goes on from here"),
        ]
        splits = self._splits()
        rows = [
            (name, *(str(one[key]) for key in ("speakers", "clips")), _duration(one["seconds"]))
            for name, one in splits.items()
        ]
        lines += ["", text_table([("split", "speakers", "clips", "length"), *rows])] if rows else []
        dropped = self._dropped()
        rows = [
            (name, str(one["stretches"]), str(one["sources"]), _duration(one["seconds"]))
            for name, one in dropped.items()
        ]
        lines += ["", text_table([("dropped because", "stretches", "videos", "length"), *rows])] if rows else []
        lags = self._lags()
        lines += [
            "",
            f"sound against picture: {lags['table']} videos corrected from the table, {lags['measured']} measured "
            f"({lags['measured_moved']} of them moved), {lags['none']} left as they are",
        ]
        broken = [record for record in self.records if record.status == "broken"]
        lines += ["", f"{len(broken)} videos could not be used:"] if broken else []
        lines += [f"  {record.name}: {record.message}" for record in broken[:_LONGEST_LIST]]
        lines += [f"  ... and {len(broken) - _LONGEST_LIST} more"] if len(broken) > _LONGEST_LIST else []
        lines += [f"{len(self.duplicates)} videos left out as copies of others"] if self.duplicates else []
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)

    def _totals(self) -> dict[str, Any]:
        return {
            "sources": len(self.records),
            "skipped": self.num_skipped,
            "broken": sum(record.status == "broken" for record in self.records),
            "seconds": round(sum(record.seconds for record in self.records), 2),
            "clips": self.num_clips,
            "clip_seconds": round(_clip_seconds(self.records), 2),
        }

    def _splits(self) -> dict[str, dict[str, Any]]:
        names = ("train", "validation", "test")
        by_split = {name: [one for one in self.records if one.split == name and one.clips] for name in names}
        return {
            name: {
                "speakers": len({record.speaker for record in records}),
                "clips": sum(len(record.clips) for record in records),
                "seconds": round(_clip_seconds(records), 2),
            }
            for name, records in by_split.items()
            if records
        }

    def _dropped(self) -> dict[str, dict[str, Any]]:
        """Sum up by reason, the longest first."""
        sums: dict[str, dict[str, Any]] = defaultdict(lambda: {"stretches": 0, "sources": 0, "seconds": 0.0})
        for record in self.records:
            for reason in {dropped.reason for dropped in record.dropped}:
                sums[reason]["sources"] += 1
            for dropped in record.dropped:
                sums[dropped.reason]["stretches"] += 1
                sums[dropped.reason]["seconds"] += dropped.stop - dropped.start
        ordered = sorted(sums.items(), key=lambda item: (-item[1]["seconds"], item[0]))
        return {name: one | {"seconds": round(one["seconds"], 2)} for name, one in ordered}

    def _lags(self) -> dict[str, int]:
        used = [record for record in self.records if record.clips]
        return {
            "table": sum(record.lag.source == "table" for record in used),
            "measured": sum(record.lag.source == "measured" for record in used),
            "measured_moved": sum(record.lag.source == "measured" and record.lag.seconds != 0 for record in used),
            "none": sum(record.lag.source == "none" for record in used),
        }


def _source_entry(record: SourceRecord) -> dict[str, Any]:
    return {
        "source": record.name,
        "status": record.status,
        "speaker": record.speaker,
        "split": record.split,
        "seconds": record.seconds,
        "frame_rate": round(record.frame_rate, 3),
        "lag": {
            "applied": record.lag.seconds,
            "source": record.lag.source,
            "table": record.table_lag and list(record.table_lag),
            "measured": record.lag.measured,
            "correlation": record.lag.correlation,
            "confidence": record.lag.confidence,
        },
        "clips": [clip.clip_id for clip in record.clips],
        "dropped": [
            {"start": one.start, "stop": one.stop, "reason": one.reason, "value": one.value, "face": one.face}
            for one in record.dropped
        ],
        "remarks": list(record.remarks),
    }


def _clip_seconds(records: Iterable[SourceRecord]) -> float:
    return sum(clip.num_frames for record in records for clip in record.clips) / FRAME_RATE


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
