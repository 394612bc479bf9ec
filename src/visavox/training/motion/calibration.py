"""Sizes of the motion of speakers, by which the motion of a motion VAE is calibrated."""

from __future__ import annotations

import numpy as np

from visavox.data.motion.motion_dataset import MotionSequence
from visavox.data.motion.motion_store import MotionStore


def lip_opening(motion: np.ndarray) -> np.ndarray:
    """Return the gap between the lips (T,), centimetres, of motion (T, 68, 3)."""
    return motion[..., 62, 1] - motion[..., 66, 1]


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
    """What a speaker's name begins with, up to the first underscore.

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
