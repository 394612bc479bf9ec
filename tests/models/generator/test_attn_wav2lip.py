"""AttnWav2Lip in its dimensions: shapes, the ways of the speech, what can be left out, its file, what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models.generator.small_parts import BRANCH, ENCODER, SPEC, inputs, sized, used
from tests.models.small import CARD
from torch import nn

from visavox.cli.main import main
from visavox.models.generator.attn_wav2lip import AttnWav2LipConfig, AttnWav2LipRenderer
from visavox.models.generator.attn_wav2lip_blocks import AttentionBlock, SemanticAlignment
from visavox.models.generator.generator import GeneratorConfig, LipSyncGenerator
from visavox.models.generator.renderer import RESOLUTIONS, Layers, Renderer
from visavox.models.generator.spec import AudioSpec
from visavox.models.layers import fold_batch_norm
from visavox.weights.checkpoint import load_model, save_model
from visavox.weights.networks import NETWORKS, build_generator, network_of
from visavox.weights.registry import model_info

DIMENSIONS = AttnWav2LipConfig(
    encoder_channels=(4, 8, 8, 8, 8),
    encoder_blocks=(0, 1, 0, 1, 1),
    decoder_channels=(8, 8, 8, 8, 8),
    decoder_blocks=(1, 1, 0, 0, 1),
    output_channels=8,
)
"""A small renderer with every kind of part."""
CONFIG = GeneratorConfig(SPEC, ENCODER, DIMENSIONS)
PLAIN = replace(CONFIG, renderer=replace(DIMENSIONS, attention=False, alignment_levels=()))
"""The same with nothing of the method but its U-Net."""
LAYERED = replace(CONFIG, spec=replace(SPEC, layered=True), conditioner=BRANCH)


def parts(network: nn.Module, kind: type) -> int:
    return sum(isinstance(part, kind) for part in network.modules())


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("kind", ["generating anew", "warping the reference"])
@pytest.mark.parametrize("whole", [True, False])
def test_every_resolution_renders_and_learns(resolution: int, kind: str, whole: bool) -> None:
    settings = sized(CONFIG if kind == "generating anew" else LAYERED, resolution)
    settings = settings if whole else replace(settings, renderer=PLAIN.renderer)
    network = build_generator(settings)
    rendered = network(*inputs(settings))
    assert rendered.shape == (2, 3, resolution, resolution)
    assert rendered.dtype == torch.float32
    assert rendered.min() >= 0
    assert rendered.max() <= 1
    ((rendered - torch.rand_like(rendered)) ** 2).mean().backward()
    untouched = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not untouched


@pytest.mark.parametrize("levels", [3, 4, 5, 6])
def test_any_number_of_levels(levels: int) -> None:
    channels: dict[str, Any] = {name: (2,) * levels for name in ("encoder_channels", "decoder_channels")}
    blocks: dict[str, Any] = {name: (0,) * levels for name in ("encoder_blocks", "decoder_blocks")}
    renderer = replace(DIMENSIONS, **channels, **blocks, alignment_levels=tuple(range(levels)))
    settings = replace(CONFIG, spec=replace(SPEC, layered=True), renderer=renderer)
    network = build_generator(settings)
    assert network(*inputs(settings)).shape == (2, 3, 96, 96)
    assert parts(network, SemanticAlignment) == levels


def test_the_wide_network_is_smaller_than_the_published_wav2lip() -> None:
    published = NETWORKS["attn_wav2lip"].published
    assert published is not None
    with torch.device("meta"):
        network = build_generator(published.config)
    assert sum(parameter.numel() for parameter in network.parameters()) < 36_298_035
    assert isinstance(network.renderer, AttnWav2LipRenderer)
    assert len(network.renderer.encoder) < 7


def test_what_is_switched_off_is_not_there() -> None:
    whole, plain = build_generator(CONFIG), build_generator(PLAIN)
    assert parts(whole, AttentionBlock) == 6
    assert parts(whole, SemanticAlignment) == 2
    assert parts(plain, AttentionBlock) == parts(plain, SemanticAlignment) == 0
    # Two blocks on level 1 and one on level 0 go without.
    narrower = build_generator(replace(CONFIG, renderer=replace(DIMENSIONS, attention_from=2)))
    assert parts(narrower, AttentionBlock) == 3


@pytest.mark.parametrize("settings", [CONFIG, PLAIN, LAYERED], ids=["whole", "plain", "layered"])
def test_speech_changes_the_picture_and_learns_from_it(settings: GeneratorConfig) -> None:
    network = used(settings)
    features, faces = inputs(settings)
    condition = network.condition(features).detach().requires_grad_(True)
    assert condition.shape == (2, 4, 1, 1)
    targets, references = faces[:, :3], faces[:, 3:]
    (network.images(condition, targets, references) ** 2).mean().backward()
    assert condition.grad is not None
    assert (condition.grad.abs() > 0).all()
    rendered, other = (network.images(given, targets, references) for given in (condition, condition + 1))
    assert (rendered - other).abs().max() > 1e-6  # through the bottom alone it fades in a network without training


@pytest.mark.parametrize("way", ["by statistics", "beside the features"])
def test_each_way_of_the_speech_carries_it_alone(way: str) -> None:
    network = used(CONFIG)
    renderer: Any = network.renderer
    with torch.no_grad():
        if way == "by statistics":
            renderer.decoder[-1].join.conv_block[0].weight[:, DIMENSIONS.encoder_channels[-1] :] = 0
        else:
            for level in DIMENSIONS.alignment_levels:
                renderer.decoder[level].alignment.norm.affine.weight.zero_()
    condition = torch.rand(2, 4, 1, 1, requires_grad=True)
    faces = inputs(CONFIG)[1]
    (network.images(condition, faces[:, :3], faces[:, 3:]) ** 2).mean().backward()
    assert condition.grad is not None
    assert (condition.grad.abs() > 0).all()


def test_layers_make_the_picture() -> None:
    network = used(LAYERED)
    features, faces = inputs(LAYERED)
    layers = network.render(network.condition(features), faces[:, :3], faces[:, 3:])
    assert isinstance(layers, Layers)
    torch.testing.assert_close(layers.composite(faces[:, 3:]), network(features, faces))
    assert layers.composite(torch.rand(2, 3, 192, 192)).shape == (2, 3, 192, 192)
    assert isinstance(used(CONFIG).render(torch.rand(2, 4, 1, 1), faces[:, :3], faces[:, 3:]), torch.Tensor)


@pytest.mark.parametrize("settings", [CONFIG, LAYERED], ids=["whole", "layered"])
def test_it_renders_the_same_folded_channels_last_and_nearly_the_same_in_bfloat16(settings: GeneratorConfig) -> None:
    network = used(settings)
    features, faces = inputs(settings)
    folded = fold_batch_norm(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert parts(folded, nn.BatchNorm2d) == 0
    with torch.inference_mode():
        expected = network(features, faces)
        torch.testing.assert_close(folded(features, faces), expected, atol=2e-5, rtol=0)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = folded(features, faces)
    assert torch.isfinite(half).all()
    assert (half.float() - expected).abs().mean() < 0.01
    assert (half.float() - expected).abs().max() < 0.1


def test_its_file_says_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "attn.safetensors"
    audio = AudioSpec(lead=5)
    settings = replace(LAYERED, spec=replace(LAYERED.spec, audio=audio), renderer=replace(DIMENSIONS, attention_from=1))
    network = used(settings)
    save_model(path, network, CARD)
    loaded = load_model(path, LipSyncGenerator)
    assert loaded.config == settings
    assert loaded.spec == settings.spec
    features, faces = inputs(settings)
    with torch.inference_mode():
        assert torch.equal(loaded(features, faces), network(features, faces))
    info = model_info(path)
    assert (info.network, info.spec) == ("attn_wav2lip", settings.spec)
    assert main(["models", "info", str(path)]) == 0
    assert "attn_wav2lip, " in capsys.readouterr().out


def test_generators_are_known_by_the_dimensions_of_their_renderer() -> None:
    assert network_of(CONFIG) == "attn_wav2lip"
    generators = {name: network for name, network in NETWORKS.items() if network.is_generator}
    assert set(generators) == {"wav2lip", "attn_wav2lip"}
    assert all(issubclass(network.build, Renderer) for network in generators.values())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"decoder_blocks": (0,) * 6}, "decoder_blocks has 6 numbers, encoder_channels 5"),
        ({"decoder_channels": (2,) * 4}, "decoder_channels has 4 numbers, encoder_channels 5"),
        ({"alignment_levels": (3, 5)}, "alignment at the levels (3, 5); give each of 0 to 4 once"),
        ({"alignment_levels": (3, 3)}, "give each of 0 to 4 once"),
        ({"attention_reduction": 0}, "an attention_reduction of 0; give 1 or more"),
    ],
)
def test_dimensions_that_do_not_fit_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        replace(DIMENSIONS, **changes)
    assert sentence in str(caught.value)


def test_a_resolution_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        build_generator(sized(CONFIG, 112))
    assert "a resolution of 112; allowed are [96, 128, 192, 256]" in str(caught.value)


@pytest.mark.parametrize(("levels", "words"), [(2, "give at least 3"), (7, "must be a multiple of 64")])
def test_a_number_of_levels_that_does_not_fit_is_refused(levels: int, words: str) -> None:
    names = ("encoder_channels", "encoder_blocks", "decoder_channels", "decoder_blocks")
    changes: dict[str, Any] = {name: (1,) * levels for name in names}
    with pytest.raises(ValueError, match=words):
        build_generator(replace(CONFIG, renderer=replace(DIMENSIONS, **changes, alignment_levels=())))
