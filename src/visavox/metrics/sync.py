"""Lip sync error by an expert: LSE-D, LSE-C and the offset, from embeddings of mouths and sound.

The expert is a network that puts five frames of a mouth and 0.2 s of sound near each other when they belong
together (SyncNet, Chung & Zisserman, "Out of time", 2016). The figures depend on the expert and on what it is
shown: those of one expert do not compare with those of another, nor with the LSE of papers, which use the
published SyncNet of 2016.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

MAXIMUM_SHIFT = 15
"""Windows: sound is shifted from -15 to +15 frames against the picture, as in the published evaluation."""


@dataclass(frozen=True)
class SyncScore:
    """What an expert says of the sync of a video."""

    distance: float
    """LSE-D: smallest mean distance of embeddings over all shifts; lower is better."""
    confidence: float
    """LSE-C: median over shifts minus the smallest; higher is better."""
    offset: int
    """Shift of the smallest distance, in frames: positive, the mouth comes late; LSE-D and LSE-C do not see it."""
    distance_at_zero: float
    """Mean distance without a shift: what a viewer gets."""
    num_windows: int
    """Windows of five frames that were judged."""


def shifted_distances(
    mouths: np.ndarray,
    sounds: np.ndarray,
    maximum_shift: int = MAXIMUM_SHIFT,
    border: Literal["zeros", "overlap"] = "zeros",
) -> np.ndarray:
    """Mean distance of mouth embeddings from sound embeddings, for every shift of the sound.

        d(s) = mean over i of |mouth[i] - sound[i + s] + 1e-6|, s from -maximum_shift to +maximum_shift

    Args:
        mouths: (N, C), one window a frame; rows of NaN (no face there) are left out.
        sounds: (N, C).
        maximum_shift: frames.
        border: what `sound` is before its first and after its last window. `zeros`: a vector of zeros, as the
            published evaluation of SyncNet has it (with torch's 1e-6 in the distance). `overlap`: only windows
            that both have are averaged; with embeddings of length 1, of which zeros are closer than unrelated
            ones, the former would favour large shifts of short clips.

    Returns:
        float64 (2 * maximum_shift + 1,); NaN at shifts that leave no window.
    """
    num = min(len(mouths), len(sounds))
    mouths, sounds = np.asarray(mouths[:num], np.float64), np.asarray(sounds[:num], np.float64)
    distances = np.full(2 * maximum_shift + 1, np.nan)
    for position, shift in enumerate(range(-maximum_shift, maximum_shift + 1)):
        index = np.arange(num) + shift
        inside = (index >= 0) & (index < num)
        partner = np.where(inside[:, None], sounds[np.clip(index, 0, max(num - 1, 0))], 0)
        each = np.linalg.norm(mouths - partner + 1e-6, axis=1)
        chosen = each if border == "zeros" else each[inside]
        judged = chosen[np.isfinite(chosen)]
        if len(judged):
            distances[position] = judged.mean()
    return distances


def sync_score(
    mouths: np.ndarray,
    sounds: np.ndarray,
    maximum_shift: int = MAXIMUM_SHIFT,
    border: Literal["zeros", "overlap"] = "zeros",
) -> SyncScore:
    """Score the sync of a video from its embeddings; arguments as `shifted_distances`.

        LSE-D = min over s of d(s)        LSE-C = median over s of d(s) - LSE-D        offset = -argmin d

    The names are those of Prajwal et al., "A Lip Sync Expert Is All You Need" (2020); the computation is that of
    SyncNet's published evaluation (averaged over windows first, then the minimum over shifts).
    """
    distances = shifted_distances(mouths, sounds, maximum_shift, border)
    if not np.isfinite(distances).any():
        return SyncScore(float("nan"), float("nan"), 0, float("nan"), 0)
    best = int(np.nanargmin(distances))
    return SyncScore(
        distance=float(distances[best]),
        confidence=float(np.nanmedian(distances) - distances[best]),
        offset=maximum_shift - best,
        distance_at_zero=float(distances[maximum_shift]),
        num_windows=int(np.isfinite(np.asarray(mouths)[: len(sounds)]).all(axis=1).sum()),
    )
