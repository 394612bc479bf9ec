"""The seconds of one person's footage divided into those to learn from, to choose by, and to measure on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np

from visavox.audio.features.mel import MEL_FRAMES_PER_SECOND
from visavox.constants import FRAME_RATE, SAMPLES_PER_FRAME
from visavox.data.generator.clip_file import ClipFile
from visavox.data.generator.clip_store import ClipStore, StoredClip
from visavox.errors import InputError

GRID = 5
"""Pieces begin at multiples of so many frames, which are whole numbers of mel frames (16)."""
LONGEST_PIECE = 100
"""Frames of a piece: four seconds, enough for a correlation to mean something."""
SHORTEST_PIECE = 15
"""Frames; what is shorter is not used."""
PIECES_OF_GROUP = 8
"""With fewer pieces than this one piece is measured on, else two of each group."""
MOST_GROUPS = 4
"""Places of the footage from which pieces are held out."""


class Use(StrEnum):
    """What a piece is used for."""

    TRAINING = "training"
    VALIDATION = "validation"
    HELD_OUT = "held out"


@dataclass(frozen=True)
class Piece:
    """Consecutive frames of one clip."""

    clip: int
    """Number of the clip."""
    first: int
    """First frame."""
    stop: int
    """Behind the last frame."""
    use: Use = Use.TRAINING
    """What it is used for."""

    @property
    def num_frames(self) -> int:
        """Number of frames."""
        return self.stop - self.first


def divide(lengths: list[int], mel_window: int) -> list[Piece]:
    """Divide clips, in time.

    The footage is cut into pieces of about four seconds, and these into up to four groups in the order of the
    footage. The end of each group is held out: last what is measured on, before it a piece to choose the best state
    by. Training pieces keep so far away from both that no training window hears what a held-out window hears.

    Args:
        lengths: frames of each clip, in the order of the footage.
        mel_window: mel frames that the network hears for one frame.

    Returns:
        The pieces of all three uses; neighbouring training pieces are one.

    Raises:
        InputError: there is too little for all three.
    """
    pieces = _cut(lengths)
    uses = _uses(len(pieces))
    if len(pieces) < 3:
        raise InputError(_too_little(lengths))
    gap = GRID * -(-mel_window * FRAME_RATE // (MEL_FRAMES_PER_SECOND * GRID))
    placed = [Piece(piece.clip, piece.first, piece.stop, use) for piece, use in zip(pieces, uses, strict=True)]
    apart = [piece for piece in placed if piece.use != Use.TRAINING]
    training = [_kept_away(run, apart, gap) for run in _joined([p for p in placed if p.use == Use.TRAINING])]
    training = [piece for piece in training if piece.num_frames >= SHORTEST_PIECE]
    if not training:
        raise InputError(_too_little(lengths))
    return sorted([*training, *apart], key=lambda piece: (piece.clip, piece.first))


def store_of(clips: list[StoredClip], pieces: list[Piece], use: Use) -> ClipStore:
    """Cut the pieces of one use out of clips."""
    return ClipStore([cut_clip(clips[piece.clip], piece.first, piece.stop) for piece in pieces if piece.use == use])


def cut_clip(stored: StoredClip, first: int, stop: int) -> StoredClip:
    """Cut frames out of a clip; its motion stays described against the mean of the whole clip.

    Args:
        stored: the clip.
        first: first frame, a multiple of 5.
        stop: behind the last frame.
    """
    clip = stored.clip
    part = ClipFile(
        clip.jpegs[first:stop],
        clip.landmarks[first:stop],
        clip.audio[first * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME],
        clip.rotations[first:stop],
        clip.spec,
        clip.displacements[first:stop],
        clip.confidence[first:stop],
    )
    begin, end = (frame * MEL_FRAMES_PER_SECOND // FRAME_RATE for frame in (first, stop))
    mel = stored.mel[:, begin : end + 1]
    features = None if stored.features is None else stored.features.cut(first, stop)
    return StoredClip(f"{stored.clip_id}@{first}", stored.speaker, part, mel, stored.motion[first:stop], features)


def _cut(lengths: list[int]) -> list[Piece]:
    """Cut clips evenly into pieces; where there are few of them, into shorter ones."""
    longest = max(SHORTEST_PIECE, min(LONGEST_PIECE, sum(lengths) // 5 // GRID * GRID))
    pieces = []
    for clip, length in enumerate(lengths):
        count = max(1, min(round(length / longest), length // SHORTEST_PIECE))
        borders = [GRID * round(length * number / count / GRID) for number in range(count)] + [length]
        pieces += [Piece(clip, first, stop) for first, stop in pairwise(borders)]
    return [piece for piece in pieces if piece.num_frames >= SHORTEST_PIECE]


def _uses(count: int) -> list[Use]:
    groups = max(1, min(MOST_GROUPS, count // PIECES_OF_GROUP))
    measured = 2 if count >= PIECES_OF_GROUP else 1
    uses: list[Use] = []
    for group in np.array_split(np.arange(count), groups):
        learned = len(group) - measured - 1
        uses += [Use.TRAINING] * learned + [Use.VALIDATION] + [Use.HELD_OUT] * measured
    return uses


def _joined(pieces: list[Piece]) -> list[Piece]:
    runs: list[Piece] = []
    for piece in pieces:
        if runs and runs[-1].clip == piece.clip and runs[-1].stop == piece.first:
            runs[-1] = Piece(piece.clip, runs[-1].first, piece.stop)
        else:
            runs.append(piece)
    return runs


def _kept_away(run: Piece, apart: list[Piece], gap: int) -> Piece:
    """Shorten a training piece where its neighbour in the clip is held out."""
    first, stop = run.first, run.stop
    for other in apart:
        if other.clip == run.clip and other.stop == run.first:
            first += gap
        if other.clip == run.clip and other.first == run.stop:
            stop -= gap
    return Piece(run.clip, first, max(first, stop))


def _too_little(lengths: list[int]) -> str:
    return (
        f"{sum(lengths) / FRAME_RATE:.1f} s of usable speech are too little to learn from and to hold seconds out of; "
        "give more footage of the person."
    )
