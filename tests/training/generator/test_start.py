"""What a run takes from weights of its own network, of the other one, and of neither."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.narrow import part, present
from tests.training import tiny_recipes
from torch import nn

from visavox.cli.main import main
from visavox.errors import InputError
from visavox.models.generator.conditioners import AudioEncoderConfig
from visavox.models.generator.generator import GeneratorConfig, LipSyncGenerator
from visavox.models.generator.motion_basis import StoredBasis
from visavox.models.generator.mouth_code import MouthCode
from visavox.models.generator.spec import AudioSpec
from visavox.models.generator.speech_branch import MotionPredictor
from visavox.training.generator import recipes
from visavox.training.generator.generator import load_start
from visavox.weights.checkpoint import load_model, motion_basis_of, save_model
from visavox.weights.edit import swap_speech_branch
from visavox.weights.networks import NETWORKS, build_network, network_of
from visavox.weights.registry import model_info
from visavox.weights.weights_file import ModelCard


def predictor_of(network: nn.Module) -> MotionPredictor:
    return part(network, "conditioner.predictor", MotionPredictor)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., str]:
    """Saves a network that has learned nothing; returns its path."""

    def save(config: Any, seed: int = 0) -> str:
        torch.manual_seed(seed)
        path = tmp_path / f"{network_of(config)}-{seed}.safetensors"
        module = build_network(config)
        save_model(path, module, ModelCard("", "", ""))
        return str(path)

    return save


def test_of_the_same_network_all_is_taken(saved: Callable[..., str], caplog: pytest.LogCaptureFixture) -> None:
    for config in (tiny_recipes.GENERATOR, tiny_recipes.ATTN_GENERATOR):
        path = saved(config)
        state, expected = load_start(path, config), load_model(path).state_dict()
        assert state.keys() == expected.keys()
        assert all(torch.equal(state[name], expected[name]) for name in expected)
    assert not caplog.text


@pytest.mark.parametrize("turned_around", [False, True])
def test_of_the_other_network_the_speech_branch_is_taken_and_that_is_said(
    saved: Callable[..., str], caplog: pytest.LogCaptureFixture, turned_around: bool
) -> None:
    pair = [tiny_recipes.GENERATOR, tiny_recipes.ATTN_GENERATOR]
    given, wanted = reversed(pair) if turned_around else pair
    path = saved(given)
    state, expected = load_start(path, wanted), predictor_of(load_model(path)).state_dict()
    assert state.keys() == {f"conditioner.predictor.{name}" for name in expected}
    assert {"conditioner.predictor.gain", "conditioner.predictor.lowest"} <= state.keys()
    assert all(torch.equal(state[f"conditioner.predictor.{name}"], expected[name]) for name in expected)
    assert state.keys() <= build_network(wanted).state_dict().keys()
    nouns = [NETWORKS[network_of(config)].noun for config in (given, wanted)]
    assert f"which is {nouns[0]}, the speech branch is taken; all else of {nouns[1]}, which is trained" in caplog.text


def test_the_shipped_weights_start_the_compact_attention_network() -> None:
    config = recipes.ATTN_WAV2LIP_RECIPES["attn-compact"].settings.generator
    network = build_network(config)
    network.load_state_dict({**network.state_dict(), **load_start("wav2lip", config)})
    mel = torch.rand(1, 80, present(config.spec.audio).window) * 8 - 4
    with torch.inference_mode():
        expected = predictor_of(load_model("wav2lip"))(mel)
        assert torch.equal(predictor_of(network.eval())(mel), expected)


@pytest.mark.parametrize(
    ("given", "wanted", "sentence"),
    [
        (tiny_recipes.EXPERT, tiny_recipes.GENERATOR, "is an expert (SyncNet); a generator starts from the weights of"),
        (
            tiny_recipes.GENERATOR,
            replace(tiny_recipes.ATTN_GENERATOR, spec=replace(tiny_recipes.SPEC, audio=AudioSpec(window=32, lead=15))),
            "is a Wav2Lip generator, of which an AttnWav2Lip generator can take the speech branch alone, and the "
            "recipe's has other dimensions",
        ),
        (
            tiny_recipes.GENERATOR,
            replace(tiny_recipes.ATTN_GENERATOR, conditioner=AudioEncoderConfig()),
            "can take the speech branch alone, and the recipe's has none",
        ),
        (
            tiny_recipes.ATTN_GENERATOR,
            replace(
                tiny_recipes.ATTN_GENERATOR, renderer=replace(tiny_recipes.ATTN_GENERATOR.renderer, attention=False)
            ),
            "has other dimensions than the recipe's generator",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    saved: Callable[..., str], given: Any, wanted: GeneratorConfig, sentence: str
) -> None:
    with pytest.raises(InputError) as caught:
        load_start(saved(given), wanted)
    assert sentence in str(caught.value)


def test_the_command_trains_the_attention_network_from_the_speech_stage(
    dataset: Path,
    speech_run: Path,
    expert_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(recipes.ATTN_WAV2LIP_RECIPES, "tiny", replace(tiny_recipes.ATTENTION, loop=tiny_recipes.LOOP))
    starts = ["--start", str(speech_run / "best.safetensors"), "--expert", str(expert_run / "best.safetensors")]
    output = tmp_path / "run"
    options = ["--recipe", "tiny", "--steps", "2", "--batch-size", "2", "-o", str(output)]
    assert main(["train", "attn-wav2lip", str(dataset), *options, *starts]) == 0
    assert f"weights: {output / 'best.safetensors'}" in capsys.readouterr().out
    assert load_model(output / "best.safetensors").config == tiny_recipes.ATTN_GENERATOR
    one, other = (motion_basis_of(model_info(run / "best.safetensors")) for run in (output, speech_run))
    assert one is not None
    assert one == other


def test_the_command_trains_a_motion_driven_generator(
    dataset: Path, speech_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads 68 landmarks from the first step on, and starts from a Wav2Lip."""
    monkeypatch.setitem(recipes.MOTION_DUB_RECIPES, "tiny", tiny_recipes.MOTION_RENDERER)
    output = tmp_path / "run"
    options = ["--recipe", "tiny", "--steps", "2", "-o", str(output), "--start", str(speech_run / "best.safetensors")]
    assert main(["train", "motion-dub", str(dataset), *options]) == 0
    code = part(load_model(output / "best.safetensors"), "conditioner.mouth_code", MouthCode)
    assert code.components.abs().max() > 0.1
    assert code.rest[0] < 0


def test_a_new_speech_branch_describes_mouths_in_the_terms_of_its_start(
    dataset: Path, speech_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own basis would be another, because it is trained on other clips than its start."""
    monkeypatch.setitem(recipes.SPEECH_RECIPES, "tiny", tiny_recipes.SPEECH)
    renderer, output = tmp_path / "renderer.safetensors", tmp_path / "run"
    generator = load_model(speech_run / "best.safetensors", LipSyncGenerator)
    part(generator, "conditioner.motion_basis", StoredBasis).opening.mul_(1.1)
    save_model(renderer, generator, ModelCard("", "", ""))
    options = ["--recipe", "tiny", "--steps", "2", "-o", str(output), "--start", str(renderer)]
    assert main(["train", "speech", str(dataset), *options]) == 0
    one, other = (motion_basis_of(model_info(path)) for path in (renderer, output / "best.safetensors"))
    assert one is not None
    assert one == other
    assert swap_speech_branch(renderer, output / "best.safetensors", tmp_path / "both.safetensors").network == "wav2lip"
