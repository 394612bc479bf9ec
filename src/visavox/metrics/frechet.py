"""The Frechet distance between two clouds of features, taken for Gaussian: with Inception's features, FID."""

from __future__ import annotations

import numpy as np


def frechet_distance(
    mean: np.ndarray, covariance: np.ndarray, true_mean: np.ndarray, true_covariance: np.ndarray
) -> float:
    """Squared Frechet (2-Wasserstein) distance between two Gaussians (Dowson and Landau 1982).

        d^2 = |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2))

    The trace of the root is the sum of the roots of the eigenvalues of C^(1/2) C' C^(1/2), which is symmetric, so
    that no complex number can come up, also where there are fewer samples than dimensions.

    Args:
        mean: (D,).
        covariance: (D, D).
        true_mean: (D,).
        true_covariance: (D, D).

    Returns:
        0 or more, in the squared unit of the features.

    >>> one = np.eye(2)
    >>> round(frechet_distance(np.array([3.0, 0]), one, np.array([0.0, 4]), 4 * one), 6)
    27.0
    """
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    common = np.linalg.eigvalsh(root @ true_covariance @ root)
    traces = np.trace(covariance) + np.trace(true_covariance) - 2 * np.sqrt(common.clip(min=0)).sum()
    return max(0.0, float(((mean - true_mean) ** 2).sum() + traces))


class Moments:
    """Mean and covariance of features that come portion by portion; holds two matrices, however many there are."""

    def __init__(self) -> None:
        self.count = 0
        """Features taken so far."""
        self._shift = np.empty(0)
        self._sum = np.empty(0)
        self._products = np.empty((0, 0))

    def add(self, features: np.ndarray) -> None:
        """Take (N, D) features; N may be 0."""
        if not len(features):
            return
        features = np.asarray(features, np.float64)
        if not self.count:
            # Sums of differences from a value near the mean lose no digits when the mean is taken off.
            self._shift = features.mean(axis=0)
            self._sum = np.zeros_like(self._shift)
            self._products = np.zeros((len(self._shift),) * 2)
        centred = features - self._shift
        self.count += len(features)
        self._sum += centred.sum(axis=0)
        self._products += centred.T @ centred

    @property
    def mean(self) -> np.ndarray:
        """float64 (D,)."""
        return self._shift + self._sum / self.count

    @property
    def covariance(self) -> np.ndarray:
        """float64 (D, D), divided by N - 1; needs two features."""
        return (self._products - np.outer(self._sum, self._sum) / self.count) / (self.count - 1)


def frechet_inception_distance(features: np.ndarray, true_features: np.ndarray) -> float:
    """FID of two sets of images from their Inception features (Heusel et al., NeurIPS 2017, equation 6).

    Means and covariances (divided by N - 1) are taken over each set. FID falls with the number of images: only
    values over equally many can be compared, and below some thousand they say little.

    Args:
        features: (N, 2048) of the images to compare, as `visavox.models.inception` gives them.
        true_features: (M, 2048) of the true ones.

    Returns:
        0 or more; NaN for fewer than two images in a set.

    >>> features = np.array([[0.0, 1], [2, 1], [1, 3]])
    >>> round(frechet_inception_distance(features + 2, features), 6)
    8.0
    """
    if min(len(features), len(true_features)) < 2:
        return float("nan")
    moments = []
    for each in (features, true_features):
        each = np.asarray(each, np.float64)
        moments += [each.mean(axis=0), np.cov(each, rowvar=False)]
    return frechet_distance(*moments)
