"""Agreement of a predicted motion of 68 landmarks with the true one, and with the speech by the motion SyncNet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
import torch
from torch import Tensor

from visavox.data.motion import MotionStore, motion_from_rest
from visavox.face.geometry import lip_gap, opening_of, width_of
from visavox.metrics.curves import gain, opening_correlation
from visavox.metrics.frechet import frechet_distance
from visavox.models.sync import MotionSyncNet

LIPS = slice(48, 68)
"""The points of the lips among the 68."""
MINIMUM_OVERLAP = 8
"""Windows that must be left to compare when speech is moved against the mouth."""


@dataclass(frozen=True)
class MotionAgreement:
    """Values of one clip, or means over clips; NaN where a curve does not move."""

    opening: float
    """Correlation of the opening of the lips at lag 0."""
    width: float
    """Correlation of the width of the mouth at lag 0."""
    gain: float
    """Standard deviation of the predicted opening over that of the true one."""
    velocity: float
    """Standard deviation of the speed of the lips against the true one: 1 is as lively as the truth."""
    distance: float
    """Mean distance of the points of the lips from the true ones (LMD), centimetres, both means taken away."""

    @classmethod
    def mean(cls, agreements: Sequence[MotionAgreement]) -> MotionAgreement:
        """Mean of each value over those in which it is a number."""
        rows = np.array([astuple(one) for one in agreements], dtype=np.float64)
        known = np.isfinite(rows)
        sums = np.where(known, rows, 0).sum(axis=0)
        return cls(*(float(value) for value in np.where(known.any(0), sums / known.sum(0).clip(1), np.nan)))


def compare_motions(predicted: np.ndarray, true: np.ndarray, rest: np.ndarray) -> MotionAgreement:
    """Compare two motions of the same frames.

    Args:
        predicted: (T, 68, 3), centimetres from a face at rest.
        true: (T, 68, 3), centimetres from the speaker's face at rest.
        rest: (68, 3), a face at rest, as a displacement from the canonical one: openings and widths are
            measured on it, so that both motions are shown by the same face.
    """
    one, other = predicted + rest, true + rest
    openings, widths = (opening_of(one), opening_of(other)), (width_of(one), width_of(other))
    centred = (predicted - predicted.mean(axis=0))[:, LIPS] - (true - true.mean(axis=0))[:, LIPS]
    return MotionAgreement(
        opening=float(opening_correlation(*openings)),
        width=float(opening_correlation(*widths)),
        gain=float(gain(*openings)),
        velocity=velocity_ratio(predicted, true),
        distance=float(np.linalg.norm(centred, axis=-1).mean()),
    )


def velocity_ratio(predicted: np.ndarray, true: np.ndarray) -> float:
    """Divide the standard deviations of the steps of the lip gap of two motions (T, 68, 3): predicted over true."""
    steps = [float(np.diff(lip_gap(motion)).std()) for motion in (predicted, true)]
    return steps[0] / steps[1] if steps[1] > 1e-9 else float("nan")


def landmark_frechet_distance(frames: np.ndarray, true_frames: np.ndarray) -> float:
    """Squared Frechet distance between two clouds of landmark frames, taken for Gaussian.

    It sees where faces lie and how their points move together, and nothing of the order in time. As FID it falls with
    the number of frames: compare values over equally many.

    Args:
        frames: (N, 68, 3) displacements from the canonical face, centimetres.
        true_frames: (M, 68, 3) of the person.

    Returns:
        0 or more, square centimetres, summed over the 204 numbers of a frame; NaN for fewer than two frames in a set.
    """
    if min(len(frames), len(true_frames)) < 2:
        return float("nan")
    moments = []
    for each in (frames, true_frames):
        rows = np.asarray(each, np.float64).reshape(len(each), -1)
        moments += [rows.mean(axis=0), np.cov(rows, rowvar=False)]
    return frechet_distance(*moments)


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
