"""The values of a predicted motion against the true one, clip by clip, and their means over groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from benchmarks.motion.material import Material
from visavox.face.geometry.motion import canonical_68
from visavox.metrics.curves import CurveAgreement, compare_curves, mean_best_lag

LIPS = slice(48, 68)
"""The points of the lips among the 68."""
CLOSED = 0.03
"""Opening, in distances of the outer eye corners, at and below which lips count as closed."""
NEAR = 1
"""Frames before and behind a closure in which a prediction may close too."""


@dataclass(frozen=True)
class ClipValues:
    """What was measured of one clip. Lengths are distances of the outer eye corners; NaN where there is none."""

    group: str
    """Group of the clip."""
    opening: CurveAgreement
    """Of the lip openings."""
    width: CurveAgreement
    """Of the lip widths."""
    landmark_distance: float
    """LMD: of the points of the lips, each clip's mean face taken away."""
    velocity: float
    """Ratio of how far the points of the lips move from frame to frame, predicted to true."""
    diversity: float
    """How far the lips of two samples are apart, in the mean."""
    silence_opening: float
    """Predicted opening in pauses."""
    silence_opening_true: float
    """The same of the recording."""
    closures: int
    """Closures of the true lips within speech."""
    closures_met: int
    """Those in which the prediction closes too."""
    closed_anywhere: float
    """Share of all frames of speech at which the prediction is closed, as near as for a closure: what chance meets."""
    sync: float = math.nan
    """Share of choices between right and wrong speech in which the motion SyncNet finds the prediction's own."""
    sync_true: float = math.nan
    """The same of the recording."""


class Scorer(Protocol):
    """What tells right from wrong speech."""

    def accuracy(self, clip: Material, displacements: np.ndarray) -> float:
        """Share of choices that fall on the right speech, for a motion (T, 68, 3) of a clip."""
        ...


def measure(clip: Material, samples: Sequence[np.ndarray], scorer: Scorer | None = None) -> ClipValues:
    """Compare predictions of one clip with its recording.

    Args:
        clip: the clip.
        samples: displacements (T, 68, 3), one or more; all values but diversity are of the first.
        scorer: a motion SyncNet.
    """
    predicted = samples[0]
    true_opening = np.where(clip.seen, opening(clip.displacements), np.nan)
    true_width = np.where(clip.seen, width(clip.displacements), np.nan)
    paused = clip.paused()
    speech = ~paused & clip.seen
    met, closures = _closures(opening(predicted), true_opening, speech)
    return ClipValues(
        group=clip.group,
        opening=compare_curves(opening(predicted), true_opening),
        width=compare_curves(width(predicted), true_width),
        landmark_distance=_landmark_distance(predicted, clip),
        velocity=_velocity(predicted, clip),
        diversity=_diversity(samples),
        silence_opening=_mean(opening(predicted)[paused]),
        silence_opening_true=_mean(true_opening[paused]),
        closures=closures,
        closures_met=met,
        closed_anywhere=_mean(_closed_near(opening(predicted))[speech]),
        sync=math.nan if scorer is None else scorer.accuracy(clip, predicted),
        sync_true=math.nan if scorer is None else scorer.accuracy(clip, clip.displacements),
    )


def faces(displacements: np.ndarray) -> np.ndarray:
    """Points seen from the front, (T, 68, 2), in distances of the outer eye corners of the canonical face."""
    result: np.ndarray = (canonical_68() + displacements)[..., :2] / _canonical_eyes()
    return result


def opening(displacements: np.ndarray) -> np.ndarray:
    """Gap between the middles of the inner lips over the distance of the outer eye corners, both from the front."""
    return _ratio(displacements, 62, 66)


def width(displacements: np.ndarray) -> np.ndarray:
    """Distance of the corners of the mouth over that of the outer eye corners, both from the front."""
    return _ratio(displacements, 48, 54)


@lru_cache(maxsize=1)
def _canonical_eyes() -> float:
    points = canonical_68()
    return float(np.linalg.norm(points[36, :2] - points[45, :2]))


def _ratio(displacements: np.ndarray, first: int, second: int) -> np.ndarray:
    points = (canonical_68() + displacements)[..., :2]
    eyes = np.linalg.norm(points[:, 36] - points[:, 45], axis=-1)
    result: np.ndarray = np.linalg.norm(points[:, first] - points[:, second], axis=-1) / eyes
    return result


