"""Folded batch normalisation: the same function with fewer layers."""

from dataclasses import replace

import pytest
import torch
from tests.models.generator.small_parts import shaken
from tests.models.small import CONFIG
from torch import nn

from visavox.models.generator.conditioners import AudioEncoderConfig
from visavox.models.generator.wav2lip import Wav2LipConfig
from visavox.models.layers import fold_batch_norm
from visavox.weights.networks import build_generator


@pytest.fixture(autouse=True)
def same_numbers() -> None:
    torch.manual_seed(0)


def test_the_generator_renders_the_same() -> None:
    config = replace(
        CONFIG,
        conditioner=AudioEncoderConfig((4, 8, 8, 16, 16)),
        renderer=Wav2LipConfig(encoder_channels=(4, 8, 8, 8, 16, 16, 16), decoder_channels=(16, 16, 16, 16, 8, 8, 8)),
    )
    model = shaken(build_generator(config))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    folded = fold_batch_norm(model)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    features, faces = torch.rand(2, 80, 16) * 8 - 4, torch.rand(2, 6, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(folded(features, faces), model(features, faces), atol=2e-6, rtol=0)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_lone_normalisation_stays() -> None:
    model = shaken(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), nn.ReLU()))
    folded = fold_batch_norm(model)
    picture = torch.rand(1, 3, 5, 5)
    with torch.no_grad():
        torch.testing.assert_close(folded(picture), model(picture))
    assert isinstance(folded[1], nn.BatchNorm2d)


def test_training_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="eval"):
        fold_batch_norm(nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)))
