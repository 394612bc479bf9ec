"""The flow is invertible, preserves volume, and its density is one: whatever its weights."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from tests.narrow import part, present
from torch import nn

from visavox.models.layers import GatedStack
from visavox.models.motion.flow import CouplingFlow, FlowConfig, standard_normal_log_density


def make_flow(channels: int = 6, condition: int = 5, **sizes: Any) -> CouplingFlow:
    """A flow that is far from the identity it begins as."""
    torch.manual_seed(3)
    flow = CouplingFlow(channels, condition, FlowConfig(**{"hidden": 8, "layers": 2, **sizes}))
    for coupling in flow.couplings:
        after = part(coupling, "after", nn.Conv1d)
        nn.init.normal_(after.weight, std=0.7)
        nn.init.normal_(present(after.bias), std=0.7)
    return flow.double().eval().requires_grad_(False)


def some(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("channels", [2, 5, 6])
@pytest.mark.parametrize("frames", [1, 2, 13])
def test_inverse_undoes_forward(channels: int, frames: int) -> None:
    flow = make_flow(channels)
    latent, condition, mask = some(3, channels, frames), some(3, 5, frames, seed=1), torch.ones(3, 1, frames).double()
    noise, log_determinant = flow(latent, condition, mask)
    assert not torch.allclose(noise, latent, atol=0.1)
    torch.testing.assert_close(flow.inverse(noise, condition, mask), latent)
    torch.testing.assert_close(flow(flow.inverse(latent, condition, mask), condition, mask)[0], latent)
    assert torch.equal(log_determinant, torch.zeros(3).double())


def test_the_jacobian_has_the_determinant_that_is_said() -> None:
    flow = make_flow(channels=4)
    latent, condition, mask = some(1, 4, 5), some(1, 5, 5, seed=1), torch.ones(1, 1, 5).double()
    jacobian = torch.autograd.functional.jacobian(
        lambda flat: flow(flat.reshape(1, 4, 5), condition, mask)[0].flatten(), latent.flatten()
    )
    # The latent frames know of each other: the Jacobian is no block for each frame.
    assert jacobian.reshape(4, 5, 4, 5)[:, 0, :, 1].abs().max() > 1e-3
    sign, log_determinant = torch.linalg.slogdet(jacobian)
    assert abs(float(log_determinant)) < 1e-9
    assert abs(float(sign)) == 1


def test_the_density_integrates_to_one() -> None:
    """A latent of two numbers: the sum over a fine grid that is wide enough."""
    flow = make_flow(channels=2, couplings=2)
    axis = torch.linspace(-9, 9, 181, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)[:, :, None]  # (points, 2 channels, 1 frame)
    condition = some(1, 5, 1, seed=1).expand(len(grid), -1, -1)
    density = flow.log_density(grid, condition, torch.ones(len(grid), 1, 1).double())[:, 0].exp()
    cell = float(axis[1] - axis[0]) ** 2
    assert float(density.sum()) * cell == pytest.approx(1.0, abs=1e-3)
    # It is no standard normal that this would hold for without any flow.
    plain = standard_normal_log_density(grid)[:, 0].exp()
    assert float((density - plain).abs().sum()) * cell > 0.3


def test_the_density_is_that_of_the_noise() -> None:
    flow = make_flow()
    noise, condition, mask = some(2, 6, 4), some(2, 5, 4, seed=1), torch.ones(2, 1, 4).double()
    latent = flow.inverse(noise, condition, mask)
    expected = torch.distributions.Normal(0, 1).log_prob(noise).sum(dim=1)
    torch.testing.assert_close(flow.log_density(latent, condition, mask), expected)
    assert float(flow.log_density(flow.inverse(0 * noise, condition, mask), condition, mask)[0, 0]) == pytest.approx(
        -3 * math.log(2 * math.pi)
    )


def test_padding_changes_nothing() -> None:
    flow = make_flow()
    latent, condition = some(1, 6, 9), some(1, 5, 9, seed=1)
    mask = torch.ones(1, 1, 9).double()
    padded = [torch.nn.functional.pad(tensor, (0, 4)) for tensor in (latent, condition, mask)]
    padded[1][..., 9:] = 7.0
    torch.testing.assert_close(flow(*padded)[0][..., :9], flow(latent, condition, mask)[0])


def test_a_new_flow_moves_nothing_but_the_order_of_the_channels() -> None:
    flow = CouplingFlow(4, 3, FlowConfig(couplings=2))
    latent = torch.randn(1, 4, 5)
    assert torch.equal(flow(latent, torch.randn(1, 3, 5), torch.ones(1, 1, 5))[0], latent)


def test_a_latent_of_one_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="two halves"):
        CouplingFlow(1, 3, FlowConfig())


@pytest.mark.parametrize("growth", [1, 2])
def test_a_stack_hears_as_far_as_it_says(growth: int) -> None:
    torch.manual_seed(0)
    stack = GatedStack(4, 3, kernel=3, num_layers=3, dilation_growth=growth).eval()
    assert stack.reach == (3 if growth == 1 else 7)
    features = torch.randn(1, 4, 31, requires_grad=True)
    stack(features, torch.randn(1, 3, 31), torch.ones(1, 1, 31))[0, :, 15].sum().backward()
    heard = torch.nonzero(present(features.grad)[0].abs().sum(dim=0))[:, 0]
    assert (int(heard[0]), int(heard[-1])) == (15 - stack.reach, 15 + stack.reach)


def test_a_stack_with_an_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        GatedStack(4, 3, kernel=4, num_layers=2)
