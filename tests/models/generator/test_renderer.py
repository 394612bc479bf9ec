"""Warp of the reference: what it begins as, where it reads, and what lies over it."""

from __future__ import annotations

import torch

from visavox.models.generator.renderer import Layers, ReferenceWarp


def test_warping_begins_as_the_identity() -> None:
    torch.manual_seed(0)
    warp, reference = ReferenceWarp(4), torch.rand(2, 3, 32, 32)
    grid = warp(torch.randn(2, 4, 8, 8))
    layers = Layers(grid, torch.rand(2, 3, 32, 32), torch.zeros(2, 1, 32, 32))
    assert torch.allclose(layers.composite(reference), reference, atol=1e-5)


def test_warping_fetches_pixels_from_where_the_flow_says() -> None:
    warp, reference = ReferenceWarp(4), torch.rand(1, 3, 32, 32)
    bias = warp.flow.bias
    assert bias is not None
    with torch.no_grad():
        # tanh(bias) * 0.3 of half the picture = 2 pixels of 32 to the right.
        bias[0] = torch.atanh(torch.tensor(2 / 16 / 0.3))
    grid = warp(torch.randn(1, 4, 8, 8))
    composited = Layers(grid, torch.zeros(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)).composite(reference)
    assert torch.allclose(composited[..., :-2], reference[..., 2:], atol=1e-4)


def test_alpha_lays_the_colours_over_the_reference() -> None:
    warp, reference = ReferenceWarp(4), torch.zeros(1, 3, 32, 32)
    grid = warp(torch.zeros(1, 4, 8, 8))
    composited = Layers(grid, torch.ones(1, 3, 32, 32), torch.full((1, 1, 32, 32), 0.25)).composite(reference)
    assert torch.allclose(composited, torch.tensor(0.25))
