"""The networks in all their allowed dimensions: shapes, gradients, what they begin as, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from visavox.models.generator.audio_encoder import audio_encoder
from visavox.models.generator.base import RESOLUTIONS
from visavox.models.generator.discriminator import QualityDiscriminator, QualityDiscriminatorConfig
from visavox.models.generator.fold import fold_batch_norm
from visavox.models.generator.reference_warp import Layers, ReferenceWarp
from visavox.models.generator.speech_branch import MotionConfig, MotionPredictor
from visavox.models.generator.wav2lip import HALVINGS, Wav2Lip, Wav2LipConfig
from visavox.models.sync.expert import Expert, ExpertConfig

MOTION = MotionConfig(num_motions=3, channels=8, condition=4)


def config(resolution: int = 96, **changes: Any) -> Wav2LipConfig:
    """The smallest generator of a resolution."""
    stages = HALVINGS[resolution][0] + 2
    tiny = Wav2LipConfig(
        resolution=resolution,
        encoder_channels=(2,) * stages,
        encoder_residuals=(0,) * (stages - 1),
        decoder_channels=(2,) * stages,
        decoder_residuals=(0,) * stages,
        audio_channels=(2,) * 5,
        output_channels=2,
    )
    return replace(tiny, **changes)


def inputs(settings: Wav2LipConfig, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    mel = torch.rand(batch, 1, 80, settings.mel_window) * 8 - 4
    return mel, torch.rand(batch, 6, settings.resolution, settings.resolution)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("kind", ["painting anew", "bending the reference"])
def test_every_resolution_paints_and_learns(resolution: int, kind: str) -> None:
    changes = {"motion": MOTION, "warp_reference": True} if kind == "bending the reference" else {}
    settings = config(resolution, **changes)
    network = Wav2Lip(settings)
    mel, faces = inputs(settings)
    painted = network(mel, faces)
    assert painted.shape == (2, 3, resolution, resolution)
    assert painted.dtype == torch.float32
    assert painted.min() >= 0
    assert painted.max() <= 1
    # Not the mean: batch normalisation would hide a shift that is the same everywhere.
    ((painted - torch.rand_like(painted)) ** 2).mean().backward()
    untouched = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not untouched


@pytest.mark.parametrize("mel_window", [16, 32, 64])
def test_every_mel_window_is_heard(mel_window: int) -> None:
    for changes in ({}, {"motion": MOTION}):
        settings = config(mel_window=mel_window, **changes)
        network = Wav2Lip(settings).eval()
        condition = network.condition(inputs(settings)[0])
        assert condition.shape == (2, 4 if changes else 2, 1, 1)
    encoder = audio_encoder((2,) * 5, mel_window=mel_window, last_residuals=1)
    assert encoder(torch.rand(2, 1, 80, mel_window)).shape == (2, 2, 1, 1)


def test_the_published_dimensions_are_the_defaults() -> None:
    with torch.device("meta"):
        generator, expert, discriminator = Wav2Lip(), Expert(), QualityDiscriminator()
    counts = [sum(p.numel() for p in network.parameters()) for network in (generator, expert, discriminator)]
    assert counts == [36_298_035, 16_435_072, 14_113_793]


def test_motion_takes_the_place_of_what_is_heard() -> None:
    settings = config(motion=MOTION, decoder_channels=(8,) * 7)
    torch.manual_seed(1)
    network = Wav2Lip(settings).eval()
    for modulation in network.modulations:  # they begin as no change, and are to have one here
        nn.init.normal_(modulation.affine.weight)
    mel, faces = inputs(settings)
    heard = network.motion_predictor(mel)
    assert heard.shape == (2, 3)
    assert torch.allclose(network(mel, faces, heard), network(mel, faces), atol=1e-6)
    assert not torch.allclose(network(mel, faces, heard + 1), network(mel, faces), atol=1e-6)


def test_a_modulation_begins_as_no_change() -> None:
    network = Wav2Lip(config(motion=MOTION))
    features = torch.rand(2, 2, 5, 5)
    for modulation in network.modulations:
        assert torch.equal(modulation(features, torch.rand(2, 4, 1, 1)), features)


def test_gain_and_offset_calibrate_the_prediction() -> None:
    predictor = MotionPredictor(MOTION, mel_window=32).eval()
    mel = torch.rand(2, 1, 80, 32)
    plain = predictor(mel)
    predictor.gain.copy_(torch.tensor([2.0, 1.0, 0.0]))
    predictor.offset.copy_(torch.tensor([0.0, 1.0, 5.0]))
    changed = predictor(mel)
    assert torch.allclose(changed[:, 0], 2 * plain[:, 0])
    assert torch.allclose(changed[:, 1], plain[:, 1] + 1)
    assert torch.equal(changed[:, 2], torch.full((2,), 5.0))


def test_bending_begins_as_the_identity() -> None:
    torch.manual_seed(0)
    warp, reference = ReferenceWarp(4), torch.rand(2, 3, 32, 32)
    grid = warp(torch.randn(2, 4, 8, 8))
    layers = Layers(grid, torch.rand(2, 3, 32, 32), torch.zeros(2, 1, 32, 32))
    assert torch.allclose(layers.flatten(reference), reference, atol=1e-5)


def test_bending_fetches_pixels_from_where_the_flow_says() -> None:
    warp, reference = ReferenceWarp(4), torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        # tanh(bias) * 0.3 of half the picture = 2 pixels of 32 to the right.
        warp.flow.bias[0] = torch.atanh(torch.tensor(2 / 16 / 0.3))
    grid = warp(torch.randn(1, 4, 8, 8))
    flat = Layers(grid, torch.zeros(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)).flatten(reference)
    assert torch.allclose(flat[..., :-2], reference[..., 2:], atol=1e-4)


def test_the_cover_lays_the_colours_over_the_reference() -> None:
    warp, reference = ReferenceWarp(4), torch.zeros(1, 3, 32, 32)
    grid = warp(torch.zeros(1, 4, 8, 8))
    flat = Layers(grid, torch.ones(1, 3, 32, 32), torch.full((1, 1, 32, 32), 0.25)).flatten(reference)
    assert torch.allclose(flat, torch.tensor(0.25))


def test_layers_grow_with_a_larger_reference() -> None:
    settings = config(motion=MOTION, warp_reference=True)
    network = Wav2Lip(settings).eval()
    mel, faces = inputs(settings)
    layers = network.layers(network.condition(mel), faces)
    assert torch.allclose(layers.flatten(faces[:, 3:]), network(mel, faces), atol=1e-6)
    assert layers.flatten(torch.rand(2, 3, 192, 192)).shape == (2, 3, 192, 192)
    with pytest.raises(ValueError, match="only one with `warp_reference` has layers"):
        Wav2Lip(config()).layers(torch.rand(2, 2, 1, 1), faces)


@pytest.mark.parametrize("resolution", [96, 128])
@pytest.mark.parametrize("mel_window", [16, 32, 64])
def test_experts_embed_sound_and_mouths(resolution: int, mel_window: int) -> None:
    settings = ExpertConfig(
        resolution, 5, mel_window, face_channels=(2,) * 6, audio_channels=(2,) * 5, face_residuals=(1, 0, 0, 0)
    )
    expert = Expert(settings)
    audio, face = expert(torch.rand(3, 1, 80, mel_window), torch.rand(3, 15, resolution // 2, resolution))
    assert audio.shape == face.shape == (3, 2)
    for embedding in (audio, face):
        lengths = embedding.norm(dim=1)
        assert (((lengths - 1).abs() < 1e-5) | (lengths == 0)).all()
        assert embedding.min() >= 0
    (audio * face).sum().backward()
    assert all(parameter.grad is not None for parameter in expert.parameters())


@pytest.mark.parametrize("resolution", [64, 96, 128])
def test_discriminators_judge(resolution: int) -> None:
    network = QualityDiscriminator(QualityDiscriminatorConfig(resolution, (2,) * 7))
    judged, features = network.judge(torch.rand(2, 3, resolution // 2, resolution))
    assert judged.shape == (2, 1)
    assert ((judged > 0) & (judged < 1)).all()
    assert len(features) == 6
    judged.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: Wav2LipConfig(resolution=112), "a resolution of 112; allowed are [96, 128, 192, 256]"),
        (lambda: replace(config(), decoder_channels=(2,) * 6), "decoder_channels has 6 numbers"),
        (lambda: replace(config(96), resolution=192), "a resolution of 192 needs 8"),
        (lambda: Wav2Lip(config(mel_window=20)), "a mel window of 20 frames; allowed are [16, 32, 64]"),
        (lambda: Expert(ExpertConfig(resolution=192)), "a resolution of 192; allowed are 96 and 128"),
        (lambda: Expert(ExpertConfig(face_channels=(2,) * 6)), "the same number of channels"),
        (lambda: QualityDiscriminator(QualityDiscriminatorConfig(resolution=192)), "allowed are 64, 96 and 128"),
    ],
)
def test_dimensions_that_do_not_fit_are_refused(build: Callable[..., Any], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        build()
    assert sentence in str(caught.value)


@pytest.mark.parametrize("window", [16, 37, 64])
@pytest.mark.parametrize("dilations", [(), (1, 2)])
def test_a_speech_branch_hears_windows_of_any_length_to_their_ends(window: int, dilations: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    predictor = MotionPredictor(replace(MOTION, dilations=dilations), window).eval()
    mel = (torch.rand(2, 1, 80, window) * 8 - 4).requires_grad_()
    motion = predictor(mel)
    assert motion.shape == (2, 3)
    motion.sum().backward()
    assert (mel.grad.abs().amax(dim=(0, 1, 2)) > 0).all()


def test_a_dilated_speech_branch_is_the_same_when_folded() -> None:
    torch.manual_seed(0)
    predictor = MotionPredictor(replace(MOTION, dilations=(1, 2)), 32)
    mel = torch.rand(8, 1, 80, 32) * 8 - 4
    predictor(mel)  # sets the statistics of the normalisations
    predictor.eval()
    folded = fold_batch_norm(predictor)
    torch.testing.assert_close(folded(mel), predictor(mel))
    assert not any(isinstance(part, nn.BatchNorm1d) for part in folded.modules())
