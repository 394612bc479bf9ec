"""Calibration of a motion VAE: the size of its motion is set by that of speakers that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from visavox.data.motion import MotionSequence, MotionStore
from visavox.metrics.curves import opening_correlation
from visavox.models.motion import MotionVae
from visavox.training.divergence import LARGEST_GAIN

SPREAD_TRIALS = 6
"""Steps of the search for the spread: to a sixty-fourth."""
SPREAD_CLIPS = 40
"""Clips by which it is measured."""

Predict = Callable[[MotionSequence, float, int], np.ndarray]
"""Predicts the motion of a clip, float32 (T, 68, 3), at a temperature and a seed, before it is calibrated."""


def calibrate(vae: MotionVae, sequences: list[MotionSequence], predict: Predict, agreement: float) -> None:
    """Set spread and size of the motion by speakers that the network was not trained on.

    What is predicted for them is brought to the size of a typical speaker. The gap between the lips sets it for
    all points: what belongs together in a face must grow together.

    Args:
        vae: the network whose calibration is set.
        sequences: clips of these speakers.
        predict: predicts the motion of a clip by the network.
        agreement: correlation, of the opening, of what is drawn at temperature 1 with the most likely motion.
    """
    likely = [predict(sequence, 0.0, 0) for sequence in sequences]
    vae.typical.copy_(torch.from_numpy(np.concatenate(likely).mean(axis=0).reshape(-1)))
    every = max(1, len(sequences) // SPREAD_CLIPS)
    _set_spread(vae, sequences[::every], likely[::every], predict, agreement)
    lively = [predict(sequence, 1.0, number) for number, sequence in enumerate(sequences)]
    for number, motions in enumerate((likely, lively)):
        size = pooled_deviation([lip_opening(motion) for motion in motions])
        vae.gains[number] = min(float(vae.opening_deviation) / max(size, 1e-6), LARGEST_GAIN)


def _set_spread(
    vae: MotionVae, sequences: list[MotionSequence], likely: list[np.ndarray], predict: Predict, agreement: float
) -> None:
    """Find the largest spread, up to 1, at which samples agree with the most likely motion as they should."""
    least, largest = 0.0, 1.0
    for trial in range(SPREAD_TRIALS):
        # The whole prior first: it may agree well enough.
        vae.spread.fill_(largest if trial == 0 else (least + largest) / 2)
        drawn = [predict(sequence, 1.0, number) for number, sequence in enumerate(sequences)]
        agreements = [
            opening_correlation(lip_opening(one), lip_opening(other)) for one, other in zip(drawn, likely, strict=True)
        ]
        if np.nanmean(agreements) >= agreement:
            least = float(vae.spread)
        else:
            largest = float(vae.spread)
        if least >= largest:
            break


def lip_opening(motion: np.ndarray) -> np.ndarray:
    """Return the gap between the lips (T,), centimetres, of motion (T, 68, 3)."""
    gap: np.ndarray = motion[..., 62, 1] - motion[..., 66, 1]
    return gap


def pooled_deviation(curves: list[np.ndarray]) -> float:
    """Standard deviation of curves (T,), each about its own mean."""
    return float(np.sqrt(np.mean(np.concatenate([(curve - curve.mean()) ** 2 for curve in curves]))))


def typical_deviation(sequences: list[MotionSequence]) -> float:
    """Standard deviation of the gap between the lips, centimetres, of a typical speaker: the mean over collections."""
    collections: dict[str, list[np.ndarray]] = {}
    for sequence in sequences:
        collections.setdefault(collection_of(sequence.speaker), []).append(lip_opening(sequence.motion))
    return float(np.mean([pooled_deviation(curves) for curves in collections.values()]))


def collection_of(speaker: str) -> str:
    """Return the beginning of a speaker's name, up to the first underscore.

    Speakers of one collection are one group, so that the largest collection does not drown the others.
    """
    return speaker.partition("_")[0]


def speakers_apart(store: MotionStore, num_speakers: int) -> set[str]:
    """Choose the speakers whose number of clips is next to the median; at least one speaker remains."""
    counts: dict[str, int] = {}
    for clip in store.clips:
        counts[clip.speaker] = counts.get(clip.speaker, 0) + 1
    ranked = sorted(counts, key=lambda speaker: (counts[speaker], speaker))
    num_speakers = min(num_speakers, len(ranked) - 1)
    first = (len(ranked) - num_speakers) // 2
    return set(ranked[first : first + num_speakers])
