"""Settings of the preparation: everything that decides what is in a clip."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from visavox.data.preparation.sources import Split
from visavox.errors import InputError
from visavox.runtime.ranges import Range, check_ranges

FORMAT_VERSION = 2
"""Grows when the same settings begin to give other clips."""
SplitRule = Literal["auto", "speaker", "train", "validation"]


@dataclass(frozen=True)
class QualitySettings:
    """Limits of quality that a clip must meet to be kept."""

    minimum_face: float = 64.0
    """Least size of the face, in pixels of the video: the longer side of the box around its landmarks."""
    maximum_yaw: float = 45.0
    """Degrees to either side."""
    maximum_pitch: float = 35.0
    """Degrees up or down."""
    maximum_blur: float = 0.65
    """Most blur of the face, 0 sharp to 1: sharp video has 0.35-0.5, broadcast under 0.6, a face of 48 pixels 0.68."""
    maximum_lost: float = 0.1
    """Most frames, as a share, in which the tracker lost the face for a moment."""
    maximum_covered: float = 0.4
    """Largest share of the mouth's surroundings that may look unlike the rest of the clip, as behind a hand."""
    minimum_motion: float = 0.004
    """Least standard deviation of the lip opening, in distances between the eyes: listeners do not speak."""
    minimum_level: float = -60.0
    """Least loudness of the loudest moments, in dB of full scale."""
    minimum_seconds: Annotated[float, Range(minimum=0.2, unit="s", lowest="five frames", name="the shortest clip")] = (
        1.0
    )
    """Shortest clip."""
    maximum_seconds: float = 30.0
    """Longest clip; longer ones are divided evenly."""
    minimum_frame_rate: float = 20.0
    """Least frames a second of the video: with fewer, mouths stand still between them."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)
        if self.maximum_seconds < 2 * self.minimum_seconds:
            raise InputError(
                f"the longest clip is {self.maximum_seconds:g} s and the shortest {self.minimum_seconds:g} s; the "
                "longest must be at least twice the shortest, so that dividing never makes too short a clip"
            )


@dataclass(frozen=True)
class LagSettings:
    """Settings of the alignment of audio and video."""

    measure: bool = True
    """Measure where no table tells; what is not clear stays as it is."""
    minimum_table_score: float = 0.35
    """Least `av_best` of a row for its lag to be believed; rows without one are."""
    minimum_confidence: float = 1.4
    """Least confidence of a measured lag, in standard errors by which it is better than any other: 98 % of such
    measurements on 3 s of speech were right to one frame."""
    smallest: float = 0.05
    """Measured lags up to this are not corrected: they are as likely the error of the measurement. Seconds."""
    largest: float = 0.6
    """Lags are measured up to this, in seconds."""


@dataclass(frozen=True)
class ClipSettings:
    """Settings that decide the content of clips; a data set has one set of these."""

    size: Annotated[int, Range(32, 1024, unit="pixels", name="the size of the crops")] = 192
    """Side of the stored crops in pixels. Networks see the middle 4/5 of it: 192 serves them up to 154 pixels."""
    max_faces: Annotated[int, Range(minimum=1)] = 3
    """Most faces followed at a time. Of faces seen together only one makes a clip: the largest, or the one whose
    lips clearly follow the audio."""
    quality: QualitySettings = field(default_factory=QualitySettings)
    """Limits of quality that a clip must meet to be kept."""
    lag: LagSettings = field(default_factory=LagSettings)
    """Settings of the alignment of audio and video."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)

    def as_dict(self) -> dict[str, Any]:
        """Return all settings with the version of the format."""
        return {"version": FORMAT_VERSION, **asdict(self)}

    @property
    def digest(self) -> str:
        """16 hex digits that change with any setting."""
        text = json.dumps(self.as_dict(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def describe_difference(before: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[str]:
    """Name the settings that differ, each as `name: before -> now`."""
    lines: list[str] = []
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += describe_difference(old, new, f"{prefix}{name}.")
        elif old != new:
            lines.append(f"{prefix}{name}: {old} -> {new}")
    return lines


@dataclass(frozen=True)
class SplitSettings:
    """Settings of the division of clips into those to train on and those to validate with."""

    rule: SplitRule = "auto"
    """`auto`: the corpus's own parts where its layout has them, speakers elsewhere; `speaker`: always by speaker;
    `train` or `validation`: all videos of this run."""
    share: Annotated[float, Range(minimum=0, below=1, name="the validation share")] = 0.1
    """Share of the speakers that are kept for validation."""
    speakers: tuple[str, ...] = ()
    """Names of the validation speakers, in place of the draw."""
    seed: int = 0
    """Another number draws other speakers."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)


def speaker_rank(speaker: str, seed: int) -> float:
    """Return where in [0, 1) the draw puts a speaker; it depends on nothing but name and seed."""
    digest = hashlib.blake2b(f"{seed}/{speaker}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def validation_speakers(speakers: Iterable[str], settings: SplitSettings) -> set[str]:
    """Choose the speakers that are kept for validation.

    The draw keeps a speaker whose rank is below the share, so adding videos later moves nobody. Where that keeps
    none of two or more speakers, the one with the lowest rank is kept.

    Raises:
        InputError: a speaker named for validation is not among them.
    """
    names = set(speakers)
    if settings.speakers:
        unknown = sorted(set(settings.speakers) - names)
        if unknown:
            known = ", ".join(sorted(names)[:12]) + (" ..." if len(names) > 12 else "")
            raise InputError(f"no video has the speaker {', '.join(unknown)} named for validation; there are: {known}")
        return set(settings.speakers)
    kept = {name for name in names if speaker_rank(name, settings.seed) < settings.share}
    if not kept and settings.share > 0 and len(names) > 1:
        kept = {min(names, key=lambda name: speaker_rank(name, settings.seed))}
    return kept


def split_of(speaker: str, layout_split: Split | None, held_out: set[str], settings: SplitSettings) -> Split:
    """Return the split of one video, given what its layout says and the validation speakers."""
    if settings.rule == "train" or settings.rule == "validation":
        return settings.rule
    if settings.rule == "auto" and layout_split is not None and not settings.speakers:
        return layout_split
    return "validation" if speaker in held_out else "train"
