"""Sync of the motion of a face with speech, by the motion SyncNet."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from visavox.data.motion.motion_store import MotionStore
from visavox.data.motion.motion_sync_dataset import motion_from_rest
from visavox.models.sync.motion_syncnet import MotionSyncNet

MINIMUM_OVERLAP = 8
"""Windows that must be left to compare when speech is moved against the mouth."""


def shifted_agreement(
    network: MotionSyncNet, features: np.ndarray, motion: np.ndarray, reach: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean cosine of a clip's mouths with its speech moved against them.

    Args:
        network: a motion SyncNet.
        features: float32 (2 T, C).
        motion: float32 (T, 68, 3), centimetres from the face at rest.
        reach: frames by which the speech is moved at most.

    Returns:
        sums float64 (2 reach + 1,) of the cosines, for speech from `reach` frames earlier to `reach` later, and how
        many windows they are over; 0 where too few overlap.
    """
    audio, mouths = _embeddings(network, features, motion)
    sums, counts = np.zeros(2 * reach + 1), np.zeros(2 * reach + 1)
    for place, offset in enumerate(range(-reach, reach + 1)):
        first, last = max(0, -offset), min(len(mouths), len(mouths) - offset)
        if last - first >= MINIMUM_OVERLAP:
            sums[place] = float((mouths[first:last] * audio[first + offset : last + offset]).sum())
            counts[place] = last - first
    return sums, counts


def found_offset(network: MotionSyncNet, store: MotionStore, reach: int) -> int:
    """Frames by which speech must be moved to fit the mouths of some clips best; positive: the speech comes late.

    The clips are one speaker's: what is found from a single short clip is a matter of chance.
    """
    mode = network.opening_mode.cpu().numpy()
    sums, counts = np.zeros(2 * reach + 1), np.zeros(2 * reach + 1)
    for clip in store.clips:
        each, number = shifted_agreement(network, clip.features, motion_from_rest(clip, mode), reach)
        sums, counts = sums + each, counts + number
    return int(np.argmax(sums / np.maximum(counts, 1))) - reach


def mean_agreement(network: MotionSyncNet, pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Mean cosine over all windows of several clips, each (features (2 T, C), motion (T, 68, 3))."""
    cosines = [(mouths * audio).sum(dim=1) for audio, mouths in (_embeddings(network, *pair) for pair in pairs)]
    return float(torch.cat(cosines).mean())


def apart_agreement(network: MotionSyncNet, pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Average the cosine of mouths with the speech of the next clip: what no sync at all gives.

    Args:
        network: the motion SyncNet.
        pairs: of each clip features (K, C) and motion (T, 68, 3).
    """
    cosines = []
    embedded = [_embeddings(network, *pair) for pair in pairs]
    for (_, mouths), (audio, _) in zip(embedded, embedded[1:] + embedded[:1], strict=True):
        length = min(len(mouths), len(audio))
        cosines.append((mouths[:length] * audio[:length]).sum(dim=1))
    return float(torch.cat(cosines).mean())


@torch.no_grad()
def _embeddings(network: MotionSyncNet, features: np.ndarray, motion: np.ndarray) -> tuple[Tensor, Tensor]:
    """Embeddings (W, D) of length one of all windows of a clip: of the speech and of the mouths."""
    device = network.feature_mean.device
    starts = torch.arange(len(motion) - network.config.num_frames + 1, device=device)
    rows, frames = torch.from_numpy(features).to(device), torch.from_numpy(motion).to(device)
    audio, mouths = network(*network.windows(rows[None], frames[None], starts))
    return audio.float(), mouths.float()
