"""AttnWav2Lip in its dimensions: shapes, the ways of the speech, what can be left out, its file, what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.models.small import CARD
from torch import nn
from torch.nn import functional as F

from visavox.cli.main import main
from visavox.models.generator.alignment import SemanticAlignment
from visavox.models.generator.attention import AttentionBlock
from visavox.models.generator.attn_wav2lip import AttnWav2Lip, AttnWav2LipConfig
from visavox.models.generator.base import RESOLUTIONS, Generator, GeneratorConfig
from visavox.models.generator.fold import fold_batch_norm
from visavox.models.generator.speech_branch import MotionConfig
from visavox.weights.checkpoint import load_model, save_model
from visavox.weights.networks import NETWORKS, network_of
from visavox.weights.registry import GENERATORS, model_info

MOTION = MotionConfig(num_motions=3, channels=8, condition=4)
CONFIG = AttnWav2LipConfig(
    encoder_channels=(4, 8, 8, 8, 8),
    encoder_blocks=(0, 1, 0, 1, 1),
    decoder_channels=(8, 8, 8, 8, 8),
    decoder_blocks=(1, 1, 0, 0, 1),
    audio_channels=(2, 2, 2, 2, 4),
    output_channels=8,
)
"""A small generator with every kind of part."""
PLAIN = replace(CONFIG, attention=False, alignment_levels=())
"""The same with nothing of the method but its U-Net."""


def inputs(settings: AttnWav2LipConfig, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    mel = torch.rand(batch, 1, 80, settings.mel_window) * 8 - 4
    size = (settings.resolution, settings.resolution)
    return mel, F.interpolate(torch.rand(batch, 6, 12, 12), size=size, mode="bilinear")


def used(settings: AttnWav2LipConfig) -> AttnWav2Lip:
    """A network in eval mode none of whose numbers is at its starting value."""
    torch.manual_seed(1)
    network = AttnWav2Lip(settings)
    for name, parameter in network.named_parameters():
        if "affine" in name or "flow" in name:
            nn.init.normal_(parameter, 0, 0.1)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.2)
            part.running_var.uniform_(0.2, 1)
            nn.init.normal_(part.bias, 0.2, 0.2)
    return network.eval()


def parts(network: nn.Module, kind: type) -> int:
    return sum(isinstance(part, kind) for part in network.modules())


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("kind", ["painting anew", "bending the reference"])
@pytest.mark.parametrize("whole", [True, False])
def test_every_resolution_paints_and_learns(resolution: int, kind: str, whole: bool) -> None:
    changes = {"motion": MOTION, "warp_reference": True} if kind == "bending the reference" else {}
    settings = replace(CONFIG if whole else PLAIN, resolution=resolution, **changes)
    network = AttnWav2Lip(settings)
    mel, faces = inputs(settings)
    painted = network(mel, faces)
    assert painted.shape == (2, 3, resolution, resolution)
    assert painted.dtype == torch.float32
    assert painted.min() >= 0
    assert painted.max() <= 1
    ((painted - torch.rand_like(painted)) ** 2).mean().backward()
    untouched = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not untouched


@pytest.mark.parametrize("levels", [3, 4, 5, 6])
def test_any_number_of_levels(levels: int) -> None:
    tuples = {name: (2,) * levels for name in ("encoder_channels", "decoder_channels")}
    blocks = {name: (0,) * levels for name in ("encoder_blocks", "decoder_blocks")}
    settings = replace(CONFIG, **tuples, **blocks, alignment_levels=tuple(range(levels)), warp_reference=True)
    network = AttnWav2Lip(settings)
    assert network(*inputs(settings)).shape == (2, 3, 96, 96)
    assert parts(network, SemanticAlignment) == levels


def test_the_wide_network_is_smaller_than_the_published_wav2lip() -> None:
    with torch.device("meta"):
        network = AttnWav2Lip()
    assert sum(parameter.numel() for parameter in network.parameters()) < 36_298_035
    assert len(network.encoder) < 7


def test_what_is_switched_off_is_not_there() -> None:
    assert parts(AttnWav2Lip(CONFIG), AttentionBlock) == 6
    assert parts(AttnWav2Lip(CONFIG), SemanticAlignment) == 2
    assert parts(AttnWav2Lip(PLAIN), AttentionBlock) == parts(AttnWav2Lip(PLAIN), SemanticAlignment) == 0
    # Two blocks on level 1 and one on level 0 go without.
    assert parts(AttnWav2Lip(replace(CONFIG, attention_from=2)), AttentionBlock) == 3


@pytest.mark.parametrize("settings", [CONFIG, PLAIN, replace(CONFIG, motion=MOTION, warp_reference=True)])
def test_speech_changes_the_picture_and_learns_from_it(settings: AttnWav2LipConfig) -> None:
    network = used(settings)
    mel, faces = inputs(settings)
    condition = network.condition(mel).detach().requires_grad_(True)
    assert condition.shape == (2, 4, 1, 1)
    (network.paint(condition, faces) ** 2).mean().backward()
    assert (condition.grad.abs() > 0).all()
    painted, other = network.paint(condition, faces), network.paint(condition + 1, faces)
    assert (painted - other).abs().max() > 1e-6  # through the bottom alone it fades in a network without training


@pytest.mark.parametrize("way", ["by statistics", "beside the features"])
def test_each_way_of_the_speech_carries_it_alone(way: str) -> None:
    network = used(CONFIG)
    with torch.no_grad():
        if way == "by statistics":
            network.decoder[-1].join.conv_block[0].weight[:, CONFIG.encoder_channels[-1] :] = 0
        else:
            for level in CONFIG.alignment_levels:
                network.decoder[level].alignment.norm.affine.weight.zero_()
    condition = torch.rand(2, 4, 1, 1, requires_grad=True)
    (network.paint(condition, inputs(CONFIG)[1]) ** 2).mean().backward()
    assert (condition.grad.abs() > 0).all()


def test_motion_takes_the_place_of_what_is_heard() -> None:
    settings = replace(CONFIG, motion=MOTION, mel_window=32)
    network = used(settings)
    mel, faces = inputs(settings)
    heard = network.motion_predictor(mel)
    assert heard.shape == (2, 3)
    torch.testing.assert_close(network(mel, faces, heard), network(mel, faces))
    assert not torch.allclose(network(mel, faces, heard + 1), network(mel, faces), atol=1e-4)


def test_layers_make_the_picture() -> None:
    settings = replace(CONFIG, motion=MOTION, warp_reference=True)
    network = used(settings)
    mel, faces = inputs(settings)
    layers = network.layers(network.condition(mel), faces)
    torch.testing.assert_close(layers.flatten(faces[:, 3:]), network(mel, faces))
    assert layers.flatten(torch.rand(2, 3, 192, 192)).shape == (2, 3, 192, 192)
    with pytest.raises(ValueError, match="only one with `warp_reference` has layers"):
        AttnWav2Lip(CONFIG).layers(torch.rand(2, 4, 1, 1), faces)


@pytest.mark.parametrize("changes", [{}, {"motion": MOTION, "warp_reference": True}])
def test_it_paints_the_same_folded_channels_last_and_nearly_the_same_in_bfloat16(
    changes: dict[str, MotionConfig | bool],
) -> None:
    settings = replace(CONFIG, **changes)
    network = used(settings)
    mel, faces = inputs(settings)
    folded = fold_batch_norm(network).to(memory_format=torch.channels_last)
    assert parts(folded, nn.BatchNorm2d) == 0
    with torch.inference_mode():
        expected = network(mel, faces)
        torch.testing.assert_close(folded(mel, faces), expected, atol=2e-5, rtol=0)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = folded(mel, faces)
    assert torch.isfinite(half).all()
    assert (half.float() - expected).abs().mean() < 0.01
    assert (half.float() - expected).abs().max() < 0.1


def test_its_file_says_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "attn.safetensors"
    settings = replace(CONFIG, motion=MOTION, warp_reference=True, mel_lead=5, attention_from=1)
    network = used(settings)
    save_model(path, network, network="attn_wav2lip", config=settings, card=CARD)
    loaded = load_model(path, network="attn_wav2lip")
    assert loaded.config == settings
    assert loaded.crop_spec == CARD.crop
    mel, faces = inputs(settings)
    with torch.inference_mode():
        assert torch.equal(loaded(mel, faces), network(mel, faces))
    info = model_info(path)
    assert (info.network, info.mel_window, info.mel_lead) == ("attn_wav2lip", 16, 5)
    assert main(["models", "info", str(path)]) == 0
    assert "attn_wav2lip, " in capsys.readouterr().out


def test_generators_are_known_by_their_dimensions_and_by_name() -> None:
    assert network_of(CONFIG) == "attn_wav2lip"
    assert {name for name, network in NETWORKS.items() if issubclass(network.config, GeneratorConfig)} == {*GENERATORS}
    for name in GENERATORS:
        assert issubclass(NETWORKS[name].build, Generator)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"resolution": 112}, "a resolution of 112; allowed are [96, 128, 192, 256]"),
        ({"decoder_blocks": (0,) * 6}, "decoder_blocks has 6 numbers, encoder_channels 5"),
        ({"decoder_channels": (2,) * 4}, "decoder_channels has 4 numbers, encoder_channels 5"),
        ({"alignment_levels": (3, 5)}, "alignment at the levels (3, 5); give each of 0 to 4 once"),
        ({"alignment_levels": (3, 3)}, "give each of 0 to 4 once"),
        ({"attention_reduction": 0}, "an attention_reduction of 0; give 1 or more"),
    ],
)
def test_dimensions_that_do_not_fit_are_refused(changes: dict[str, int | tuple[int, ...]], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        replace(CONFIG, **changes)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(("levels", "words"), [(2, "there must be at least 3"), (7, "must be a multiple of 64")])
def test_a_number_of_levels_that_does_not_fit_is_refused(levels: int, words: str) -> None:
    names = ("encoder_channels", "encoder_blocks", "decoder_channels", "decoder_blocks")
    with pytest.raises(ValueError, match=words):
        replace(CONFIG, **{name: (1,) * levels for name in names}, alignment_levels=())
