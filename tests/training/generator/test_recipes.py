"""Every recipe builds its networks, and names a weight for every loss; what the big ones would do is not run."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
import torch
from tests.narrow import part, present
from torch.utils.flop_counter import FlopCounterMode

from visavox.models.generator.discriminator import QualityDiscriminator
from visavox.models.generator.generator import GeneratorConfig
from visavox.models.generator.speech_branch import MotionPredictor
from visavox.models.sync.expert import Expert
from visavox.runtime.serialization import from_mapping
from visavox.training.generator.recipes import (
    ATTN_WAV2LIP_RECIPES,
    EXPERT_RECIPES,
    FEATURES_RECIPES,
    SPEECH_RECIPES,
    WAV2LIP_RECIPES,
)
from visavox.training.recipe import LoopSettings, Recipe
from visavox.weights.networks import build_generator

GENERATOR_RECIPES = {**WAV2LIP_RECIPES, **ATTN_WAV2LIP_RECIPES}
ALL: dict[str, Recipe[Any]] = {**SPEECH_RECIPES, **GENERATOR_RECIPES}
ALL |= {f"expert {k}": v for k, v in EXPERT_RECIPES.items()}
ALL |= {f"features {k}": v for k, v in FEATURES_RECIPES.items()}


def features_of(config: GeneratorConfig, batch: int) -> torch.Tensor:
    """Features (batch, size, window) of no sound, as a generator takes them."""
    audio = present(config.spec.audio)
    return torch.zeros(batch, audio.size, audio.window)


@pytest.mark.parametrize("name", ALL)
def test_a_recipe_is_plain_data(name: str) -> None:
    text = json.dumps(asdict(ALL[name]))
    assert from_mapping(LoopSettings, json.loads(text)["loop"]) == ALL[name].loop


@pytest.mark.parametrize("name", SPEECH_RECIPES)
def test_speech_recipes_teach_a_speech_branch(name: str) -> None:
    config = SPEECH_RECIPES[name].settings.generator
    with torch.device("meta"):
        features = features_of(config, 2)
        predictor = part(build_generator(config), "conditioner.predictor", MotionPredictor)
        assert predictor(features).shape == (2, config.num_motions)


@pytest.mark.parametrize("name", EXPERT_RECIPES)
def test_expert_recipes_build(name: str) -> None:
    config = EXPERT_RECIPES[name].settings.expert
    with torch.device("meta"):
        mel = torch.zeros(2, 1, 80, config.mel_window)
        mouths = torch.zeros(2, 3 * config.num_frames, config.resolution // 2, config.resolution)
        audio, face = Expert(config)(mel, mouths)
    assert audio.shape == face.shape == (2, config.face_channels[-1])


@pytest.mark.parametrize("name", EXPERT_RECIPES)
def test_an_expert_that_learns_nothing_is_told_while_it_trains(name: str) -> None:
    recipe = EXPERT_RECIPES[name]
    assert recipe.settings.patience <= recipe.loop.steps / 2


@pytest.mark.parametrize("name", GENERATOR_RECIPES)
def test_generator_recipes_build(name: str) -> None:
    settings = GENERATOR_RECIPES[name].settings
    config = settings.generator
    with torch.device("meta"):
        features = features_of(config, 2)
        faces = torch.zeros(2, 6, config.resolution, config.resolution)
        painted = build_generator(config)(features, faces)
        assert painted.shape == (2, 3, config.resolution, config.resolution)
        if settings.discriminator is not None:
            assert settings.discriminator.resolution == config.resolution
            half = painted[..., config.resolution // 2 :, :]
            assert QualityDiscriminator(settings.discriminator)(half).shape == (2, 1)


def test_recipes_that_follow_each_other_share_their_networks() -> None:
    generators = {WAV2LIP_RECIPES[name].settings.generator for name in WAV2LIP_RECIPES if name.startswith("compact")}
    assert generators == {SPEECH_RECIPES["compact"].settings.generator}
    sync = WAV2LIP_RECIPES["compact-sync"].settings
    assert EXPERT_RECIPES["compact"].settings.expert.resolution == sync.generator.resolution
    published = WAV2LIP_RECIPES["wav2lip-96"].settings
    assert EXPERT_RECIPES["expert-96"].settings.expert.resolution == published.generator.resolution
    assert (published.losses.reconstruction, published.losses.sync) == (0.99, 0.01)


def test_the_attention_recipes_take_out_one_part_each_and_nothing_else() -> None:
    whole = ATTN_WAV2LIP_RECIPES["attn-compact"]
    for name, left_out in (("no-attention", {"attention": False}), ("no-alignment", {"alignment_levels": ()})):
        ablation = ATTN_WAV2LIP_RECIPES[f"attn-compact-{name}"]
        config = whole.settings.generator
        generator = replace(config, renderer=replace(config.renderer, **left_out))
        assert generator != whole.settings.generator
        assert ablation == replace(whole, settings=replace(whole.settings, generator=generator))


def test_the_compact_attention_network_hears_as_the_compact_one_does_and_is_as_small() -> None:
    config, other = (GENERATOR_RECIPES[name].settings.generator for name in ("attn-compact", "compact"))
    assert (config.spec, config.conditioner) == (other.spec, other.conditioner)
    network = build_generator(config).eval()
    with FlopCounterMode(display=False) as counted, torch.inference_mode():
        network(features_of(config, 1), torch.zeros(1, 6, config.resolution, config.resolution))
    assert counted.get_total_flops() / 2 <= 0.4e9  # two operations in each multiply-accumulate
