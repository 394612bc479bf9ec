"""A generator of any contract: features, references and parts that were never trained together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.models.generator.small_parts import BRANCH, ENCODER, SPEC, inputs, used
from tests.models.small import ATTN, CARD
from tests.models.small import CONFIG as SMALL
from torch import Tensor, nn

from visavox.models.generator.attn_wav2lip import AttnWav2LipConfig
from visavox.models.generator.conditioners import AudioEncoderConfig
from visavox.models.generator.generator import GeneratorConfig, LipSyncGenerator, composited
from visavox.models.generator.renderer import Layers, Renderer
from visavox.models.generator.spec import AudioSpec
from visavox.models.generator.speech_branch import SpeechBranchConfig
from visavox.models.generator.wav2lip import Wav2LipConfig
from visavox.weights.checkpoint import load_model, save_model
from visavox.weights.networks import build_generator
from visavox.weights.weights_file import read_info

WAV2LIP = SMALL.renderer
MEL_PITCH = AudioSpec("mel-pitch", 83, 50, window=20, lead=8)
Conditioning = AudioEncoderConfig | SpeechBranchConfig
Rendering = Wav2LipConfig | AttnWav2LipConfig

each_renderer = pytest.mark.parametrize("renderer", [WAV2LIP, ATTN], ids=["wav2lip", "attn_wav2lip"])
each_conditioner = pytest.mark.parametrize("conditioner", [ENCODER, BRANCH], ids=["encoder", "branch"])


@each_renderer
@each_conditioner
def test_any_features_drive_any_generator(tmp_path: Path, conditioner: Conditioning, renderer: Rendering) -> None:
    config = GeneratorConfig(replace(SPEC, audio=MEL_PITCH), conditioner, renderer)
    generator = used(config)
    features, faces = inputs(config)
    assert features.shape == (2, 83, 20)
    with torch.inference_mode():
        rendered = generator(features, faces)
    assert rendered.shape == (2, 3, 96, 96)
    assert torch.isfinite(rendered).all()
    path = tmp_path / "mel-pitch.safetensors"
    save_model(path, generator, CARD)
    loaded = load_model(path, LipSyncGenerator)
    assert loaded.spec.audio == MEL_PITCH
    with torch.inference_mode():
        assert torch.equal(loaded(features, faces), rendered)


@each_renderer
@pytest.mark.parametrize("layered", [False, True])
def test_several_references_are_seen(tmp_path: Path, renderer: Rendering, layered: bool) -> None:
    config = GeneratorConfig(replace(SPEC, references=2, layered=layered), ENCODER, renderer)
    generator = used(config)
    features, faces = inputs(config)
    assert faces.shape == (2, 9, 96, 96)
    with torch.inference_mode():
        rendered = generator(features, faces)
        assert rendered.shape == (2, 3, 96, 96)
        for reference in (slice(3, 6), slice(6, 9)):
            other = faces.clone()
            other[:, reference] = 1 - other[:, reference]
            assert not torch.allclose(generator(features, other), rendered, atol=1e-6)
    path = tmp_path / "two.safetensors"
    save_model(path, generator, CARD)
    info = read_info(path)
    assert info.spec is not None
    assert info.spec.references == 2
    with torch.inference_mode():
        assert torch.equal(load_model(path, LipSyncGenerator)(features, faces), rendered)


def test_layers_lie_over_the_first_reference_of_each_context() -> None:
    """Frames are folded in the batch; those of one context share its references."""
    torch.manual_seed(0)
    references = torch.rand(2, 6, 8, 8)
    steps = torch.linspace(-1 + 1 / 8, 1 - 1 / 8, 8)
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1).expand(6, 8, 8, 2)
    layers = Layers(grid, torch.zeros(6, 3, 8, 8), torch.zeros(6, 1, 8, 8))
    images = composited(layers, references)
    for frame, image in enumerate(images):
        torch.testing.assert_close(image, references[frame // 3, :3], atol=1e-5, rtol=0)
    assert composited(images, references) is images


class MeanRenderer(Renderer):
    """Gives each target plus the mean of its condition."""

    def __init__(self) -> None:
        super().__init__()
        self.config = None

    def forward(self, condition: Tensor, targets: Tensor, references: Tensor) -> Tensor:
        assert len(condition) == len(targets) == 3 * len(references)
        return targets + condition.mean(dim=1, keepdim=True)


def test_frames_of_a_context_are_folded_in_the_batch() -> None:
    spec = replace(SPEC, context=3, references=2)
    conditioner = build_generator(GeneratorConfig(SPEC, ENCODER, WAV2LIP)).conditioner
    generator = LipSyncGenerator(spec, conditioner, MeanRenderer()).eval()
    features, faces = torch.randn(6, 80, 16), torch.rand(2, 15, 4, 4)
    rendered = generator(features, faces)
    assert rendered.shape == (6, 3, 4, 4)
    means = generator.condition(features).mean(dim=1)[:, 0, 0]
    for number in range(6):
        context, frame = divmod(number, 3)
        torch.testing.assert_close(rendered[number], faces[context, 3 * frame : 3 * frame + 3] + means[number])


@each_renderer
@each_conditioner
def test_its_dimensions_are_those_that_it_was_built_from(conditioner: Conditioning, renderer: Rendering) -> None:
    config = GeneratorConfig(replace(SPEC, references=3, layered=True), conditioner, renderer)
    generator = build_generator(config)
    assert generator.config == config
    assert (config.resolution, config.num_motions) == (96, 3 if conditioner is BRANCH else None)
    assert not any(isinstance(parameter, nn.UninitializedParameter) for parameter in generator.parameters())
