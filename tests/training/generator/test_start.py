"""What a run takes from weights of its own network, of the other one, and of neither."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.training import tiny_recipes

from visavox.cli.main import main
from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.attn_wav2lip import AttnWav2Lip, AttnWav2LipConfig
from visavox.models.generator.wav2lip import Wav2LipConfig
from visavox.training.generator import recipes
from visavox.training.generator.start import load_start
from visavox.weights.checkpoint import load_model, save_model
from visavox.weights.graft import graft_speech_branch
from visavox.weights.motion_terms import same_terms, terms_path
from visavox.weights.networks import NETWORKS, network_of
from visavox.weights.weights_file import ModelCard


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., str]:
    """Saves a network that has learned nothing; returns its path."""

    def save(config: Any, seed: int = 0) -> str:
        torch.manual_seed(seed)
        path = tmp_path / f"{network_of(config)}-{seed}.safetensors"
        module = NETWORKS[network_of(config)].build(config)
        save_model(path, module, network=network_of(config), config=config, card=ModelCard(CropSpec(), "", "", ""))
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
    state, expected = load_start(path, wanted), load_model(path).motion_predictor.state_dict()
    assert state.keys() == {f"motion_predictor.{name}" for name in expected}
    assert {"motion_predictor.gain", "motion_predictor.lowest"} <= state.keys()
    assert all(torch.equal(state[f"motion_predictor.{name}"], expected[name]) for name in expected)
    assert state.keys() <= NETWORKS[network_of(wanted)].build(wanted).state_dict().keys()
    nouns = [NETWORKS[network_of(config)].noun for config in (given, wanted)]
    assert f"which is {nouns[0]}, the speech branch is taken; all else of {nouns[1]}, which is trained" in caplog.text


def test_the_shipped_weights_start_the_compact_attention_network() -> None:
    config = recipes.ATTN_WAV2LIP_RECIPES["attn-compact"].settings.generator
    network = AttnWav2Lip(config)
    network.load_state_dict({**network.state_dict(), **load_start("wav2lip", config)})
    mel = torch.rand(1, 1, 80, config.mel_window) * 8 - 4
    with torch.inference_mode():
        expected = load_model("wav2lip").motion_predictor(mel)
        assert torch.equal(network.eval().motion_predictor(mel), expected)


@pytest.mark.parametrize(
    ("given", "wanted", "sentence"),
    [
        (tiny_recipes.EXPERT, tiny_recipes.GENERATOR, "is an expert (SyncNet); a generator starts from the weights of"),
        (
            tiny_recipes.GENERATOR,
            replace(tiny_recipes.ATTN_GENERATOR, mel_lead=15),
            "is a Wav2Lip generator, of which an AttnWav2Lip generator can take the speech branch alone, and the "
            "recipe's has other dimensions",
        ),
        (
            tiny_recipes.GENERATOR,
            replace(tiny_recipes.ATTN_GENERATOR, motion=None),
            "can take the speech branch alone, and the recipe's has none",
        ),
        (
            tiny_recipes.ATTN_GENERATOR,
            replace(tiny_recipes.ATTN_GENERATOR, attention=False),
            "has other dimensions than the recipe's generator",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    saved: Callable[..., str], given: Any, wanted: AttnWav2LipConfig | Wav2LipConfig, sentence: str
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
    assert same_terms(*(terms_path(folder / "best.safetensors") for folder in (output, speech_run)))


def test_the_command_trains_a_motion_driven_generator(
    dataset: Path, speech_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads 68 landmarks from the first step on, and starts from a Wav2Lip."""
    monkeypatch.setitem(recipes.MOTION_DUB_RECIPES, "tiny", tiny_recipes.MOTION_RENDERER)
    output = tmp_path / "run"
    options = ["--recipe", "tiny", "--steps", "2", "-o", str(output), "--start", str(speech_run / "best.safetensors")]
    assert main(["train", "motion-dub", str(dataset), *options]) == 0
    reader = load_model(output / "best.safetensors", network="motion_dub").mouth_reader
    assert reader.components.abs().max() > 0.1
    assert reader.rest[0] < 0


def test_a_new_speech_branch_describes_mouths_in_the_terms_of_its_start(
    dataset: Path, speech_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own basis would be another, because it is trained on other clips than its start."""
    monkeypatch.setitem(recipes.SPEECH_RECIPES, "tiny", tiny_recipes.SPEECH)
    painter, output = tmp_path / "painter.safetensors", tmp_path / "run"
    painter.write_bytes((speech_run / "best.safetensors").read_bytes())
    with np.load(speech_run / "best.motion.npz") as terms:
        np.savez(terms_path(painter), **{**terms, "opening": terms["opening"] * 1.1})
    options = ["--recipe", "tiny", "--steps", "2", "-o", str(output), "--start", str(painter)]
    assert main(["train", "speech", str(dataset), *options]) == 0
    assert same_terms(terms_path(painter), terms_path(output / "best.safetensors"))
    assert graft_speech_branch(painter, output / "best.safetensors", tmp_path / "both.safetensors").network == "wav2lip"
