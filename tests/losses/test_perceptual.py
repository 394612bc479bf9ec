"""LPIPS as a loss: it pulls a painted picture to the true one and leaves everything else alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.published import save_backbone, save_linear
from tests.narrow import present

from visavox.losses.perceptual import LpipsLoss, mouth_motion_distance, normalized_feature_distance


def test_descent_on_it_brings_the_pictures_together(tmp_path: Path) -> None:
    save_backbone(tmp_path / "backbone.pth", "squeeze")
    save_linear(tmp_path / "linear.pth", "squeeze")
    loss = LpipsLoss.load("squeeze", weights=tmp_path / "backbone.pth", linear=tmp_path / "linear.pth").train()
    torch.manual_seed(0)
    truth = torch.rand(2, 3, 32, 32, requires_grad=True)
    painted = torch.full((2, 3, 32, 32), 0.5, requires_grad=True)
    optimizer = torch.optim.Adam([painted], lr=0.02)
    distances = []
    for _ in range(30):
        optimizer.zero_grad()
        distance = loss(painted.clamp(0, 1), truth)
        distance.mean().backward()
        optimizer.step()
        distances.append(distance.detach())
    assert distances[0].shape == (2,)
    assert (distances[-1] < 0.6 * distances[0]).all()
    assert truth.grad is None
    assert not loss.distance.training


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
    assert torch.isfinite(present(painted.grad)).all()


def test_reading_distance_is_square_near_and_straight_far() -> None:
    truth = torch.tensor([[0.0, 0.0]], requires_grad=True)
    assert mouth_motion_distance(torch.tensor([[0.4, 0.0]]), truth) == pytest.approx(0.4**2 / 2 / 2)
    assert mouth_motion_distance(torch.tensor([[3.0, 0.0]]), truth) == pytest.approx((3 - 0.5) / 2)
    painted = torch.tensor([[1.0, 0.0]], requires_grad=True)
    mouth_motion_distance(painted, truth).backward()
    assert truth.grad is None
    assert painted.grad is not None
