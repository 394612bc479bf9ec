"""Weights made from weights: the speech branch of one with the renderer of another, and numbers between two."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import torch
from tests.models.small import CARD, CONFIG, save_small_generator, small_generator
from tests.narrow import part

from visavox.cli.main import main
from visavox.errors import InputError
from visavox.models.generator.conditioners import SpeechBranch
from visavox.models.generator.generator import GeneratorConfig, LipSyncGenerator
from visavox.models.generator.motion_basis import MOUTH_POINTS, MotionBasis
from visavox.models.generator.spec import AudioSpec
from visavox.models.generator.speech_branch import SpeechBranchConfig
from visavox.weights.checkpoint import load_model, motion_basis_of, save_model
from visavox.weights.edit import interpolate, swap_speech_branch
from visavox.weights.registry import model_info

BRANCH = SpeechBranchConfig(num_motions=3, channels=4, condition=4)
RENDERER = GeneratorConfig(
    replace(CONFIG.spec, audio=AudioSpec(window=32, lead=14)), BRANCH, replace(CONFIG.renderer, modulated=True)
)
SPEECH = replace(
    RENDERER,
    spec=replace(RENDERER.spec, audio=AudioSpec(window=48, lead=22)),
    conditioner=replace(BRANCH, channels=8, dilations=(1, 2)),
)
MEL_PITCH = replace(SPEECH, spec=replace(SPEECH.spec, audio=AudioSpec("mel-pitch", 83, 50, window=20, lead=8)))


class Save(Protocol):
    """Writes a generator."""

    def __call__(
        self, name: str, config: GeneratorConfig, seed: int, opening: float | None = 1.0, licence: str = "CC0"
    ) -> Path: ...


def basis(num_motions: int, opening: float) -> MotionBasis:
    rows = np.random.default_rng(0).normal(size=(num_motions - 1, 2 * len(MOUTH_POINTS)))
    return MotionBasis(opening, 1.0, rows)


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(name: str, config: GeneratorConfig, seed: int, opening: float | None = 1.0, licence: str = "CC0") -> Path:
        path = tmp_path / f"{name}.safetensors"
        generator = small_generator(seed, config)
        if opening is not None and isinstance(generator.conditioner, SpeechBranch):
            generator.conditioner.motion_basis.set(basis(generator.conditioner.num_motions, opening))
        save_model(path, generator, replace(CARD, licence=licence))
        return path

    return write


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    first = save_small_generator(tmp_path / "first.safetensors")
    second = tmp_path / "second.safetensors"
    save_model(second, small_generator(seed=1), CARD)
    return first, second


@pytest.mark.parametrize("given", [SPEECH, MEL_PITCH], ids=["mel", "mel-pitch"])
def test_it_predicts_as_one_and_renders_as_the_other(save: Save, tmp_path: Path, given: GeneratorConfig) -> None:
    renderer, speech = save("renderer", RENDERER, 0), save("speech", given, 1, licence="CC BY 4.0")
    info = swap_speech_branch(renderer, speech, tmp_path / "both.safetensors")
    model, one, other = (load_model(path, LipSyncGenerator) for path in (info.path, renderer, speech))
    assert model.config == replace(RENDERER, spec=given.spec, conditioner=given.conditioner)
    assert given.spec.audio is not None
    features = torch.rand(2, given.spec.audio.size, given.spec.audio.window) * 8 - 4
    faces = torch.rand(2, 6, 96, 96)
    both, renders, predicts = (part(generator, "conditioner", SpeechBranch) for generator in (model, one, other))
    with torch.no_grad():
        motion = both.predictor(features)
        torch.testing.assert_close(motion, predicts.predictor(features), atol=5e-3, rtol=5e-3)
        expected = one.images(renders.from_motion(motion), faces[:, :3], faces[:, 3:])
        torch.testing.assert_close(model(features, faces), expected, atol=5e-3, rtol=5e-3)
    assert motion_basis_of(info) == motion_basis_of(model_info(renderer)) == basis(3, 1.0)
    assert info.card.licence == "CC0 CC BY 4.0"
    assert not info.card.quality


@pytest.mark.parametrize(
    ("config", "opening", "sentence"),
    [
        (CONFIG, 1.0, "has no speech branch"),
        (SPEECH, None, "does not hold the basis of its mouth motion, nor is speech.motion.npz beside it"),
        (SPEECH, 2.0, "describes mouths in another basis than"),
        (
            replace(SPEECH, conditioner=replace(BRANCH, num_motions=4)),
            1.0,
            "visavox train speech DATASET --start renderer",
        ),
        (
            replace(SPEECH, conditioner=replace(BRANCH, condition=8)),
            1.0,
            "visavox train speech DATASET --start renderer",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    save: Save, tmp_path: Path, config: GeneratorConfig, opening: float | None, sentence: str
) -> None:
    renderer, speech = save("renderer", RENDERER, 0), save("speech", config, 1, opening)
    with pytest.raises(InputError) as caught:
        swap_speech_branch(renderer, speech, tmp_path / "both.safetensors")
    assert sentence in str(caught.value)
    assert not (tmp_path / "both.safetensors").exists()


def test_a_renderer_without_a_speech_branch_is_refused(save: Save, tmp_path: Path) -> None:
    plain = save_small_generator(tmp_path / "plain.safetensors")
    with pytest.raises(InputError, match="has no speech branch"):
        swap_speech_branch(plain, save("speech", SPEECH, 1), tmp_path / "both.safetensors")


@pytest.mark.parametrize("name", ["swap-speech", "graft"])
def test_the_command_that_swaps_speech(
    save: Save, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    output = tmp_path / "both.safetensors"
    command = ["models", name, str(save("renderer", RENDERER, 0)), str(save("speech", SPEECH, 1)), "-o", str(output)]
    assert main(command) == 0
    said = capsys.readouterr()
    assert "a generator for tests" in said.out
    assert said.err == ("visavox: graft is now called swap-speech\n" if name == "graft" else "")
    assert model_info(str(output)).card.training == "renderer: none; speech branch: none"
    assert main(command) == 2
    assert "exists; choose another name" in capsys.readouterr().err


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_numbers_lie_between(two: tuple[Path, Path], tmp_path: Path, share: float) -> None:
    info = interpolate(*two, tmp_path / "between.safetensors", share=share)
    one, other = (load_model(path).state_dict() for path in two)
    for key, tensor in load_model(info.path).state_dict().items():
        torch.testing.assert_close(
            tensor, torch.lerp(one[key].float(), other[key].float(), share).to(tensor.dtype), atol=2e-3, rtol=1e-3
        )
    assert not info.card.quality


def test_the_basis_is_that_of_both(save: Save, tmp_path: Path) -> None:
    one, other = save("one", SPEECH, 0), save("other", SPEECH, 1)
    info = interpolate(one, other, tmp_path / "between.safetensors", share=0.3)
    assert motion_basis_of(info) == basis(3, 1.0)


@pytest.mark.parametrize(
    "change",
    [{"audio": AudioSpec(lead=5)}, {"layered": True}, {"references": 2}],
    ids=["audio", "layers", "references"],
)
def test_other_contracts_are_refused(two: tuple[Path, Path], tmp_path: Path, change: dict[str, Any]) -> None:
    other = tmp_path / "other.safetensors"
    save_model(other, small_generator(0, replace(CONFIG, spec=replace(CONFIG.spec, **change))), CARD)
    with pytest.raises(InputError, match="not weights of the same network"):
        interpolate(two[0], other, tmp_path / "between.safetensors")


def test_other_dimensions_are_refused(two: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not weights of the same network"):
        interpolate(two[0], "expert", tmp_path / "between.safetensors")
    assert not (tmp_path / "between.safetensors").exists()


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_share_out_of_range(two: tuple[Path, Path], tmp_path: Path, share: float) -> None:
    with pytest.raises(InputError, match="give one from 0"):
        interpolate(*two, tmp_path / "between.safetensors", share=share)


def test_an_input_is_not_overwritten(two: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match="is the input itself"):
        interpolate(*two, two[1], overwrite=True)


@pytest.mark.parametrize("name", ["interpolate", "blend"])
def test_the_command_that_interpolates(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    output = tmp_path / "between.safetensors"
    assert main(["models", name, *map(str, two), "-o", str(output), "--share", "0.5"]) == 0
    said = capsys.readouterr()
    assert "a generator for tests" in said.out
    assert said.err == ("visavox: blend is now called interpolate\n" if name == "blend" else "")
    assert "to a share of 0.5" in model_info(str(output)).card.training
