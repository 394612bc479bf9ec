"""One clip of the benchmark: make its material, dub it, measure it and its two baselines."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from benchmarks.clips import Clip
from benchmarks.material import cut_sound, reverse_video
from visavox.dubbing import Dubber
from visavox.metrics.evaluation import EvaluationSettings, evaluate
from visavox.metrics.expert_sync import LoadedExpert
from visavox.metrics.pairing import frame_rate
from visavox.metrics.report import Report
from visavox.metrics.track_cache import TrackCache


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
    """
    backwards = work / "backwards" / f"{clip.name}.mp4"
    if not _is_newer(backwards, clip.path):
        reverse_video(clip.path, backwards)
    track = tracks.track(clip.path)
    duration = track.times[-1] + Fraction(1 / frame_rate(track.times)).limit_denominator(90_000)
    sound = work / "sound" / f"{clip.name}.wav"
    cut_sound(clip.path, sound, clip.audio_lag, duration)

    dubbed = _dub(dubber, backwards, sound, work / "dubbed" / f"{clip.name}.mp4", options, tracks)
    wrong = None
    if other is not None:
        wrong_sound = work / "sound" / f"{clip.name}.other.wav"
        cut_sound(other.path, wrong_sound, other.audio_lag, duration, repeat=True)
        wrong = _dub(dubber, backwards, wrong_sound, work / "other" / f"{clip.name}.mp4", options, tracks)
    brief = EvaluationSettings(pictures=False)
    return ClipResult(
        clip=clip,
        dubbed=evaluate(
            dubbed, clip.path, audio=sound, true_audio=sound, source=backwards, expert=expert, tracks=tracks
        ),
        left=evaluate(backwards, clip.path, audio=sound, settings=EvaluationSettings(codec_loss=False), tracks=tracks),
        other_sound=None if wrong is None else evaluate(wrong, clip.path, audio=sound, settings=brief, tracks=tracks),
    )


def _dub(dubber: Dubber, video: Path, sound: Path, output: Path, options: dict[str, Any], tracks: TrackCache) -> Path:
    output.parent.mkdir(parents=True, exist_ok=True)
    tracks.track(video)
    dubber.dub(video, sound, output, track=tracks.file(video), overwrite=True, **options)
    return output


def _is_newer(made: Path, source: Path) -> bool:
    return made.is_file() and os.stat(made).st_mtime_ns >= os.stat(source).st_mtime_ns