def _landmark_distance(predicted: np.ndarray, clip: Material) -> float:
    lips, true = faces(predicted)[clip.seen, LIPS], faces(clip.displacements)[clip.seen, LIPS]
    apart = (lips - lips.mean(axis=0)) - (true - true.mean(axis=0))
    return _mean(np.linalg.norm(apart, axis=-1))


def _velocity(predicted: np.ndarray, clip: Material) -> float:
    """Root mean square of the frame differences: their standard deviation, the mean of which is nought."""
    both = clip.seen[1:] & clip.seen[:-1]
    if both.sum() < 3:
        return math.nan
    steps, true = (np.diff(faces(each)[:, LIPS], axis=0)[both] for each in (predicted, clip.displacements))
    return float(np.sqrt((steps**2).mean() / max((true**2).mean(), 1e-12)))


def _diversity(samples: Sequence[np.ndarray]) -> float:
    lips = [faces(each)[:, LIPS] for each in samples]
    pairs = [(one, other) for number, one in enumerate(lips) for other in lips[:number]]
    return _mean(np.array([np.linalg.norm(one - other, axis=-1).mean() for one, other in pairs]))


def _closures(predicted: np.ndarray, true: np.ndarray, speech: np.ndarray) -> tuple[int, int]:
    """How many closures of the true lips within speech the prediction meets, and how many there are.

    A closure is a run of frames with closed lips between open ones: a mouth that is shut while it waits is none.
    """
    shut = np.nan_to_num(true, nan=np.inf) <= CLOSED
    edges = np.flatnonzero(np.diff(np.concatenate([[0], shut.astype(np.int8), [0]]))).reshape(-1, 2)
    near = _closed_near(predicted)
    inside = [
        near[first:end].any()
        for first, end in edges
        if first > 0
        and end < len(true)
        and speech[first - 1 : end + 1].all()
        and np.isfinite(true[[first - 1, end]]).all()
    ]
    return int(sum(inside)), len(inside)


def _closed_near(curve: np.ndarray) -> np.ndarray:
    """bool (T,): frames with closed lips at most NEAR frames away."""
    shut = np.pad(curve <= CLOSED, NEAR)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(shut, 2 * NEAR + 1).any(axis=1))


def _mean(values: np.ndarray) -> float:
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    return float(known.mean()) if known.size else math.nan


def group_values(clips: Sequence[ClipValues]) -> dict[str, dict[str, float]]:
    """Average over the clips of each group, in alphabetical order, and then over the groups (`mean`).

    Under `mean`, numbers of clips and closures are those of all groups, and the lag is that of all clips together.
    """
    names = sorted({clip.group for clip in clips})
    groups = {name: _averaged([clip for clip in clips if clip.group == name]) for name in names}
    every = _averaged(clips)
    means = {key: _mean(np.array([values[key] for values in groups.values()])) for key in every}
    return groups | {"mean": means | {key: every[key] for key in ("clips", "closures", "opening_lag")}}


def _averaged(clips: Sequence[ClipValues]) -> dict[str, float]:
    def mean(read: Callable[..., Any]) -> float:
        return _mean(np.array([read(clip) for clip in clips], np.float64))

    closures = sum(clip.closures for clip in clips)
    return {
        "clips": float(len(clips)),
        "opening_r": mean(lambda clip: clip.opening.correlation),
        "opening_lag": float(mean_best_lag([clip.opening for clip in clips])[0]),
        "opening_gain": mean(lambda clip: clip.opening.gain),
        "width_r": mean(lambda clip: clip.width.correlation),
        "width_gain": mean(lambda clip: clip.width.gain),
        "lmd": mean(lambda clip: clip.landmark_distance),
        "velocity": mean(lambda clip: clip.velocity),
        "diversity": mean(lambda clip: clip.diversity),
        "silence": mean(lambda clip: clip.silence_opening),
        "silence_true": mean(lambda clip: clip.silence_opening_true),
        "closures": float(closures),
        "closures_met": sum(clip.closures_met for clip in clips) / closures if closures else math.nan,
        "closed_anywhere": mean(lambda clip: clip.closed_anywhere),
        "sync": mean(lambda clip: clip.sync),
        "sync_true": mean(lambda clip: clip.sync_true),
    }
