"""The parts of AttnWav2Lip against what the papers' formulas give, written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.models.generator.small_parts import shaken
from tests.narrow import part, present
from torch import nn
from torch.nn import functional as F

from visavox.models.generator.attn_wav2lip_blocks import (
    AdaptiveInstanceNorm,
    AttentionBlock,
    ChannelAttention,
    FastFourierConvolution,
    FourierUnit,
    SemanticAlignment,
    SpatialAttention,
    SpectralTransform,
)

SIZES = [(1, 1), (1, 4), (2, 3), (5, 7), (6, 6), (12, 9), (13, 16)]
"""Heights and widths: odd and even, larger on either side, powers of two and not."""


@pytest.fixture(autouse=True)
def same_numbers() -> None:
    torch.manual_seed(0)


def double(tensor: torch.Tensor | None) -> np.ndarray:
    return np.asarray(present(tensor).detach().double())


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def batch_norm(norm: nn.Module, x: np.ndarray) -> np.ndarray:
    """Normalise (B, C, H, W) as `norm` does in eval mode."""
    assert isinstance(norm, nn.BatchNorm2d)
    mean, variance, weight, bias = (
        double(numbers)[:, None, None] for numbers in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return np.asarray((x - mean) / np.sqrt(variance + norm.eps) * weight + bias)


def pointwise(convolution: nn.Module, x: np.ndarray) -> np.ndarray:
    """Apply a 1x1 convolution to (B, C, H, W)."""
    assert isinstance(convolution, nn.Conv2d)
    weight, bias = double(convolution.weight)[..., 0, 0], double(convolution.bias)[:, None, None]
    return np.asarray(np.einsum("oc,bchw->bohw", weight, x) + bias)


def half_spectrum(x: np.ndarray) -> np.ndarray:
    """The orthonormal discrete Fourier transform of (..., H, W) as its defining sum: complex (..., H, W // 2 + 1)."""
    height, width = x.shape[-2:]
    rows = np.exp(-2j * np.pi * np.outer(np.arange(height), np.arange(height)) / height)
    columns = np.exp(-2j * np.pi * np.outer(np.arange(width // 2 + 1), np.arange(width)) / width)
    return np.asarray(np.einsum("un,vm,...nm->...uv", rows, columns, x) / np.sqrt(height * width))


def from_half_spectrum(spectrum: np.ndarray, width: int) -> np.ndarray:
    """The inverse of `half_spectrum`, as its defining sum: the frequencies that are not there are mirrored."""
    height, half = spectrum.shape[-2:]
    rows = np.exp(2j * np.pi * np.outer(np.arange(height), np.arange(height)) / height)
    columns = np.exp(2j * np.pi * np.outer(np.arange(width), np.arange(half)) / width)
    counted = np.full(half, 2.0)
    counted[0] = 1
    if width % 2 == 0:
        counted[-1] = 1
    between = np.einsum("nu,...uv->...nv", rows, spectrum)
    # Of the frequencies that are their own mirror images only the real part exists.
    own = counted == 1
    between[..., own] = between[..., own].real
    return np.asarray(np.einsum("mv,v,...nv->...nm", columns, counted, between).real / np.sqrt(height * width))


def spectral_transform(module: SpectralTransform, x: np.ndarray) -> np.ndarray:
    reduced = np.maximum(batch_norm(module.reduce[1], pointwise(module.reduce[0], x)), 0)
    spectrum = half_spectrum(reduced)
    stacked = np.concatenate([spectrum.real, spectrum.imag], axis=1)
    convolution, norm = module.fourier.layers[0], module.fourier.layers[1]
    mixed = np.maximum(batch_norm(norm, pointwise(convolution, stacked)), 0)
    real, imaginary = np.split(mixed, 2, axis=1)
    return pointwise(module.expand, reduced + from_half_spectrum(real + 1j * imaginary, x.shape[-1]))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [2, 5, 8])
def test_a_fast_fourier_convolution_is_what_its_formula_says(channels: int, size: tuple[int, int]) -> None:
    layer = shaken(FastFourierConvolution(channels))
    features = torch.randn(2, channels, *size)
    near = channels - channels // 2
    # Three convolutions of two branches are one of all channels whose weights are zero from global to global.
    weights = torch.zeros(channels, channels, 3, 3)
    weights[:near, :near] = layer.local_to_local.weight
    weights[:near, near:] = layer.global_to_local.weight
    weights[near:, :near] = layer.local_to_global.weight
    expected = double(F.conv2d(features, weights, padding=1))
    expected[:, :near] += double(layer.local_to_local.bias)[:, None, None]
    expected[:, near:] += spectral_transform(layer.global_to_global, double(features)[:, near:])
    found = layer(features)
    assert found.shape == features.shape
    np.testing.assert_allclose(double(found), expected, atol=2e-6)


@pytest.mark.parametrize("size", SIZES)
def test_transforms_that_change_nothing_between_give_back_what_they_got(size: tuple[int, int]) -> None:
    unit = FourierUnit(3)
    identity = nn.Conv2d(6, 6, 1)
    with torch.no_grad():
        identity.weight.copy_(torch.eye(6)[:, :, None, None])
        present(identity.bias).zero_()
    unit.layers = nn.Sequential(identity)
    features = torch.randn(2, 3, *size)
    torch.testing.assert_close(unit(features), features, atol=1e-6, rtol=0)


def test_the_fourier_unit_keeps_the_size_of_numbers_at_every_resolution() -> None:
    unit = shaken(FourierUnit(4))
    part(unit, "layers.1", nn.BatchNorm2d).reset_running_stats()
    small, large = (unit(torch.randn(8, 4, side, side)).std().item() for side in (6, 48))
    assert large == pytest.approx(small, rel=0.25)


def test_global_features_reach_every_place_and_local_ones_their_neighbours() -> None:
    layer = shaken(FastFourierConvolution(64))  # many channels: a ReLU closes some of them at each place
    for first, reaches_all in ((0, False), (32, True)):
        features = torch.randn(1, 64, 11, 11, requires_grad=True)
        layer(features)[0, :, 5, 5].sum().backward()
        seen = present(features.grad)[0, first : first + 32].abs().sum(dim=0) > 0
        assert bool(seen.all()) == reaches_all
        assert seen[4:7, 4:7].all()
        assert reaches_all or seen.sum() == 9


def test_a_branch_needs_channels() -> None:
    with pytest.raises(ValueError, match="1 channels; a local and a global branch need 2 or more"):
        FastFourierConvolution(1)


def test_transforms_are_made_in_float32_whatever_is_around_them() -> None:
    layer = shaken(FastFourierConvolution(8))
    features = torch.randn(2, 8, 12, 9)
    expected = layer(features)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = layer(features)
        unit = layer.global_to_global.fourier
        exact = unit(torch.randn(1, 2, 6, 6, dtype=torch.bfloat16))
    assert found.dtype == exact.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, atol=0.05, rtol=0.05)


def test_aligned_features_have_the_statistics_that_the_speech_asks_for() -> None:
    norm = AdaptiveInstanceNorm(6, condition=4)
    nn.init.normal_(norm.affine.weight)
    nn.init.normal_(norm.affine.bias)
    speech = torch.randn(3, 4, 1, 1)
    aligned = norm(5 + 3 * torch.randn(3, 6, 9, 8), speech)
    scale, shift = norm.affine(speech.flatten(1)).chunk(2, dim=1)
    torch.testing.assert_close(aligned.mean(dim=(2, 3)), shift, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(aligned.std(dim=(2, 3), correction=0), (1 + scale).abs(), atol=1e-5, rtol=1e-4)


def test_alignment_begins_the_same_for_all_speech_and_survives_a_flat_channel() -> None:
    norm = AdaptiveInstanceNorm(3, condition=4)
    features = torch.randn(2, 3, 5, 5)
    assert torch.equal(norm(features, torch.randn(2, 4, 1, 1)), norm(features, torch.zeros(2, 4, 1, 1)))
    torch.testing.assert_close(norm(features, torch.zeros(2, 4, 1, 1)), F.instance_norm(features))
    flat = norm(torch.full((2, 3, 1, 1), 7.0), torch.zeros(2, 4, 1, 1))
    torch.testing.assert_close(flat, torch.zeros(2, 3, 1, 1), atol=1e-3, rtol=0)


def test_the_alignment_module_adds_to_what_it_gets() -> None:
    module = SemanticAlignment(6, condition=4)
    nn.init.normal_(module.norm.affine.weight)
    features, speech = torch.randn(2, 6, 7, 5), torch.randn(2, 4, 1, 1, requires_grad=True)
    aligned = module(features, speech)
    expected = (features + module.norm(module.convolution(features), speech)).clamp(min=0)
    torch.testing.assert_close(aligned, expected)
    (aligned**2).mean().backward()
    assert (present(speech.grad).abs() > 0).all()


@pytest.mark.parametrize("size", [(4, 4), (3, 10)])
def test_the_attention_block_is_what_its_formula_says(size: tuple[int, int]) -> None:
    channels = 12
    block = shaken(AttentionBlock(channels, reduction=2))
    features = torch.randn(2, channels, *size)
    branch = batch_norm(block.conv_block[1], double(block.conv_block[0](features)))
    # Equation 2: one perceptron for both poolings.
    first, second = (part(block.channel_attention.perceptron, name, nn.Linear) for name in "02")
    assert first.weight.shape == (6, channels)

    def perceptron(pooled: np.ndarray) -> np.ndarray:
        hidden = np.maximum(pooled @ double(first.weight).T + double(first.bias), 0)
        return np.asarray(hidden @ double(second.weight).T + double(second.bias))

    weights = sigmoid(perceptron(branch.mean(axis=(2, 3))) + perceptron(branch.max(axis=(2, 3))))
    branch = branch * weights[:, :, None, None]
    # Equation 3: a 7x7 convolution of two maps, here as its sum.
    maps = np.pad(np.stack([branch.mean(axis=1), branch.max(axis=1)], axis=1), ((0, 0), (0, 0), (3, 3), (3, 3)))
    kernel = double(block.spatial_attention.convolution.weight)[0]
    assert kernel.shape == (2, 7, 7)
    where = np.empty((2, *size))
    for row, column in np.ndindex(*size):
        where[:, row, column] = (maps[:, :, row : row + 7, column : column + 7] * kernel).sum(axis=(1, 2, 3))
    branch = branch * sigmoid(where + double(block.spatial_attention.convolution.bias))[:, None]
    expected = np.maximum(branch + double(features), 0)
    np.testing.assert_allclose(double(block(features)), expected, atol=1e-6)


def test_attention_weighs_channels_and_places() -> None:
    features = torch.rand(2, 16, 5, 6)
    assert ChannelAttention(16, 8)(features).shape == (2, 16, 1, 1)
    assert SpatialAttention()(features).shape == (2, 1, 5, 6)
    hidden = part(ChannelAttention(16, 8), "perceptron.0", nn.Linear)
    assert hidden.out_features == 4  # not 2: a perceptron needs some room
    for weights in (ChannelAttention(16, 8)(features), SpatialAttention()(features)):
        assert ((weights > 0) & (weights < 1)).all()
