"""Frechet distance of landmark frames: how near the faces of some motion lie to those of one person."""

from __future__ import annotations

import numpy as np

from visavox.metrics.frechet import frechet_distance


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
