"""One clip by one model (or by nobody): dubbed with its own sound and with another's, measured, and remembered."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import visavox
from benchmarks.backwards_job import Material, dub_clip, make_material
from benchmarks.clips import Clip
from visavox.dubbing import Dubber
from visavox.evaluation.evaluation import EvaluationSettings, evaluate
from visavox.evaluation.expert_sync import LoadedExpert, load_expert
from visavox.evaluation.lip_sync_error import load_syncnet
from visavox.evaluation.report import Report
from visavox.evaluation.stored_report import read_report
from visavox.evaluation.track_cache import TrackCache
from visavox.models.sync.syncnet import SyncNet
from visavox.runtime.files import sha256_of, write_whole
from visavox.weights.registry import find_model

Kind = Literal["same", "cross"]
"""Whose sound: the clip's own, or another's."""

MOUTH_LEFT = "mouth as it was"
TRUE_FRAMES = "true frames"


@dataclass(frozen=True)
class Subject:
    """Who is measured: a model, or one of the two that dub nothing."""

    name: str
    """As the table calls it."""
    digest: str
    """SHA-256 of the weights; the name where there are none."""
    model: Path | None = None
    """The weights."""

    @cached_property
    def dubber(self) -> Dubber:
        """The network, loaded when the first clip is dubbed."""
        assert self.model is not None, "only a model dubs"
        return Dubber(self.model)

    @property
    def folder(self) -> str:
        """Name for what is kept of it: that of its weights, not of their file."""
        return self.digest[:16] if self.model else self.digest.replace(" ", "-")


BASELINES = (Subject(MOUTH_LEFT, MOUTH_LEFT), Subject(TRUE_FRAMES, TRUE_FRAMES))
"""The backward video with nothing painted, and the recording itself."""


def model_subject(name: str) -> Subject:
    """Describe a model.

    Raises:
        InputError: there is no such model.
    """
    path = find_model(name)
    return Subject(path.stem, sha256_of(path), path)


@dataclass(frozen=True)
class Bench:
    """What all measurements share."""

    work: Path
    """Keeps videos, sounds, landmarks and figures."""
    expert: str | None
    """Name or file of an expert; None leaves its figures out."""
    sync_model: str | None = None
    """Converted file of the published SyncNet; None leaves its figures out."""

    @cached_property
    def tracks(self) -> TrackCache:
        """Where landmarks are kept."""
        return TrackCache(self.work / "tracks")

    @cached_property
    def judge(self) -> LoadedExpert | None:
        """The expert, loaded when it is first asked."""
        return None if self.expert is None else load_expert(self.expert)

    @cached_property
    def syncnet(self) -> SyncNet | None:
        """The published SyncNet, loaded when it is first asked."""
        return None if self.sync_model is None else load_syncnet(self.sync_model)

    @cached_property
    def digests(self) -> dict[str, str]:
        """SHA-256 of the networks that judge, by their names."""
        given = {"expert": self.expert, "SyncNet": self.sync_model}
        return {name: sha256_of(find_model(file)) for name, file in given.items() if file is not None}

    def video(self, subject: Subject, clip: Clip, kind: Kind) -> Path:
        """Where the video that is measured lies."""
        if subject.name == TRUE_FRAMES:
            return clip.path
        if subject.name == MOUTH_LEFT:
            return self.work / "backwards" / f"{clip.name}.mp4"
        return self.work / "models" / subject.folder / kind / f"{clip.name}.mp4"


def measure(bench: Bench, subject: Subject, clip: Clip, other: Clip) -> dict[Kind, Report]:
    """Dub and measure one clip, or remember having done so.

    Args:
        bench: what all measurements share.
        subject: who dubs.
        clip: the recording, whose picture is dubbed backwards.
        other: whose sound is the foreign one.
    """
    file = bench.work / "figures" / subject.folder / f"{clip.name}.json"
    identity = _identity(bench, subject, clip, other)
    known = _load(file, identity)
    if known is not None and all(bench.video(subject, clip, kind).is_file() for kind in known):
        return known
    material = make_material(clip, other, bench.work, bench.tracks)
    assert material.other_sound is not None, "the other clip was given"
    if subject.model is not None:
        sounds: dict[Kind, Path] = {"same": material.sound, "cross": material.other_sound}
        for kind, sound in sounds.items():
            dub_clip(subject.dubber, material.backwards, sound, bench.video(subject, clip, kind), {}, bench.tracks)
    foreign = _evaluate(bench, subject, clip, material, "cross")
    reports: dict[Kind, Report] = {
        "same": _evaluate(bench, subject, clip, material, "same"),
        "cross": _with_mouth_of(other, bench, bench.video(subject, clip, "cross"), material, foreign),
    }
    values = {kind: report.to_dict(curves=True) for kind, report in reports.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps({"identity": identity, "reports": values}) + "\n")
    return {kind: read_report(value) for kind, value in values.items()}  # the very figures that the next run reads


def _evaluate(bench: Bench, subject: Subject, clip: Clip, material: Material, kind: Kind) -> Report:
    """Compare with the clip's own recording, in which the mouth says the same words only if the sound is its own."""
    return evaluate(
        bench.video(subject, clip, kind),
        clip.path,
        audio=material.sound if kind == "same" else material.other_sound,
        true_audio=material.sound,
        source=clip.path if subject.name == TRUE_FRAMES else material.backwards,
        expert=bench.judge,
        sync_model=bench.syncnet,
        settings=EvaluationSettings(codec_loss=subject.model is not None),
        tracks=bench.tracks,
    )


def _with_mouth_of(other: Clip, bench: Bench, video: Path, material: Material, report: Report) -> Report:
    """Compare opening and width with the recording whose sound it is, though another face speaks there."""
    mouth = evaluate(
        video, other.path, audio=material.other_sound, settings=EvaluationSettings(pictures=False), tracks=bench.tracks
    )
    return replace(
        report,
        opening=mouth.opening,
        width=mouth.width,
        curves=mouth.curves,
        silence=mouth.silence,
        landmark_distance=math.nan,
        psnr=math.nan,
        ssim=math.nan,
    )


def _identity(bench: Bench, subject: Subject, clip: Clip, other: Clip) -> str:
    """Hash what the figures depend on."""
    files = [
        (each.name, each.path.stat().st_size, each.path.stat().st_mtime_ns, each.audio_lag) for each in (clip, other)
    ]
    told: tuple[Any, ...] = (visavox.__version__, subject.digest, sorted(bench.digests.items()), files)
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _load(file: Path, identity: str) -> dict[Kind, Report] | None:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        if stored["identity"] != identity:
            return None
        return {kind: read_report(stored["reports"][kind]) for kind in ("same", "cross")}
    except (OSError, ValueError, KeyError):
        return None
