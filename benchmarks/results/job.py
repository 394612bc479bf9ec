"""One clip by one model (or by nobody): dubbed with its own audio and with another's, measured, and remembered."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import visavox
from benchmarks.backwards.job import Material, dub_clip, make_material
from benchmarks.clips import Clip
from visavox.dubbing import Dubber
from visavox.evaluation.job import EvaluationSettings, evaluate_pair
from visavox.evaluation.pairs import EvaluationPair
from visavox.evaluation.protocol.summary import same_words_names
from visavox.evaluation.report import Report, read_report
from visavox.evaluation.videos import TrackCache
from visavox.metrics import Metric, choose_metrics
from visavox.metrics.expert_sync import ExpertSyncOptions
from visavox.metrics.lip_sync_error import LipSyncErrorOptions
from visavox.metrics.outside import OutsideOptions
from visavox.runtime.files import sha256_of, write_whole
from visavox.weights import find_model

Kind = Literal["same", "cross"]
"""Whose audio: the clip's own, or another's."""

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
"""The backward video with nothing repainted, and the recording itself."""


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
    """Keeps videos, audio, landmarks and values."""
    expert: str | None
    """Name or file of an expert; None leaves its values out."""
    sync_model: str | None = None
    """Converted file of the published SyncNet; None leaves its values out."""

    @cached_property
    def tracks(self) -> TrackCache:
        """Where landmarks are kept."""
        return TrackCache(self.work / "tracks")

    @cached_property
    def metrics(self) -> dict[str, dict[str, Metric]]:
        """Metrics of videos that were dubbed, of those that were not, and of the mouth alone."""
        sync = {
            "expert_sync": ExpertSyncOptions(expert=self.expert),
            "lip_sync_error": LipSyncErrorOptions(sync_model=self.sync_model),
        }
        return {
            "dubbed": choose_metrics(options=sync),
            "not dubbed": choose_metrics(options={**sync, "outside": OutsideOptions(without_codec=True)}),
            "mouth": choose_metrics(("lip_motion", "silence")),
        }

    def evaluate(self, metrics: str, files: EvaluationPair) -> Report:
        """Measure a video."""
        return evaluate_pair(files, self.metrics[metrics], EvaluationSettings(cache=self.tracks.folder))

    @cached_property
    def digests(self) -> dict[str, str]:
        """SHA-256 of the networks of sync, by their names."""
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
        clip: the recording, which is dubbed backwards.
        other: whose audio is the foreign one.
    """
    file = bench.work / "figures" / subject.folder / f"{clip.name}.json"
    identity = _identity(bench, subject, clip, other)
    known = _load(file, identity)
    if known is not None and all(bench.video(subject, clip, kind).is_file() for kind in known):
        return known
    material = make_material(clip, other, bench.work, bench.tracks)
    assert material.other_audio is not None, "the other clip was given"
    if subject.model is not None:
        audio_files: dict[Kind, Path] = {"same": material.audio, "cross": material.other_audio}
        for kind, audio in audio_files.items():
            dub_clip(subject.dubber, material.backwards, audio, bench.video(subject, clip, kind), {}, bench.tracks)
    foreign = _evaluate(bench, subject, clip, material, "cross")
    reports: dict[Kind, Report] = {
        "same": _evaluate(bench, subject, clip, material, "same"),
        "cross": _with_mouth_of(other, bench, bench.video(subject, clip, "cross"), material, foreign),
    }
    values = {kind: report.to_dict(curves=True) for kind, report in reports.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps({"identity": identity, "reports": values}) + "\n")
    return {kind: read_report(value) for kind, value in values.items()}  # the very values that the next run reads


def _evaluate(bench: Bench, subject: Subject, clip: Clip, material: Material, kind: Kind) -> Report:
    """Compare with the clip's own recording, in which the mouth says the same words only if the audio is its own."""
    assert material.other_audio is not None, "the other clip was given"
    files = EvaluationPair(
        bench.video(subject, clip, kind),
        clip.path,
        audio=material.audio if kind == "same" else material.other_audio,
        source=clip.path if subject.name == TRUE_FRAMES else material.backwards,
        true_audio=material.audio,
    )
    return bench.evaluate("dubbed" if subject.model is not None else "not dubbed", files)


def _with_mouth_of(other: Clip, bench: Bench, video: Path, material: Material, report: Report) -> Report:
    """Compare opening and width with the recording whose audio it is, though another face speaks there."""
    mouth = bench.evaluate("mouth", EvaluationPair(video, other.path, audio=material.other_audio))
    kept = [name for name in {*report.values, *report.missing} if name not in same_words_names()]
    return replace(
        report,
        values={name: report.values[name] for name in kept if name in report.values} | dict(mouth.values),
        missing={name: report.missing[name] for name in kept if name in report.missing} | dict(mouth.missing),
        arrays=mouth.arrays,
    )


def _identity(bench: Bench, subject: Subject, clip: Clip, other: Clip) -> str:
    """Hash what the values depend on."""
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
