from __future__ import annotations

import math

import pytest
import torch
from tests.narrow import present

from visavox.losses.radiance import change_outside, color_error, feature_patch_distance, mask_error, opacity_entropy
from visavox.models.perceptual.face_features import MouthPerceptualNet, MouthPerceptualNetConfig


def test_colors() -> None:
    assert float(color_error(torch.tensor([[0.5, 0.5, 0.5]]), torch.tensor([[0.5, 0.5, 0.8]]))) == pytest.approx(0.03)


def test_entropy_is_least_where_a_ray_passes_or_not() -> None:
    assert float(opacity_entropy(torch.tensor([0.5, 0.5]))) == pytest.approx(math.log(2))
    assert float(opacity_entropy(torch.tensor([0.0, 1.0]))) < 2e-4
    edge = torch.tensor([0.0, 1.0], requires_grad=True)
    opacity_entropy(edge).backward()
    assert torch.isfinite(present(edge.grad)).all()


def test_the_mask_counts_where_it_is_sure() -> None:
    opacity = torch.tensor([0.2, 0.7, 0.3])
    assert float(mask_error(opacity, torch.tensor([0.0, 1.0, 0.5]))) == pytest.approx((0.04 + 0.09) / 2)
    assert float(mask_error(opacity, torch.full((3,), 0.5))) == 0


def test_the_motion_is_free_inside_the_face_and_nowhere_else() -> None:
    change = torch.tensor([1.0, 2.0, 4.0], requires_grad=True)
    loss = change_outside(change, torch.tensor([True, False, False]))
    assert float(loss.detach()) == 3
    loss.backward()
    assert present(change.grad).tolist() == [0.0, 0.5, 0.5]
    assert float(change_outside(torch.ones(2), torch.tensor([True, True]))) == 0


def test_patches_are_compared_by_what_is_seen_in_them() -> None:
    features = MouthPerceptualNet(MouthPerceptualNetConfig(resolution=64, channels=(2, 4))).eval()
    judge = feature_patch_distance(features.stages, 32)
    truth = torch.rand(2, 3, 16, 16)
    painted = truth.clone().requires_grad_()
    assert float(judge(painted, truth).detach().max()) < 1e-6
    worse = (truth + torch.tensor([0.1, 0.5]).view(2, 1, 1, 1)).requires_grad_()
    distance = judge(worse, truth)
    assert distance[1] > distance[0] > 0
    distance.sum().backward()
    assert float(present(worse.grad).abs().sum()) > 0
