"""From videos of a person to what is learned from, what is chosen by, and what is measured on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from visavox.adaptation.checks import Job
from visavox.adaptation.division import Piece, Use, divide, store_of
from visavox.adaptation.held_out import Stretch
from visavox.audio.features.mel import MEL_FRAMES_PER_SECOND
from visavox.constants import FRAME_RATE
from visavox.data.generator.clip_store import ClipStore, load_store, read_manifest
from visavox.data.preparation.job import PrepareSettings, prepare
from visavox.data.preparation.report import PreparationReport
from visavox.data.preparation.settings import ClipSettings
from visavox.data.preparation.sources import find_sources
from visavox.data.preparation.splits import SplitSettings
from visavox.errors import InputError
from visavox.models.generator.motion_basis import MotionBasis
from visavox.models.generator.spec import AudioSpec
from visavox.progress import Progress

STORED_SHARE = 1.5
"""Side of a stored crop, in sides of what the network sees: a margin, and then some so that pictures stay sharp."""


@dataclass(frozen=True)
class Footage:
    """Prepared and divided footage of one person."""

    dataset: Path
    """The prepared data set."""
    train: ClipStore
    """What is learned from."""
    validation: ClipStore
    """What the best state is chosen by."""
    held_out: tuple[Stretch, ...]
    """What is measured on."""
    basis: MotionBasis | None
    """Basis in which mouths are described; None for a network without a speech branch."""
    notes: tuple[str, ...]
    """What a user should know of the footage."""

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of each use."""
        frames = {
            Use.TRAINING: sum(stored.clip.num_frames for stored in self.train.clips),
            Use.VALIDATION: sum(stored.clip.num_frames for stored in self.validation.clips),
            Use.HELD_OUT: sum(stretch.num_frames for stretch in self.held_out),
        }
        return {str(use): count / FRAME_RATE for use, count in frames.items()}


def gather(job: Job, folder: Path, progress: Progress) -> Footage:
    """Prepare the videos of a job in a folder, or go on with that, and divide what came out.

    Raises:
        InputError: there is too little usable speech in them.
    """
    spec = job.start.spec
    assert spec is not None, "`check` sees to it"
    resolution = spec.crop.size
    settings = PrepareSettings(
        clips=ClipSettings(size=max(ClipSettings().size, round(STORED_SHARE * resolution))),
        split=SplitSettings(rule="train"),
        layout="flat",
        workers=0 if len(job.sources) == 1 else None,
    )
    report = prepare([source.path for source in job.sources], folder, settings, progress=progress)
    usable = sum(clip.num_frames for record in report.records for clip in record.clips) / FRAME_RATE
    if usable < job.settings.minimum_seconds:
        raise InputError(_not_enough(report, usable, job.settings.minimum_seconds))
    store = load_store(folder, "train", progress=progress)
    if job.basis is not None:
        store.apply_basis(job.basis)
    if spec.audio is not None:
        store.apply_audio(spec.audio)
    pieces = divide([stored.clip.num_frames for stored in store.clips], _mel_frames(spec.audio))
    return Footage(
        dataset=folder,
        train=store_of(store.clips, pieces, Use.TRAINING),
        validation=store_of(store.clips, pieces, Use.VALIDATION),
        held_out=tuple(_stretches(job, folder, store, pieces)),
        basis=job.basis,
        notes=tuple(_notes(report)),
    )


def _stretches(job: Job, folder: Path, store: ClipStore, pieces: list[Piece]) -> list[Stretch]:
    """Find where in the videos the held-out pieces are."""
    # Named as `prepare` names them, which is given the videos and not the folders that they were found in.
    videos = find_sources([source.path for source in job.sources], "flat").sources
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
    told = report.as_dict()
    dropped = [f"{one['seconds']:.1f} s {reason}" for reason, one in list(told["dropped"].items())[:3]]
    dropped += [f"{one['source']}: {one['message']}" for one in told["broken"][:1]]
    why = f" (not used: {'; '.join(dropped)})" if dropped else ""
    return (
        f"{usable:.1f} s of the footage show one face that speaks{why}; give footage with {minimum:g} s or more, and "
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
            f"the sound of {len(moved)} of {len(used)} videos was moved to its picture; the furthest came "
            f"{abs(largest) * 1000:.0f} ms too {late}"
        )
    unsure = [record for record in used if record.lag.source == "none"]
    if unsure:
        notes.append(
            f"in {len(unsure)} of {len(used)} videos it could not be told whether sound and picture are in step; they "
            "were left as they are"
        )
    broken = [record for record in report.records if record.status == "broken"]
    if broken:
        notes.append(f"{len(broken)} videos could not be used, such as {broken[0].name}: {broken[0].message}")
    return notes
