"""Agreement of a predicted motion of 68 landmarks with the true one, clip by clip and as distributions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from visavox.face.geometry.motion import lip_gap, opening_of, width_of
from visavox.metrics.curves import gain, opening_correlation
from visavox.metrics.frechet import frechet_distance

LIPS = slice(48, 68)
"""The points of the lips among the 68."""


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
