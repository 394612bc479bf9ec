"""The Frechet distance in closed form, and against two other computations of it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from visavox.metrics.frechet import frechet_distance, frechet_inception_distance


def random_gaussian(generator: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    mixing = generator.normal(size=(size, size))
    return generator.normal(size=size), mixing @ mixing.T


def test_gaussians_that_differ_in_one_thing() -> None:
    mean, covariance = random_gaussian(np.random.default_rng(0), 5)
    assert frechet_distance(mean, covariance, mean, covariance) == pytest.approx(0, abs=1e-9)
    # Shifted: the squared shift. Stretched by k: (k - 1)^2 times the variance.
    assert frechet_distance(mean + 2, covariance, mean, covariance) == pytest.approx(5 * 4)
    assert frechet_distance(mean, 9 * covariance, mean, covariance) == pytest.approx(4 * np.trace(covariance))


def test_independent_dimensions() -> None:
    first, second = np.array([1.0, 4, 9, 0]), np.array([4.0, 4, 1, 2])
    expected = ((np.sqrt(first) - np.sqrt(second)) ** 2).sum()
    assert frechet_distance(np.zeros(4), np.diag(first), np.zeros(4), np.diag(second)) == pytest.approx(expected)


def test_it_equals_the_root_of_the_product() -> None:
    generator = np.random.default_rng(1)
    (mean, covariance), (other_mean, other) = random_gaussian(generator, 8), random_gaussian(generator, 8)
    root = np.real(scipy.linalg.sqrtm(covariance @ other))
    expected = ((mean - other_mean) ** 2).sum() + np.trace(covariance + other - 2 * root)
    assert frechet_distance(mean, covariance, other_mean, other) == pytest.approx(expected)
    assert frechet_distance(other_mean, other, mean, covariance) == pytest.approx(expected)


def test_fewer_pictures_than_features() -> None:
    generator = np.random.default_rng(2)
    features, other = generator.normal(size=(6, 40)), 1 + generator.normal(size=(9, 40))
    # With centred features over sqrt(N - 1) as factors, the trace of the root is the nuclear norm of their product.
    factors = [(each - each.mean(axis=0)) / np.sqrt(len(each) - 1) for each in (features, other)]
    nuclear = np.linalg.svd(factors[0] @ factors[1].T, compute_uv=False).sum()
    shift = features.mean(axis=0) - other.mean(axis=0)
    expected = (shift**2).sum() + (factors[0] ** 2).sum() + (factors[1] ** 2).sum() - 2 * nuclear
    assert frechet_inception_distance(features, other) == pytest.approx(expected)
    assert np.isnan(frechet_inception_distance(features[:1], other))


def test_it_equals_torchmetrics() -> None:
    fid = pytest.importorskip("torchmetrics.image.fid")
    import torch

    generator = torch.Generator().manual_seed(3)
    true, dubbed = (torch.rand(50, 3, 4, 4, generator=generator) for _ in range(2))
    metric = fid.FrechetInceptionDistance(feature=torch.nn.Flatten(), input_img_size=(3, 4, 4), normalize=True)
    metric.update(true, real=True)
    metric.update(dubbed, real=False)
    features = (each.flatten(1).numpy() for each in (dubbed, true))
    assert frechet_inception_distance(*features) == pytest.approx(float(metric.compute()), rel=1e-4)
