"""Similarity transforms (scale, rotation, shift) between points of two faces."""

from __future__ import annotations

import numpy as np


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
