"""Every recipe builds its networks, and names a weight for every loss; what the big ones would do is not run."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch

from visavox.models.strict_json import from_mapping
from visavox.models.syncnet.expert import Expert
from visavox.models.wav2lip.discriminator import QualityDiscriminator
from visavox.models.wav2lip.generator import Wav2Lip
from visavox.training.loop import LoopSettings
from visavox.training.recipes import EXPERT_RECIPES, FEATURES_RECIPES, SPEECH_RECIPES, WAV2LIP_RECIPES

ALL = {**SPEECH_RECIPES, **{f"expert {k}": v for k, v in EXPERT_RECIPES.items()}, **WAV2LIP_RECIPES}
ALL |= {f"features {k}": v for k, v in FEATURES_RECIPES.items()}


@pytest.mark.parametrize("name", ALL)
def test_a_recipe_is_plain_data(name):
    text = json.dumps(asdict(ALL[name]))
    assert from_mapping(LoopSettings, json.loads(text)["loop"]) == ALL[name].loop


@pytest.mark.parametrize("name", SPEECH_RECIPES)
def test_speech_recipes_teach_a_speech_branch(name):
    config = SPEECH_RECIPES[name].stage.generator
    with torch.device("meta"):
        mel = torch.zeros(2, 1, 80, config.mel_window)
        assert Wav2Lip(config).motion_predictor(mel).shape == (2, config.motion.num_motions)


@pytest.mark.parametrize("name", EXPERT_RECIPES)
def test_expert_recipes_build(name):
    config = EXPERT_RECIPES[name].stage.expert
    with torch.device("meta"):
        mel = torch.zeros(2, 1, 80, config.mel_window)
        mouths = torch.zeros(2, 3 * config.num_frames, config.resolution // 2, config.resolution)
        audio, face = Expert(config)(mel, mouths)
    assert audio.shape == face.shape == (2, config.face_channels[-1])


@pytest.mark.parametrize("name", EXPERT_RECIPES)
def test_an_expert_that_learns_nothing_is_told_while_it_trains(name):
    recipe = EXPERT_RECIPES[name]
    assert recipe.stage.patience <= recipe.loop.steps / 2


@pytest.mark.parametrize("name", WAV2LIP_RECIPES)
def test_generator_recipes_build(name):
    settings = WAV2LIP_RECIPES[name].stage
    config = settings.generator
    with torch.device("meta"):
        mel = torch.zeros(2, 1, 80, config.mel_window)
        faces = torch.zeros(2, 6, config.resolution, config.resolution)
        painted = Wav2Lip(config)(mel, faces)
        assert painted.shape == (2, 3, config.resolution, config.resolution)
        if settings.discriminator is not None:
            assert settings.discriminator.resolution == config.resolution
            half = painted[..., config.resolution // 2 :, :]
            assert QualityDiscriminator(settings.discriminator)(half).shape == (2, 1)


def test_recipes_that_follow_each_other_share_their_networks():
    generators = {WAV2LIP_RECIPES[name].stage.generator for name in WAV2LIP_RECIPES if name.startswith("compact")}
    assert generators == {SPEECH_RECIPES["compact"].stage.generator}
    sync = WAV2LIP_RECIPES["compact-sync"].stage
    assert EXPERT_RECIPES["compact"].stage.expert.resolution == sync.generator.resolution
    published = WAV2LIP_RECIPES["wav2lip-96"].stage
    assert EXPERT_RECIPES["expert-96"].stage.expert.resolution == published.generator.resolution
    assert (published.losses.reconstruction, published.losses.sync) == (0.99, 0.01)
