"""Does the mouth rest while nobody speaks?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SilenceMotion:
    """The mouth in stretches of silence. Openings are in distances of the outer eye corners."""

    num_silences: int
    """Silences of which at least two frames were judged."""
    num_frames: int
    """Frames judged."""
    motion: float
    """Standard deviation of the opening about the mean of each silence: 0 is a mouth that rests."""
    opening: float
    """Mean opening in silence: 0 is shut."""
    true_motion: float
    """The same motion of the true recording at the same times."""
    true_opening: float
    """The mean opening of the true recording at the same times."""


def frames_inside(times: np.ndarray, silences: Sequence[tuple[float, float]], margin: float) -> list[np.ndarray]:
    """Indices of the frames in each silence, `margin` seconds away from both of its ends.

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
    """Measure how much and how far open the mouth is while the sound is silent.

        motion = sqrt(sum over silences and their frames of (o_t - mean o of that silence)^2 / number of frames)

    Args:
        opening: (T,), lip opening of the dubbed video, NaN where there is no face.
        times: (T,), seconds.
        silences: start and end in seconds, as `visavox.audio.silence.find_silence` gives them.
        margin: seconds left out at both ends of a silence, in which lips come to rest and set out again.
        true_opening: (T,), the same of the recording; None: its figures are NaN.

    Returns:
        The figures; NaN where no silence is long enough.

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
