"""The videos of a person as clips: to learn from, to choose the best state by, and to measure on.

videos ──► prepare ──► clips ──► divided in time ──► training | validation | held out
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from visavox.adaptation.checks import AdaptRequest
from visavox.adaptation.held_out import Stretch
from visavox.audio.features import MEL_FRAMES_PER_SECOND
from visavox.constants import FRAME_RATE, SAMPLES_PER_FRAME
from visavox.data.generator import ClipFile, ClipStore, StoredClip, load_store, read_manifest
from visavox.data.preparation import (
    ClipSettings,
    PreparationReport,
    PrepareSettings,
    SplitSettings,
    find_sources,
    prepare,
)
from visavox.errors import InputError
from visavox.models.generator import AudioSpec, MotionBasis
from visavox.progress import Progress

STORED_SHARE = 1.5
"""Side of a stored crop, in sides of what the network sees: a margin, and then some so that frames stay sharp."""


@dataclass(frozen=True)
class PersonClips:
    """Prepared and divided clips of one person."""

    dataset: Path
    """The prepared data set."""
    train: ClipStore
    """Clips to learn from."""
    validation: ClipStore
    """Clips by which the best state is selected."""
    held_out: tuple[Stretch, ...]
    """Stretches to measure on."""
    basis: MotionBasis | None
    """Basis in which mouths are described; None for a network without a speech branch."""
    notes: tuple[str, ...]
    """Notes for the user about the videos."""

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of each use."""
        frames = {
            Use.TRAINING: sum(stored.clip.num_frames for stored in self.train.clips),
            Use.VALIDATION: sum(stored.clip.num_frames for stored in self.validation.clips),
            Use.HELD_OUT: sum(stretch.num_frames for stretch in self.held_out),
        }
        return {str(use): count / FRAME_RATE for use, count in frames.items()}


def prepare_clips(request: AdaptRequest, folder: Path, progress: Progress) -> PersonClips:
    """Prepare the videos of a request in a folder, or go on with that, and divide what came out.

    Raises:
        InputError: there is too little usable speech in them.
    """
    spec = request.start.spec
    assert spec is not None, "`check` sees to it"
    resolution = spec.crop.size
    settings = PrepareSettings(
        clips=ClipSettings(size=max(ClipSettings().size, round(STORED_SHARE * resolution))),
        split=SplitSettings(rule="train"),
        layout="flat",
        workers=0 if len(request.sources) == 1 else None,
    )
    report = prepare([source.path for source in request.sources], folder, settings, progress=progress)
    usable = sum(clip.num_frames for record in report.records for clip in record.clips) / FRAME_RATE
    if usable < request.settings.minimum_seconds:
        raise InputError(_not_enough(report, usable, request.settings.minimum_seconds))
    store = load_store(folder, "train", progress=progress)
    if request.basis is not None:
        store.apply_basis(request.basis)
    if spec.audio is not None:
        store.apply_audio(spec.audio, folder, progress=progress)
    pieces = divide([stored.clip.num_frames for stored in store.clips], _mel_frames(spec.audio))
    return PersonClips(
        dataset=folder,
        train=store_of(store.clips, pieces, Use.TRAINING),
        validation=store_of(store.clips, pieces, Use.VALIDATION),
        held_out=tuple(_stretches(request, folder, store, pieces)),
        basis=request.basis,
        notes=tuple(_notes(report)),
    )


def _stretches(request: AdaptRequest, folder: Path, store: ClipStore, pieces: list[Piece]) -> list[Stretch]:
    """Find where in the videos the held-out pieces are."""
    # Named as `prepare` names them, which is given the videos and not the folders that they were found in.
    videos = find_sources([source.path for source in request.sources], "flat").sources
    paths = {source.name: Path(source.path) for source in videos}
    entries = {entry["clip_id"]: entry for entry in read_manifest(folder)}
    stretches = []
    for piece in pieces:
        if piece.use == Use.HELD_OUT:
            entry = entries[store.clips[piece.clip].clip_id]
            begin = Fraction(round(entry["start"] * FRAME_RATE) + piece.first, FRAME_RATE)
            lag = Fraction(entry["lag"]).limit_denominator(10_000)
            stretches.append(Stretch(paths[entry["source"]], begin, piece.num_frames, lag))
    return stretches


def _mel_frames(audio: AudioSpec | None) -> int:
    """Return how long the audio window of one frame is, in mel frames of 80 a second."""
    return 0 if audio is None else math.ceil(audio.window * MEL_FRAMES_PER_SECOND / audio.rate)


def _not_enough(report: PreparationReport, usable: float, minimum: float) -> str:
    described = report.as_dict()
    dropped = [f"{one['seconds']:.1f} s {reason}" for reason, one in list(described["dropped"].items())[:3]]
    dropped += [f"{one['source']}: {one['message']}" for one in described["broken"][:1]]
    why = f" (not used: {'; '.join(dropped)})" if dropped else ""
    return (
        f"{usable:.1f} s of the videos show one face that speaks{why}; give video with {minimum:g} s or more, and "
        "better some minutes"
    )


def _notes(report: PreparationReport) -> list[str]:
    used = [record for record in report.records if record.clips]
    moved = [record.lag.seconds for record in used if record.lag.seconds]
    notes = []
    if moved:
        largest = max(moved, key=abs)
        late = "late" if largest < 0 else "early"
        notes.append(
            f"the audio of {len(moved)} of {len(used)} videos was moved to its frames; the furthest came "
            f"{abs(largest) * 1000:.0f} ms too {late}"
        )
    unsure = [record for record in used if record.lag.source == "none"]
    if unsure:
        notes.append(
            f"in {len(unsure)} of {len(used)} videos it could not be measured whether audio and frames are in step; "
            "they were left as they are"
        )
    broken = [record for record in report.records if record.status == "broken"]
    if broken:
        notes.append(f"{len(broken)} videos could not be used, such as {broken[0].name}: {broken[0].message}")
    return notes


GRID = 5
"""Pieces begin at multiples of so many frames, which are whole numbers of mel frames (16)."""
LONGEST_PIECE = 100
"""Frames of a piece: four seconds, enough for a correlation to mean something."""
SHORTEST_PIECE = 15
"""Frames; what is shorter is not used."""
PIECES_OF_GROUP = 8
"""With fewer pieces than this one piece is measured on, else two of each group."""
MOST_GROUPS = 4
"""Places of the videos from which pieces are held out."""


class Use(StrEnum):
    """The use of a piece."""

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
    """Its use."""

    @property
    def num_frames(self) -> int:
        """Number of frames."""
        return self.stop - self.first


def divide(lengths: list[int], mel_window: int) -> list[Piece]:
    """Divide clips, in time.

    The clips are cut into pieces of about four seconds, and these into up to four groups in the order of the
    videos. The end of each group is held out: last what is measured on, before it a piece to choose the best state
    by. Training pieces keep so far away from both that no training window takes in what a held-out window takes in.

    Args:
        lengths: frames of each clip, in the order of the videos.
        mel_window: mel frames that the network takes for one frame.

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
        "give more video of the person"
    )
