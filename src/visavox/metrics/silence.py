"""Lip motion in silence: does the mouth rest while nobody speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from visavox.face.geometry import mouth_opening
from visavox.metrics.metric import Measure, Metric, MetricInfo, NotMeasured, Result
from visavox.metrics.pair import VideoPair

_EYES = "distances of the outer eye corners"
_MOTION = "standard deviation of the lip opening about its mean in each silence of the audio"
_NONE = "the audio has no silence that is long enough"


@dataclass(frozen=True, kw_only=True)
class SilenceOptions:
    """Limits of the silences that count."""

    minimum_silence: float = 0.3
    """Shortest silence in which the mouth must rest, seconds."""
    silence_margin: float = 0.1
    """Seconds at both ends of a silence that do not count, in which lips come to rest and set out again."""


class Silence(Metric):
    """Motion and opening of the mouth in the silences of the audio, dubbed and true."""

    infos = (
        MetricInfo(
            name="silence.motion",
            column="sil.move",
            title="Motion in silence (silence leak)",
            formula=_MOTION,
            unit=_EYES,
            decimals=4,
            higher_is_better=False,
            best="0",
            undefined=_NONE,
        ),
        MetricInfo(
            name="silence.opening",
            column="sil.open",
            title="Opening in silence",
            formula="mean lip opening in the silences of the audio",
            unit=_EYES,
            higher_is_better=False,
            best="that of the recording",
            undefined=_NONE,
        ),
        MetricInfo(
            name="silence.true_motion",
            column="real sil.move",
            title="Motion in silence, of the recording",
            formula=_MOTION,
            unit=_EYES,
            decimals=4,
            undefined=_NONE,
            needs_same_words=True,
            real_of="silence.motion",
            in_table=False,
        ),
        MetricInfo(
            name="silence.true_opening",
            column="real sil.open",
            title="Opening in silence, of the recording",
            formula="mean lip opening in the silences of the audio",
            unit=_EYES,
            undefined=_NONE,
            needs_same_words=True,
            real_of="silence.opening",
            in_table=False,
        ),
        MetricInfo(
            name="silence.num_silences",
            column="silences",
            title="Silences",
            formula="silences with at least two frames that count",
            decimals=0,
            in_table=False,
        ),
        MetricInfo(
            name="silence.num_frames",
            column="frames of silence",
            title="Frames of silence",
            formula="frames that count",
            decimals=0,
            in_table=False,
        ),
    )
    options_type = SilenceOptions

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos.

        Raises:
            NotMeasured: there is no audio.
        """
        if pair.dubbed.audio is None:
            raise NotMeasured("the dubbed video has no audio")
        return _SilenceMeasure(pair, pair.dubbed.audio, self.options)


class _SilenceMeasure(Measure):
    def __init__(self, pair: VideoPair, audio: np.ndarray, options: SilenceOptions) -> None:
        self._pair, self._audio, self._options = pair, audio, options

    def result(self) -> Result:
        from visavox.audio import find_silence

        silences = find_silence(self._audio, self._options.minimum_silence)
        opening, true_opening = self._pair.curves(mouth_opening)
        rest = silence_motion(opening, self._pair.times, silences, self._options.silence_margin, true_opening)
        return {f"silence.{name}": float(value) for name, value in vars(rest).items()}


@dataclass(frozen=True)
class SilenceMotion:
    """The mouth in stretches of silence. Openings are in distances of the outer eye corners."""

    num_silences: int
    """Silences of which at least two frames count."""
    num_frames: int
    """Frames that count."""
    motion: float
    """Standard deviation of the opening about the mean of each silence: 0 is a mouth that rests."""
    opening: float
    """Mean opening in silence: 0 is shut."""
    true_motion: float
    """The same motion of the true recording at the same times."""
    true_opening: float
    """The mean opening of the true recording at the same times."""


def frames_inside(times: np.ndarray, silences: Sequence[tuple[float, float]], margin: float) -> list[np.ndarray]:
    """Find the frames of times (T,) in each silence, `margin` seconds away from both of its ends; their indices.

    >>> [frames.tolist() for frames in frames_inside(np.arange(10) / 10, [(0.15, 0.65)], 0.1)]
    [[3, 4, 5]]
    """
    return [np.flatnonzero((times >= start + margin) & (times <= end - margin)) for start, end in silences]


def silence_motion(
    opening: np.ndarray,
    times: np.ndarray,
    silences: Sequence[tuple[float, float]],
    margin: float = 0.1,
    true_opening: np.ndarray | None = None,
) -> SilenceMotion:
    """Measure how much and how far open the mouth is while the audio is silent.

        motion = sqrt(sum over silences and their frames of (o_t - mean o of that silence)^2 / number of frames)

    Args:
        opening: (T,), lip opening of the dubbed video, NaN where there is no face.
        times: (T,), seconds.
        silences: start and end in seconds, as `visavox.audio.silence.find_silence` gives them.
        margin: seconds left out at both ends of a silence, in which lips come to rest and set out again.
        true_opening: (T,), the same of the recording; None: its values are NaN.

    Returns:
        The values; NaN where no silence is long enough.

    >>> opening = np.array([0.5, 0.2, 0.2, 0.4, 0.4, 0.9])
    >>> leak = silence_motion(opening, np.arange(6) / 10, [(0.1, 0.4)], margin=0)
    >>> round(leak.motion, 6), round(leak.opening, 6)
    (0.1, 0.3)
    """
    stretches = [frames for frames in frames_inside(times, silences, margin) if np.isfinite(opening[frames]).sum() >= 2]
    motion, mean = _rest(opening, stretches)
    true_motion, true_mean = (float("nan"),) * 2 if true_opening is None else _rest(true_opening, stretches)
    return SilenceMotion(
        num_silences=len(stretches),
        num_frames=int(sum(np.isfinite(opening[frames]).sum() for frames in stretches)),
        motion=motion,
        opening=mean,
        true_motion=true_motion,
        true_opening=true_mean,
    )


def _rest(opening: np.ndarray, stretches: list[np.ndarray]) -> tuple[float, float]:
    """Standard deviation within stretches and mean over all of their frames."""
    values = [opening[frames][np.isfinite(opening[frames])] for frames in stretches]
    values = [stretch for stretch in values if len(stretch)]
    if not values:
        return float("nan"), float("nan")
    deviations = np.concatenate([stretch - stretch.mean() for stretch in values])
    return float(np.sqrt(np.mean(deviations**2))), float(np.concatenate(values).mean())
