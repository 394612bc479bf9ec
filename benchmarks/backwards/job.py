"""One clip of the benchmark: make its material, dub it, measure it and its two baselines."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.backwards.recording_offset import RecordingScorer
from benchmarks.clips import Clip
from visavox.dubbing import Dubber
from visavox.evaluation.backwards import cut_audio, reverse_video
from visavox.evaluation.job import EvaluationSettings, evaluate_pair
from visavox.evaluation.pairs import EvaluationPair
from visavox.evaluation.report import Report
from visavox.evaluation.videos import TrackCache
from visavox.metrics import Metric, choose_metrics
from visavox.metrics.expert_sync import ExpertSyncOptions
from visavox.metrics.outside import OutsideOptions
from visavox.metrics.pair import frame_rate
from visavox.metrics.table import without_frames
from visavox.motion.motion_file import save_motion
from visavox.motion.performance import performance_of_track


@dataclass(frozen=True)
class Material:
    """What a clip is dubbed from."""

    backwards: Path
    """The video with its frames in reverse order, silent."""
    audio: Path
    """The clip's own audio, forwards, its lag taken out, as long as the video."""
    other_audio: Path | None
    """The audio of another clip, as long as the video; None where it was left out."""


@dataclass(frozen=True)
class ClipResult:
    """What was measured on one clip; the truth is always the recording played forwards."""

    clip: Clip
    """The clip."""
    dubbed: Report
    """Played backwards, dubbed with its own audio."""
    left: Report
    """Played backwards, the mouth left as it was."""
    other_audio: Report | None
    """Played backwards, dubbed with the audio of another clip."""
    recording: np.ndarray | None
    """How well the recording itself fits its audio, moved either way (`RecordingScorer.score`)."""

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "clip": self.clip.name,
            "group": self.clip.group,
            "audio_lag": float(self.clip.audio_lag),
            "dubbed": self.dubbed.to_dict(curves=True),
            "left": self.left.to_dict(),
            "other_audio": None if self.other_audio is None else self.other_audio.to_dict(),
        }


@dataclass(frozen=True)
class Bench:
    """What all clips share."""

    dubber: Dubber
    """With the network."""
    options: dict[str, Any]
    """Options of the dub."""
    work: Path
    """Keeps videos, audio and landmarks."""
    expert: str | None
    """Name or file of an expert; None leaves expert-D and expert-C out."""

    @cached_property
    def tracks(self) -> TrackCache:
        """The landmarks."""
        return TrackCache(self.work / "tracks")

    @cached_property
    def recordings(self) -> RecordingScorer:
        """Scores the recordings themselves."""
        return RecordingScorer()

    @cached_property
    def metrics(self) -> dict[str, dict[str, Metric]]:
        """Metrics of each video of a clip, by its name in `ClipResult`."""
        return {
            "dubbed": choose_metrics(options={"expert_sync": ExpertSyncOptions(expert=self.expert)}),
            "left": choose_metrics(options={"outside": OutsideOptions(without_codec=True)}),
            "other_audio": without_frames(choose_metrics()),
        }

    def evaluate(self, name: str, files: EvaluationPair) -> Report:
        """Measure one video of a clip."""
        return evaluate_pair(files, self.metrics[name], EvaluationSettings(cache=self.tracks.folder))


def measure_clip(bench: Bench, clip: Clip, other: Clip | None) -> ClipResult:
    """Dub and measure one clip.

    Args:
        bench: what all clips share.
        clip: the recording.
        other: whose audio is the wrong one; None leaves that baseline out.
    """
    work, tracks = bench.work, bench.tracks
    material = make_material(clip, other, work, tracks)
    backwards, audio = material.backwards, material.audio
    dubbed = dub_clip(bench.dubber, backwards, audio, work / "dubbed" / f"{clip.name}.mp4", bench.options, tracks)
    wrong = None
    if material.other_audio is not None:
        target = work / "other" / f"{clip.name}.mp4"
        wrong = dub_clip(bench.dubber, backwards, material.other_audio, target, bench.options, tracks)
    pair = EvaluationPair(dubbed, clip.path, audio=audio, source=backwards, true_audio=audio)
    return ClipResult(
        clip=clip,
        dubbed=bench.evaluate("dubbed", pair),
        left=bench.evaluate("left", replace(pair, dubbed=backwards, source=None)),
        other_audio=None if wrong is None else bench.evaluate("other_audio", replace(pair, dubbed=wrong, source=None)),
        recording=bench.recordings.score(performance_of_track(tracks.track(clip.path)).motion, audio),
    )


def keep_motion(clip: Clip, work: Path, tracks: TrackCache) -> Path:
    """Write the motion of a recording, played forwards, and return where."""
    target = work / "motion" / f"{clip.name}.npz"
    target.parent.mkdir(parents=True, exist_ok=True)
    save_motion(performance_of_track(tracks.track(clip.path)).motion, target)
    return target


def make_material(clip: Clip, other: Clip | None, work: Path, tracks: TrackCache) -> Material:
    """Make what a clip is dubbed from, or find it made.

    Args:
        clip: the recording.
        other: whose audio is the wrong one; None leaves it out.
        work: where videos and audio are kept.
        tracks: where landmarks are kept.
    """
    backwards = work / "backwards" / f"{clip.name}.mp4"
    if not _is_newer(backwards, clip.path):
        reverse_video(clip.path, backwards)
    track = tracks.track(clip.path)
    duration = track.times[-1] + Fraction(1 / frame_rate(track.times)).limit_denominator(90_000)
    audio = work / "sound" / f"{clip.name}.wav"
    cut_audio(clip.path, audio, clip.audio_lag, duration)
    if other is None:
        return Material(backwards, audio, None)
    other_audio = work / "sound" / f"{clip.name}.other.wav"
    cut_audio(other.path, other_audio, other.audio_lag, duration, repeat=True)
    return Material(backwards, audio, other_audio)


def dub_clip(
    dubber: Dubber, video: Path, audio: Path, output: Path, options: dict[str, Any], tracks: TrackCache
) -> Path:
    """Dub a video whose landmarks are kept; the folder of the output is made."""
    output.parent.mkdir(parents=True, exist_ok=True)
    tracks.track(video)
    dubber.dub(video, audio, output, track=tracks.file(video), overwrite=True, **options)
    return output


def _is_newer(made: Path, source: Path) -> bool:
    return made.is_file() and os.stat(made).st_mtime_ns >= os.stat(source).st_mtime_ns
