"""Landmark distance (LMD): how far the dubbed lips are from the true ones, head motion taken out."""

from __future__ import annotations

import numpy as np

from visavox.face.geometry.landmarks import LIPS_INNER, LIPS_OUTER, RIGID, eye_distance

_LIPS = list(LIPS_OUTER + LIPS_INNER)
_RIGID = list(RIGID)


def fit_similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Find the similarity transforms (scale, rotation, shift) that bring points onto points, in least squares.

    The closed form of Umeyama (1991) in the plane: with centred points as complex numbers, scale and rotation
    are the one factor sum(target * conj(source)) / sum(|source|^2).

    Args:
        source: (..., K, 2).
        target: (..., K, 2).

    Returns:
        float64 (..., 2, 3): target = M[:, :2] @ source + M[:, 2].

    >>> square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    >>> fit_similarity(square, 2 * square + [3, 4]).round(6).tolist()
    [[2.0, -0.0, 3.0], [0.0, 2.0, 4.0]]
    """
    first = source[..., 0].astype(np.float64) + 1j * source[..., 1]
    second = target[..., 0].astype(np.float64) + 1j * target[..., 1]
    first_mean, second_mean = first.mean(axis=-1, keepdims=True), second.mean(axis=-1, keepdims=True)
    centred = first - first_mean
    with np.errstate(invalid="ignore"):  # NaN in, NaN out
        factor = ((second - second_mean) * centred.conj()).sum(-1) / (np.abs(centred) ** 2).sum(-1)
    shift = second_mean[..., 0] - factor * first_mean[..., 0]
    rows = [
        np.stack([factor.real, -factor.imag, shift.real], axis=-1),
        np.stack([factor.imag, factor.real, shift.imag], axis=-1),
    ]
    return np.stack(rows, axis=-2)


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Apply (..., 2, 3) transforms to (..., K, 2) points."""
    return points @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]


def landmark_distance(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Landmark distance of every frame.

        LMD(t) = mean over lip points k of |S_t(p_tk) - q_tk| / |q_t,33 - q_t,263|

    S_t is the similarity transform that best brings the rigid points of the predicted face (corners of the
    eyes, nose, forehead: `visavox.face.geometry.landmarks.RIGID`) onto those of the true one, so neither the place nor
    the tilt of the head counts; k runs over the 40 points of the outer and inner border of the lips. After
    "Lip Movements Generation at a Glance" (Chen et al., 2018), which leaves alignment and unit open; figures of
    other papers do not compare with these.

    Args:
        predicted: (..., 478, 2 or 3), landmarks of the dubbed video in pixels.
        true: (..., 478, 2 or 3), of the recording.

    Returns:
        (...), 0 or more, in distances of the outer eye corners; NaN where landmarks are.
    """
    first, second = predicted[..., :2].astype(np.float64), true[..., :2].astype(np.float64)
    aligned = transform_points(fit_similarity(first[..., _RIGID, :], second[..., _RIGID, :]), first[..., _LIPS, :])
    distance = np.linalg.norm(aligned - second[..., _LIPS, :], axis=-1).mean(axis=-1)
    return distance / eye_distance(second)
