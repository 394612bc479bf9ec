"""One clip of the benchmark: make its material, dub it, measure it and its two baselines."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clips import Clip
from benchmarks.recording_offset import RecordingJudge
from visavox.dubbing import Dubber
from visavox.evaluation.backwards import cut_sound, reverse_video
from visavox.evaluation.evaluation import EvaluationSettings, evaluate
from visavox.evaluation.expert_sync import LoadedExpert
from visavox.evaluation.pairing import frame_rate
from visavox.evaluation.report import Report
from visavox.evaluation.track_cache import TrackCache
from visavox.motion.motion_file import save_motion
from visavox.motion.performance import performance_of_track


@dataclass(frozen=True)
class Material:
    """What a clip is dubbed from."""

    backwards: Path
    """The video with its frames in reverse order, silent."""
    sound: Path
    """The clip's own sound, forwards, its lag taken out, as long as the video."""
    other_sound: Path | None
    """The sound of another clip, as long as the video; None where it was left out."""


@dataclass(frozen=True)
class ClipResult:
    """What was measured on one clip; the truth is always the recording played forwards."""

    clip: Clip
    """The clip."""
    dubbed: Report
    """Played backwards, dubbed with its own sound."""
    left: Report
    """Played backwards, the mouth left as it was."""
    other_sound: Report | None
    """Played backwards, dubbed with the sound of another clip."""
    recording: np.ndarray | None
    """How well the recording itself fits its sound, moved either way (`RecordingJudge.look`)."""

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "clip": self.clip.name,
            "group": self.clip.group,
            "audio_lag": float(self.clip.audio_lag),
            "dubbed": self.dubbed.to_dict(curves=True),
            "left": self.left.to_dict(),
            "other_sound": None if self.other_sound is None else self.other_sound.to_dict(),
        }


def measure_clip(
    clip: Clip,
    other: Clip | None,
    dubber: Dubber,
    options: dict[str, Any],
    work: Path,
    tracks: TrackCache,
    expert: LoadedExpert | None,
    judge: RecordingJudge,
) -> ClipResult:
    """Dub and measure one clip.

    Args:
        clip: the recording.
        other: whose sound is the wrong one; None leaves that baseline out.
        dubber: with the network.
        options: of the dub.
        work: where videos and sounds are kept.
        tracks: where landmarks are kept.
        expert: for expert-D and expert-C; None leaves them out.
        judge: of the recording itself.
    """
    material = make_material(clip, other, work, tracks)
    backwards, sound = material.backwards, material.sound
    dubbed = dub_clip(dubber, backwards, sound, work / "dubbed" / f"{clip.name}.mp4", options, tracks)
    wrong = None
    if material.other_sound is not None:
        wrong = dub_clip(dubber, backwards, material.other_sound, work / "other" / f"{clip.name}.mp4", options, tracks)
    brief = EvaluationSettings(pictures=False)
    return ClipResult(
        clip=clip,
        dubbed=evaluate(
            dubbed, clip.path, audio=sound, true_audio=sound, source=backwards, expert=expert, tracks=tracks
        ),
        left=evaluate(backwards, clip.path, audio=sound, settings=EvaluationSettings(codec_loss=False), tracks=tracks),
        other_sound=None if wrong is None else evaluate(wrong, clip.path, audio=sound, settings=brief, tracks=tracks),
        recording=judge.look(performance_of_track(tracks.track(clip.path)).motion, sound),
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
        other: whose sound is the wrong one; None leaves it out.
        work: where videos and sounds are kept.
        tracks: where landmarks are kept.
    """
    backwards = work / "backwards" / f"{clip.name}.mp4"
    if not _is_newer(backwards, clip.path):
        reverse_video(clip.path, backwards)
    track = tracks.track(clip.path)
    duration = track.times[-1] + Fraction(1 / frame_rate(track.times)).limit_denominator(90_000)
    sound = work / "sound" / f"{clip.name}.wav"
    cut_sound(clip.path, sound, clip.audio_lag, duration)
    if other is None:
        return Material(backwards, sound, None)
    other_sound = work / "sound" / f"{clip.name}.other.wav"
    cut_sound(other.path, other_sound, other.audio_lag, duration, repeat=True)
    return Material(backwards, sound, other_sound)


def dub_clip(
    dubber: Dubber, video: Path, sound: Path, output: Path, options: dict[str, Any], tracks: TrackCache
) -> Path:
    """Dub a video whose landmarks are kept; the folder of the output is made."""
    output.parent.mkdir(parents=True, exist_ok=True)
    tracks.track(video)
    dubber.dub(video, sound, output, track=tracks.file(video), overwrite=True, **options)
    return output


def _is_newer(made: Path, source: Path) -> bool:
    return made.is_file() and os.stat(made).st_mtime_ns >= os.stat(source).st_mtime_ns
