"""LPIPS as a loss: it pulls a painted picture to the true one and leaves everything else alone."""

from __future__ import annotations

from pathlib import Path

import torch
from tests.models.published import save_backbone, save_linear

from visavox.losses.perceptual import LpipsLoss


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
