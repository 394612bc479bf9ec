"""Wav2Lip in all its allowed dimensions: shapes, gradients, what it begins as, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from tests.models.generator.small_parts import BRANCH, ENCODER, SPEC, inputs, sized, used
from torch import Tensor, nn

from visavox.models.generator.discriminator import QualityDiscriminator
from visavox.models.generator.generator import GeneratorConfig
from visavox.models.generator.renderer import RESOLUTIONS, Layers
from visavox.models.generator.spec import GeneratorSpec
from visavox.models.generator.wav2lip import HALVINGS, Wav2LipConfig, Wav2LipRenderer
from visavox.models.sync.expert import Expert
from visavox.weights.networks import NETWORKS, build_generator


def smallest(resolution: int = 96, layered: bool = False) -> GeneratorConfig:
    """The smallest generator of a resolution; a layered one has a speech branch that modulates its decoder."""
    stages = HALVINGS[resolution][0] + 2
    renderer = Wav2LipConfig(
        encoder_channels=(2,) * stages,
        encoder_residuals=(0,) * (stages - 1),
        decoder_channels=(2,) * stages,
        decoder_residuals=(0,) * stages,
        output_channels=2,
        modulated=layered,
    )
    config = GeneratorConfig(replace(SPEC, layered=layered), BRANCH if layered else ENCODER, renderer)
    return sized(config, resolution)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("layered", [False, True], ids=["generating anew", "warping the reference"])
def test_every_resolution_renders_and_learns(resolution: int, layered: bool) -> None:
    settings = smallest(resolution, layered)
    network = build_generator(settings)
    rendered = network(*inputs(settings))
    assert rendered.shape == (2, 3, resolution, resolution)
    assert rendered.dtype == torch.float32
    assert rendered.min() >= 0
    assert rendered.max() <= 1
    # Not the mean: batch normalisation would hide a shift that is the same everywhere.
    ((rendered - torch.rand_like(rendered)) ** 2).mean().backward()
    untouched = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not untouched


def test_the_published_dimensions_are_the_defaults() -> None:
    published = NETWORKS["wav2lip"].published
    assert published is not None
    with torch.device("meta"):
        networks = build_generator(published.config), Expert(), QualityDiscriminator()
    counts = [sum(p.numel() for p in network.parameters()) for network in networks]
    assert counts == [36_298_035, 16_435_072, 14_113_793]


def test_a_modulation_begins_as_no_change() -> None:
    renderer = build_generator(smallest(layered=True)).renderer
    assert isinstance(renderer, Wav2LipRenderer)
    assert len(renderer.modulations) == 7
    features = torch.rand(2, 2, 5, 5)
    for modulation in renderer.modulations:
        assert torch.equal(modulation(features, torch.rand(2, 4, 1, 1)), features)


def test_the_condition_changes_the_picture() -> None:
    config = smallest(layered=True)
    config = replace(config, renderer=replace(config.renderer, decoder_channels=(8,) * 7))
    torch.manual_seed(1)
    network = build_generator(config).eval()
    assert isinstance(network.renderer, Wav2LipRenderer)
    for modulation in network.renderer.modulations:  # they begin as no change, and are to have one here
        assert isinstance(modulation.affine, nn.Linear)
        nn.init.normal_(modulation.affine.weight)
    features, faces = inputs(config)
    condition, targets, references = network.condition(features), faces[:, :3], faces[:, 3:]
    assert torch.allclose(network.images(condition, targets, references), network(features, faces), atol=1e-6)
    other = network.images(condition + 1, targets, references)
    assert not torch.allclose(other, network(features, faces), atol=1e-6)


def test_layers_grow_with_a_larger_reference() -> None:
    settings = smallest(layered=True)
    network = used(settings)
    features, faces = inputs(settings)
    layers = network.render(network.condition(features), faces[:, :3], faces[:, 3:])
    assert isinstance(layers, Layers)
    assert torch.allclose(layers.composite(faces[:, 3:]), network(features, faces), atol=1e-6)
    assert layers.composite(torch.rand(2, 3, 192, 192)).shape == (2, 3, 192, 192)
    plain = build_generator(smallest()).render(torch.rand(2, 4, 1, 1), faces[:, :3], faces[:, 3:])
    assert isinstance(plain, Tensor)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: sized(smallest(), 112), "a resolution of 112; allowed are [96, 128, 192, 256]"),
        (
            lambda: replace(smallest(), renderer=replace(smallest().renderer, decoder_channels=(2,) * 6)),
            "decoder_channels has 6 numbers",
        ),
        (lambda: sized(smallest(), 192), "a resolution of 192 needs 8"),
        (
            lambda: replace(smallest(), spec=GeneratorSpec(SPEC.crop, SPEC.audio, context=5)),
            "a context of 5 frames; Wav2LipRenderer renders one frame at a time, give 1",
        ),
    ],
)
def test_dimensions_that_do_not_fit_are_refused(build: Callable[[], GeneratorConfig], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        build_generator(build())
    assert sentence in str(caught.value)
