"""The Frechet distance of landmark frames, against a formula of its own."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from visavox.metrics.motion_domain import landmark_frechet_distance


def test_it_is_what_the_matrix_root_gives() -> None:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(204, 204)) / 14
    one = rng.normal(size=(900, 204)) @ mixing + 0.1
    other = rng.normal(size=(700, 204))
    means, covariances = zip(*((each.mean(axis=0), np.cov(each.T)) for each in (one, other)), strict=True)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = ((means[0] - means[1]) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    found = landmark_frechet_distance(one.reshape(-1, 68, 3), other.reshape(-1, 68, 3))
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_shift_costs_its_square_and_nothing_else() -> None:
    frames = np.random.default_rng(1).normal(size=(400, 68, 3))
    assert landmark_frechet_distance(frames, frames) == pytest.approx(0, abs=1e-6)
    assert landmark_frechet_distance(frames + np.array([0, 0.5, 0]), frames) == pytest.approx(68 * 0.25, rel=1e-6)


def test_a_single_frame_has_no_distance() -> None:
    frames = np.zeros((3, 68, 3))
    assert np.isnan(landmark_frechet_distance(frames[:1], frames))
