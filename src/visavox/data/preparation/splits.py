"""Division into training and validation: whole speakers, by name or by a draw that never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from visavox.data.preparation.sources import Split
from visavox.errors import InputError
from visavox.runtime.ranges import Range, check_ranges

SplitRule = Literal["auto", "speaker", "train", "validation"]


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
