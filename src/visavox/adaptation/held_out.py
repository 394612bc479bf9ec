"""How good a generator is for one person, measured on seconds that it was not adapted on.

The picture of each stretch is played backwards and dubbed with the stretch's own forward sound, so nothing of the
answer is in the picture; the dubbed mouth is compared with the recording, beside the mouth as it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from visavox.constants import FRAME_RATE
from visavox.dubbing import Dubber
from visavox.evaluation.backwards import cut_audio, cut_video, reverse_video
from visavox.evaluation.evaluation import EvaluationSettings, evaluate_pair
from visavox.evaluation.pairs import EvaluationPair
from visavox.evaluation.report import summarise
from visavox.evaluation.videos import TrackCache
from visavox.metrics import MetricInfo, choose_metrics, metric_infos
from visavox.progress import Progress
from visavox.runtime.files import write_whole
from visavox.types import PathLike
from visavox.weights.digest import short_weights_digest

Figures = dict[str, float]

METRICS = ("lip_motion", "landmark_distance", "psnr", "sharpness")
"""Metrics that the values are of."""

_COLUMNS = {
    "psnr": ("PSNR", 2),
    "sharpness": ("sharpness", 2),
    "opening.correlation": ("opening r", 3),
    "pooled.correlation": ("pooled r", 3),
    "opening.gain": ("gain", 2),
    "landmark_distance": ("LMD", 4),
}


def shown_infos() -> list[MetricInfo]:
    """Describe the values that are shown, and written into the weights."""
    infos = {info.name: info for info in metric_infos()}
    return [replace(infos[name], column=column, decimals=decimals) for name, (column, decimals) in _COLUMNS.items()]


@dataclass(frozen=True)
class Stretch:
    """Seconds of a video that are held out."""

    path: Path
    """The video."""
    start: Fraction
    """Seconds from its first frame."""
    num_frames: int
    """Length, in frames at 25 a second."""
    lag: Fraction
    """Seconds by which the sound of the video is off; negative: it comes late."""

    @property
    def duration(self) -> Fraction:
        """Length in seconds."""
        return Fraction(self.num_frames, FRAME_RATE)


@dataclass(frozen=True)
class _Material:
    """The files of one stretch."""

    truth: Path
    backwards: Path
    sound: Path


class HeldOut:
    """Measures mouths on the held-out stretches; what they are dubbed from is made once.

    A folder that has served before is gone on with: the videos in it, their tracks, and what was measured on them are
    not made again.
    """

    def __init__(self, stretches: tuple[Stretch, ...], folder: Path, progress: Progress) -> None:
        """Write the stretches forwards and backwards, with their sound, into `folder`, where they are not there yet."""
        self.folder, self.progress = folder, progress
        self.tracks = TrackCache(folder / "tracks")
        numbered = list(enumerate(stretches))
        self.material = [
            self._make(number, stretch) for number, stretch in progress.track(numbered, "holding out", unit="stretch")
        ]

    def _make(self, number: int, stretch: Stretch) -> _Material:
        one = _Material(*(self.folder / f"{number}.{name}" for name in ("truth.mp4", "backwards.mp4", "wav")))
        stop = stretch.start + stretch.duration
        self.folder.mkdir(parents=True, exist_ok=True)
        # A video appears under its name when it is whole; kept as it is, its track is known.
        if not one.truth.exists():
            cut_video(stretch.path, one.truth, stretch.start, stop)
        if not one.backwards.exists():
            reverse_video(stretch.path, one.backwards, stretch.start, stop)
        cut_audio(stretch.path, one.sound, stretch.lag, stretch.duration, start=stretch.start)
        return one

    def as_it_was(self) -> Figures:
        """Measure the mouth that knows nothing of the sound: the backward picture, with nothing painted."""
        return self._once(
            "as it was", lambda: self._figures(lambda one: one.backwards, "measuring the mouth as it was")
        )

    def dubbed(self, model: PathLike, name: str, *, device: str) -> Figures:
        """Measure the mouths that a generator paints.

        Args:
            model: its weights.
            name: of the folder for the dubbed videos, and of the bar.
            device: where it runs.
        """
        return self._once(
            f"{name} {short_weights_digest(Path(model))}", lambda: self._dub_and_measure(model, name, device)
        )

    def _dub_and_measure(self, model: PathLike, name: str, device: str) -> Figures:
        dubber = Dubber(model, device=device)

        def dub(one: _Material) -> Path:
            output = self.folder / name / one.backwards.name
            output.parent.mkdir(exist_ok=True)
            self.tracks.track(one.backwards)
            dubber.dub(one.backwards, one.sound, output, track=self.tracks.file(one.backwards), overwrite=True)
            return output

        return self._figures(dub, f"measuring {name}")

    def _once(self, key: str, measure: Callable[[], Figures]) -> Figures:
        """Return the figures that an earlier session has kept under a key, or measure and keep them."""
        path = self.folder / "figures.json"
        kept: dict[str, Figures] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if key not in kept:
            kept[key] = measure()
            write_whole(path, json.dumps(kept, indent=2) + "\n")
        return kept[key]

    def _figures(self, video: Callable[[_Material], Path], description: str) -> Figures:
        settings = EvaluationSettings(always_align=True, cache=self.tracks.folder)
        metrics = choose_metrics(METRICS)
        reports = []
        for one in self.progress.track(self.material, description, unit="stretch"):
            files = EvaluationPair(video(one), one.truth, audio=one.sound)
            reports.append(evaluate_pair(files, metrics, settings))
        found = summarise(reports).values
        return {name: found[name] for name in _COLUMNS if name in found}
