"""How well sound and picture belong together, from embeddings of mouths and sound: distance, confidence, offset.

The embeddings come from a judge, a network that puts five frames of a mouth and 0.2 s of sound near each other when
they belong together (SyncNet, Chung & Zisserman, "Out of time", 2016). The figures depend on the judge and on what it
is shown, and do not compare with those of another. Only those of the published SyncNet are called LSE-D and LSE-C
(`lip_sync_error`); those of an expert of ours are expert-D and expert-C (`expert_sync`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAXIMUM_SHIFT = 15
"""Windows: sound is shifted from -15 to +15 frames against the picture, as in the published evaluation."""

_EPSILON = 1e-6
"""What torch's `pairwise_distance` adds to each difference."""


@dataclass(frozen=True)
class SyncScore:
    """What a judge says of the sync of a video."""

    distance: float
    """Smallest mean distance of embeddings over all shifts (LSE-D, expert-D); lower is better."""
    confidence: float
    """Median over shifts minus the smallest (LSE-C, expert-C); higher is better."""
    offset: int
    """Shift of the smallest distance, in frames: positive, the mouth comes late; the two above do not see it."""
    distance_at_zero: float
    """Mean distance without a shift: what a viewer gets."""
    num_windows: int
    """Windows of five frames that were judged."""


@dataclass(frozen=True)
class LipSyncError:
    """LSE-D (`distance`), LSE-C (`confidence`) and offset of one video; None where there is nothing to judge."""

    whole_frame: SyncScore | None
    """Whole frames squeezed to 224 pixels, as Wav2Lip's evaluation has it for LRS2, LRS3 and LRW."""
    tracked_crop: SyncScore | None
    """Crops that follow the face, as SyncNet's own pipeline makes them: mean over the runs of the face, with the
    offset of the longest."""


def shifted_distances(mouths: np.ndarray, sounds: np.ndarray, maximum_shift: int = MAXIMUM_SHIFT) -> np.ndarray:
    """Mean distance of mouth embeddings from sound embeddings, for every shift of the sound.

        d(s) = mean over i of |mouth[i] - sound[i + s] + 1e-6|, s from -maximum_shift to +maximum_shift

    Only windows that both have are averaged. (`PaddedDistances` has the mean of the published evaluation; with
    embeddings of length 1, of which its zeros are closer than unrelated ones, it would favour large shifts of short
    clips.)

    Args:
        mouths: (N, C), one window a frame; rows of NaN (no face there) are left out.
        sounds: (N, C).
        maximum_shift: frames.

    Returns:
        float64 (2 * maximum_shift + 1,); NaN at shifts that leave no window.
    """
    num = min(len(mouths), len(sounds))
    mouths, sounds = np.asarray(mouths[:num], np.float64), np.asarray(sounds[:num], np.float64)
    distances = np.full(2 * maximum_shift + 1, np.nan)
    for position, shift in enumerate(range(-maximum_shift, maximum_shift + 1)):
        first, last = max(0, -shift), min(num, num - shift)
        if first >= last:
            continue
        each = np.linalg.norm(mouths[first:last] - sounds[first + shift : last + shift] + _EPSILON, axis=1)
        judged = each[np.isfinite(each)]
        if len(judged):
            distances[position] = judged.mean()
    return distances


class PaddedDistances:
    """The same mean as SyncNet's published evaluation takes it, window by window in constant memory.

    d(s) = mean over all i of |lips[i] - sound[i + s] + 1e-6|, sound[j] being zeros where there is no window j

    distances = PaddedDistances()
    for lips, sounds in batches:
        distances.add(lips, sounds)
    score = distances.score()
    """

    def __init__(self, maximum_shift: int = MAXIMUM_SHIFT) -> None:
        self.num_windows = 0
        """Windows whose distances are known for all shifts."""
        self._maximum_shift = maximum_shift
        self._sums = np.zeros(2 * maximum_shift + 1)
        self._lips: np.ndarray | None = None  # windows that wait for the sound of later ones
        self._sounds: np.ndarray | None = None  # from `maximum_shift` windows before the first of them

    def add(self, lips: np.ndarray, sounds: np.ndarray) -> None:
        """Take the embeddings of the next windows, (n, C) each."""
        lips, sounds = np.asarray(lips, np.float64), np.asarray(sounds, np.float64)
        if self._lips is None or self._sounds is None:
            self._lips, self._sounds = lips[:0], np.zeros((self._maximum_shift, sounds.shape[1]))
        self._lips = np.concatenate([self._lips, lips])
        self._sounds = np.concatenate([self._sounds, sounds])
        self._measure()

    def score(self) -> SyncScore | None:
        """Measure the last windows, and score; None if there was no window. Nothing can be added after it."""
        if self._lips is None or self._sounds is None:
            return None
        self._sounds = np.concatenate([self._sounds, np.zeros((self._maximum_shift, self._sounds.shape[1]))])
        self._measure()
        return _score(self._sums / self.num_windows, self.num_windows)

    def _measure(self) -> None:
        """Measure the windows that have the sound of all shifts, and forget what is not needed any more."""
        assert self._lips is not None
        assert self._sounds is not None
        num_shifts = 2 * self._maximum_shift + 1
        num = max(0, len(self._sounds) - num_shifts + 1)
        for lips, index in zip(self._lips[:num], range(num), strict=True):
            self._sums += np.linalg.norm(lips - self._sounds[index : index + num_shifts] + _EPSILON, axis=1)
        self.num_windows += num
        self._lips, self._sounds = self._lips[num:], self._sounds[num:]


def sync_score(mouths: np.ndarray, sounds: np.ndarray, maximum_shift: int = MAXIMUM_SHIFT) -> SyncScore:
    """Score the sync of a video from its embeddings; arguments as `shifted_distances`.

        distance = min over s of d(s)        confidence = median over s of d(s) - distance        offset = -argmin d

    This is the order of SyncNet's published evaluation: averaged over windows first, then the minimum over shifts.
    """
    distances = shifted_distances(mouths, sounds, maximum_shift)
    if not np.isfinite(distances).any():
        return SyncScore(float("nan"), float("nan"), 0, float("nan"), 0)
    return _score(distances, int(np.isfinite(np.asarray(mouths)[: len(sounds)]).all(axis=1).sum()))


def _score(distances: np.ndarray, num_windows: int) -> SyncScore:
    """Read the figures off the mean distances of all shifts, (2 * maximum_shift + 1,)."""
    maximum_shift = len(distances) // 2
    best = int(np.nanargmin(distances))
    return SyncScore(
        distance=float(distances[best]),
        confidence=float(np.nanmedian(distances) - distances[best]),
        offset=maximum_shift - best,
        distance_at_zero=float(distances[maximum_shift]),
        num_windows=num_windows,
    )
