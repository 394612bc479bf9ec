"""What drives a generator becomes its condition: mel and other features, and motion that takes the place of both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.dubbing.tiny import CONFIG as TINY
from tests.models.generator.small_parts import BRANCH, ENCODER
from torch import nn

from visavox.models.generator.conditioners import (
    AudioEncoder,
    AudioEncoderConfig,
    Conditioner,
    MouthMotion,
    MouthMotionConfig,
    SpeechBranch,
)
from visavox.models.generator.generator import GeneratorConfig, LipSyncGenerator
from visavox.models.generator.spec import AudioSpec
from visavox.models.generator.speech_branch import SpeechBranchConfig
from visavox.models.layers import mel_encoder
from visavox.training.generator.generator import load_start
from visavox.weights.checkpoint import load_model, save_model
from visavox.weights.networks import build_generator
from visavox.weights.weights_file import ModelCard

BY_AUDIO = GeneratorConfig(
    replace(TINY.spec, audio=AudioSpec(window=32, lead=14)),
    SpeechBranchConfig(num_motions=4, channels=8, condition=8),
    replace(TINY.renderer, modulated=True),
)
BY_MOTION = GeneratorConfig(replace(BY_AUDIO.spec, audio=None), MouthMotionConfig(4, 8), BY_AUDIO.renderer)


@pytest.mark.parametrize("window", [16, 32, 64])
@pytest.mark.parametrize("config", [ENCODER, BRANCH])
def test_every_mel_window_makes_a_condition(window: int, config: AudioEncoderConfig | SpeechBranchConfig) -> None:
    audio = AudioSpec(window=window)
    conditioner = conditioner_of(config, audio).eval()
    assert conditioner(torch.rand(2, 80, window)).shape == (2, 4, 1, 1) == (2, conditioner.channels, 1, 1)
    encoder = mel_encoder((2,) * 5, mel_window=window, last_residuals=1)
    assert encoder(torch.rand(2, 1, 80, window)).shape == (2, 2, 1, 1)


@pytest.mark.parametrize("window", [1, 10, 20, 100])
@pytest.mark.parametrize("config", [ENCODER, BRANCH])
def test_features_of_other_sizes_and_windows(window: int, config: AudioEncoderConfig | SpeechBranchConfig) -> None:
    torch.manual_seed(0)
    audio = AudioSpec("mel-pitch", 83, 50, window, lead=window // 2)
    conditioner = conditioner_of(config, audio)
    features = torch.randn(2, 83, window, requires_grad=True)
    condition = conditioner(features)
    assert condition.shape == (2, 4, 1, 1)
    ((condition - torch.rand_like(condition)) ** 2).sum().backward()
    assert features.grad is not None
    assert features.grad.any()
    assert all(parameter.grad is not None for parameter in conditioner.parameters())


def conditioner_of(config: AudioEncoderConfig | SpeechBranchConfig, audio: AudioSpec) -> Conditioner:
    if isinstance(config, AudioEncoderConfig):
        return AudioEncoder(config, audio)
    return SpeechBranch(config, audio)


def test_the_mel_of_wav2lip_reaches_its_encoder_as_it_is() -> None:
    encoder = AudioEncoder(ENCODER, AudioSpec()).eval()
    assert isinstance(encoder.projection, nn.Identity)
    mel = torch.randn(2, 80, 16)
    assert torch.equal(encoder(mel), encoder.layers(mel[:, None]))
    assert not any(name.startswith("projection") for name in encoder.state_dict())


def test_motion_takes_the_place_of_what_is_predicted() -> None:
    torch.manual_seed(1)
    branch = SpeechBranch(BRANCH, AudioSpec(window=32)).eval()
    features = torch.rand(2, 80, 32) * 8 - 4
    motion = branch.predictor(features)
    assert motion.shape == (2, 3)
    assert torch.equal(branch.from_motion(motion), branch(features))
    assert not torch.allclose(branch.from_motion(motion + 1), branch(features), atol=1e-4)


def test_driven_by_motion_a_renderer_renders_what_it_did_by_audio(tmp_path: Path) -> None:
    torch.manual_seed(2)
    by_audio, path = build_generator(BY_AUDIO).eval(), tmp_path / "by-audio.safetensors"
    save_model(path, by_audio, ModelCard("", "", ""))
    by_motion = build_generator(BY_MOTION).eval()
    by_motion.load_state_dict({**by_motion.state_dict(), **load_start(str(path), BY_MOTION)})
    assert isinstance(by_motion.conditioner, MouthMotion)
    by_motion.conditioner.mouth_code.components.normal_()
    saved = tmp_path / "by-motion.safetensors"
    save_model(saved, by_motion, ModelCard("", "", ""))
    loaded = load_model(saved, LipSyncGenerator)
    faces, motion = torch.rand(2, 6, 96, 96), torch.randn(2, 4)
    assert isinstance(by_audio.conditioner, SpeechBranch)
    condition = by_audio.conditioner.from_motion(motion)
    assert torch.equal(loaded(motion, faces), by_audio.images(condition, faces[:, :3], faces[:, 3:]))
    assert isinstance(loaded.conditioner, MouthMotion)
    assert torch.equal(loaded.conditioner.mouth_code.components, by_motion.conditioner.mouth_code.components)
    assert not any(name.startswith(("conditioner.predictor", "conditioner.layers")) for name in loaded.state_dict())


def test_a_conditioner_of_motion_takes_no_audio() -> None:
    with pytest.raises(ValueError, match="takes no audio features"):
        build_generator(replace(BY_MOTION, spec=BY_AUDIO.spec))
