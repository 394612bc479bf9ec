"""Values on seconds of one person that the generator was not adapted on, and the report made of them.

The frames of each stretch are played backwards and dubbed with the stretch's own forward audio, so nothing of the
answer is in the input; the generated mouth is compared with the recording, beside the mouth as it was.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from visavox.constants import FRAME_RATE
from visavox.dubbing import Dubber
from visavox.evaluation import (
    EvaluationPair,
    EvaluationSettings,
    TrackCache,
    cut_audio,
    cut_video,
    evaluate_pair,
    format_table,
    plain,
    reverse_video,
    summarise,
)
from visavox.metrics import MetricInfo, choose_metrics, metric_infos
from visavox.progress import Progress
from visavox.runtime.files import write_whole
from visavox.types import PathLike
from visavox.weights import short_weights_digest

Values = dict[str, float]

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
    """Seconds by which the audio of the video is off; negative: it comes late."""

    @property
    def duration(self) -> Fraction:
        """Length in seconds."""
        return Fraction(self.num_frames, FRAME_RATE)


@dataclass(frozen=True)
class _Material:
    """The files of one stretch."""

    truth: Path
    backwards: Path
    audio: Path


class HeldOut:
    """Measures mouths on the held-out stretches; what they are dubbed from is made once.

    A folder that has served before is gone on with: the videos in it, their tracks, and what was measured on them are
    not made again.
    """

    def __init__(self, stretches: tuple[Stretch, ...], folder: Path, progress: Progress) -> None:
        """Write the stretches forwards and backwards, with their audio, into `folder`, where they are not there yet."""
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
        cut_audio(stretch.path, one.audio, stretch.lag, stretch.duration, start=stretch.start)
        return one

    def as_it_was(self) -> Values:
        """Measure the mouth that knows nothing of the audio: the backward video, with nothing generated."""
        return self._once("as it was", lambda: self._values(lambda one: one.backwards, "measuring the mouth as it was"))

    def dubbed(self, model: PathLike, name: str, *, device: str) -> Values:
        """Measure the mouths of a generator.

        Args:
            model: its weights.
            name: of the folder for the dubbed videos, and of the bar.
            device: where it runs.
        """
        return self._once(
            f"{name} {short_weights_digest(Path(model))}", lambda: self._dub_and_measure(model, name, device)
        )

    def _dub_and_measure(self, model: PathLike, name: str, device: str) -> Values:
        dubber = Dubber(model, device=device)

        def dub(one: _Material) -> Path:
            output = self.folder / name / one.backwards.name
            output.parent.mkdir(exist_ok=True)
            self.tracks.track(one.backwards)
            dubber.dub(one.backwards, one.audio, output, track=self.tracks.file(one.backwards), overwrite=True)
            return output

        return self._values(dub, f"measuring {name}")

    def _once(self, key: str, measure: Callable[[], Values]) -> Values:
        """Return the values that an earlier session has kept under a key, or measure and keep them."""
        path = self.folder / "figures.json"
        kept: dict[str, Values] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if key not in kept:
            kept[key] = measure()
            write_whole(path, json.dumps(kept, indent=2) + "\n")
        return kept[key]

    def _values(self, video: Callable[[_Material], Path], description: str) -> Values:
        settings = EvaluationSettings(always_align=True, cache=self.tracks.folder)
        metrics = choose_metrics(METRICS)
        reports = []
        for one in self.progress.track(self.material, description, unit="stretch"):
            files = EvaluationPair(video(one), one.truth, audio=one.audio)
            reports.append(evaluate_pair(files, metrics, settings))
        found = summarise(reports).values
        return {name: found[name] for name in _COLUMNS if name in found}


AS_IT_WAS, BEFORE, AFTER = "mouth as it was", "before", "after"


@dataclass(frozen=True)
class AdaptResult:
    """The result of an adaptation, measured on seconds that it did not learn from."""

    output: str
    """The weights file."""
    model: str
    """Name of the generator that it began with."""
    improved: tuple[str, ...]
    """The parts that became better: `renderer`, `speech`; empty where the start was kept as it came."""
    seconds: dict[str, float]
    """Seconds of the videos by use: training, validation, held out."""
    steps: int
    """Updates that were made."""
    minutes: float
    """Minutes of training in this session."""
    expert: str | None
    """The expert that scored the sync; None for none."""
    validation: dict[str, dict[str, float]]
    """Values on the validation seconds: before and after, by which the best state was selected."""
    values: dict[str, Values]
    """Values on the held-out seconds: of the mouth as it was, before and after."""
    notes: tuple[str, ...] = ()
    """Notes for the user."""

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        content: dict[str, Any] = plain(asdict(self))
        return content

    def table(self) -> str:
        """Return the report as text for people."""
        used = self.seconds
        lines = [
            f"{used['training']:.1f} s learned from in {self.steps} steps ({self.minutes:.1f} min), "
            f"{used['validation']:.1f} s to choose by; measured on {used['held out']:.1f} s held out, played backwards "
            "with their own audio:",
            "",
            format_table(list(self.values.items()), shown_infos()),
            "",
            self.verdict(),
            *(f"note: {note}" for note in self.notes),
        ]
        return "\n".join(lines)

    def verdict(self) -> str:
        """Say in one sentence what the adaptation brought."""
        if not self.improved:
            return f"No gain on the validation seconds: {self.output} holds {self.model} as it came."
        before, after = self.values[BEFORE], self.values[AFTER]
        better = [info.column for info in shown_infos() if _is_better(info, after, before)]
        worse = [info.column for info in shown_infos() if _is_better(info, before, after)]
        changes = [f"{word} in {', '.join(names)}" for word, names in (("better", better), ("worse", worse)) if names]
        return (
            f"Improved: {' and '.join(self.improved)}. On the held-out seconds {', '.join(changes) or 'no difference'}."
        )


def quality_of(values: dict[str, Values]) -> dict[str, float]:
    """Name the values as a weights file holds them, such as `after psnr`; those that are no numbers are left out."""
    return {
        f"{row} {path}": round(value, 4)
        for row, found in values.items()
        for path, value in found.items()
        if math.isfinite(value)
    }


def _is_better(info: MetricInfo, one: Values, other: Values) -> bool:
    """Return True where a value of `one` is better than that of `other`, by more than a rounding."""
    return _goodness(info, one) > _goodness(info, other) + 1e-4


def _goodness(info: MetricInfo, values: Values) -> float:
    """Return a number that grows as the value becomes better; of a ratio, as it comes nearer to 1."""
    value = values.get(info.name, math.nan)
    if info.higher_is_better is None:
        return -abs(math.log(max(value, 1e-6)))
    return value if info.higher_is_better else -value
