"""Losses on face features against slow ones, written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.losses.face_features import normalized_feature_distance, reading_distance


def test_normalized_feature_distance() -> None:
    rng = np.random.default_rng(5)
    stages = [
        (rng.random((2, 3, 4, 8)), rng.random((2, 3, 4, 8))),
        (rng.random((2, 5, 2, 4)), rng.random((2, 5, 2, 4))),
    ]
    expected = np.zeros(2)
    for one, other in stages:
        for number in range(2):
            for row in range(one.shape[2]):
                for column in range(one.shape[3]):
                    first, second = one[number, :, row, column], other[number, :, row, column]
                    first, second = first / np.linalg.norm(first), second / np.linalg.norm(second)
                    expected[number] += ((first - second) ** 2).sum() / one[0, 0].size / len(stages)
    painted, truth = ([torch.from_numpy(stage[side]) for stage in stages] for side in (0, 1))
    assert normalized_feature_distance(painted, truth).numpy() == pytest.approx(expected, rel=1e-4)


def test_the_distance_does_not_ask_how_long_features_are() -> None:
    features = [torch.rand(1, 4, 3, 3) + 0.1]
    other = [3 * features[0]]
    assert normalized_feature_distance(features, other)[0] < 1e-6


def test_features_that_are_all_zero_have_a_gradient() -> None:
    painted = torch.zeros(1, 4, 2, 2, requires_grad=True)
    normalized_feature_distance([painted], [torch.rand(1, 4, 2, 2)]).sum().backward()
    assert torch.isfinite(painted.grad).all()


def test_reading_distance_is_square_near_and_straight_far() -> None:
    truth = torch.tensor([[0.0, 0.0]], requires_grad=True)
    assert reading_distance(torch.tensor([[0.4, 0.0]]), truth) == pytest.approx(0.4**2 / 2 / 2)
    assert reading_distance(torch.tensor([[3.0, 0.0]]), truth) == pytest.approx((3 - 0.5) / 2)
    painted = torch.tensor([[1.0, 0.0]], requires_grad=True)
    reading_distance(painted, truth).backward()
    assert truth.grad is None
    assert painted.grad is not None
