"""The task that fits a generator to one person: what it learns, what it leaves, and which states it keeps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from tests.narrow import part, present
from tests.training import tiny_recipes
from tests.training.resuming import check_resuming
from torch import nn

from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.generator import GeneratorConfig, LipSyncGenerator
from visavox.models.generator.speech_branch import MotionPredictor
from visavox.models.perceptual.face_features import MouthPerceptualNet
from visavox.progress import QUIET, Progress
from visavox.training.generator.adaptation import (
    RENDERER,
    SPEECH,
    AdaptationSettings,
    AdaptationStart,
    AdaptationTask,
)
from visavox.training.generator.clips import ClipSplits
from visavox.training.generator.rendering import FrozenNetworks
from visavox.training.generator.settings import GeneratorLosses
from visavox.training.loop import Trainer
from visavox.weights.checkpoint import load_model
from visavox.weights.networks import build_generator, network_of

CROP = CropSpec(size=96, side=1.9)


def with_crop(config: GeneratorConfig) -> GeneratorConfig:
    """The generator of a narrower crop than that of the recipes."""
    return replace(config, spec=replace(config.spec, crop=CROP))


@pytest.fixture
def config() -> GeneratorConfig:
    return with_crop(tiny_recipes.GENERATOR)


@pytest.fixture
def start(config: GeneratorConfig) -> LipSyncGenerator:
    torch.manual_seed(5)
    return build_generator(config).eval()


@pytest.fixture
def task(clips: ClipSplits, config: GeneratorConfig, start: LipSyncGenerator) -> AdaptationTask:
    settings = AdaptationSettings(config, GeneratorLosses(alpha=0.1), validation_samples=2, speech_windows=4)
    rest = np.array([-1.0, 0, 0, 0], np.float32)
    cpu, begin = torch.device("cpu"), AdaptationStart(start, rest)
    return AdaptationTask(settings, clips, begin, FrozenNetworks(), device=cpu, seed=0)


@pytest.fixture
def measured(task: AdaptationTask) -> AdaptationTask:
    """The task, its start measured."""
    task.baseline()
    return task


def train(task: AdaptationTask, path: Path, **changes: Any) -> Trainer:
    loop = replace(tiny_recipes.LOOP, steps=4, validate_every=2, **changes)
    trainer = Trainer(task, loop, path, Fabric(accelerator="cpu"), {"summary": "a person"})
    trainer.fit()
    return trainer


@pytest.mark.parametrize(
    "config", [with_crop(tiny_recipes.GENERATOR), with_crop(tiny_recipes.ATTN_GENERATOR)], ids=network_of
)
def test_both_parts_learn_and_the_statistics_stay(
    task: AdaptationTask, start: LipSyncGenerator, tmp_path: Path
) -> None:
    train(task, tmp_path / "run")
    before, after = start.state_dict(), task.generator.state_dict()
    for name in (
        "renderer.output_block.1.weight",
        "conditioner.predictor.head.0.weight",
        "conditioner.motion_condition.layers.0.weight",
    ):
        assert not torch.equal(before[name], after[name]), name
    assert all(torch.equal(before[name], after[name]) for name in before if "running" in name)


def test_the_speech_branch_learns_more_slowly(task: AdaptationTask) -> None:
    renderer, speech = task.optimizers["generator"].param_groups
    assert "rate_factor" not in renderer
    assert speech["rate_factor"] == task.settings.speech_rate < 1
    learned = {id(parameter) for parameter in task.generator.get_submodule("conditioner.predictor").parameters()}
    assert {id(parameter) for parameter in speech["params"]} == learned
    assert not learned & {id(parameter) for parameter in renderer["params"]}


def test_the_mouth_is_calibrated_to_the_persons(measured: AdaptationTask) -> None:
    predictor = part(measured.generator, "conditioner.predictor", MotionPredictor)
    speech, clips = present(measured.speech), measured.clips.train.clips
    gain, offset = predictor.gain.numpy(), predictor.offset.numpy()
    predicted = [np.maximum(speech.predict(one) * gain + offset, -1e4) for one in clips]
    true = np.concatenate([stored.motion for stored in clips])[:, 0]
    assert np.concatenate(predicted)[:, 0].mean() == pytest.approx(true.mean(), abs=1e-3)
    assert predictor.gain[0] == predictor.gain[1]
    assert 0 < float(predictor.gain[0]) <= 3


def test_each_part_keeps_its_own_best_state(measured: AdaptationTask, tmp_path: Path) -> None:
    measured.best[RENDERER].state["renderer.output_block.1.bias"].fill_(0.25)
    with torch.no_grad():
        for parameter in measured.generator.parameters():
            parameter.add_(0.01)
    # As if the renderer could not become better, and anything were better than the speech branch.
    measured.start_scores = {RENDERER: -1.0, SPEECH: 1e9}
    measured.best = {part: replace(best, score=measured.start_scores[part]) for part, best in measured.best.items()}
    with torch.no_grad():
        measured.validate()
    assert measured.improved == (SPEECH,)
    measured.export(str(tmp_path / "best.safetensors"), "", {})
    exported = load_model(tmp_path / "best.safetensors", LipSyncGenerator)
    assert (present(part(exported, "renderer.output_block.1", nn.Conv2d).bias) == 0.25).all()
    moved = measured.generator.state_dict()["conditioner.predictor.head.0.weight"]
    assert torch.equal(exported.state_dict()["conditioner.predictor.head.0.weight"], moved)
    assert exported.spec.crop == CROP


def test_of_two_that_are_as_near_the_sharper_is_better(task: AdaptationTask) -> None:
    def score(sharpness: float) -> float:
        return task.faces.score({"l1_motion": 0.02, "sharpness": sharpness}, "motion", sharp=True)

    assert score(0.8) > score(0.9)
    assert score(1.3) > score(1.1)


def test_a_killed_adaptation_goes_on_as_if_it_had_not_been(
    clips: ClipSplits, config: GeneratorConfig, start: LipSyncGenerator, tmp_path: Path
) -> None:
    """With every loss that there is: face features, discriminator, detail."""
    losses = GeneratorLosses(detail=1.0, alpha=0.1, adversarial=0.1, features=0.1, mouth_motion=0.1, perceptual=0.1)
    settings = AdaptationSettings(
        config, losses, discriminator=tiny_recipes.DISCRIMINATOR, validation_samples=2, speech_windows=4
    )
    begin = AdaptationStart(start, np.array([-1.0, 0, 0, 0], np.float32))

    def train_again(path: Path, progress: Progress = QUIET, resume: bool = False) -> dict[str, float]:
        torch.manual_seed(6)
        networks = FrozenNetworks(features=MouthPerceptualNet(tiny_recipes.FACE_FEATURES))
        task = AdaptationTask(settings, clips, begin, networks, device=torch.device("cpu"), seed=0)
        trainer = Trainer(task, tiny_recipes.LOOP, path, Fabric(accelerator="cpu"), {"summary": "a person"})
        return trainer.fit(progress, resume=resume)

    check_resuming(train_again, tmp_path)


def test_the_best_states_are_saved_and_taken_back(task: AdaptationTask, tmp_path: Path) -> None:
    trainer = train(task, tmp_path / "run")
    kept = {part: best.score for part, best in task.best.items()}
    task.baseline()
    trainer.load()
    assert {part: best.score for part, best in task.best.items()} == kept


def test_a_checkpoint_of_an_earlier_version_names_the_renderer_otherwise(measured: AdaptationTask) -> None:
    state = measured.extra_state()
    measured.load_extra_state(state | {"best": {"painter": state["best"][RENDERER], SPEECH: state["best"][SPEECH]}})
    assert measured.best.keys() == {RENDERER, SPEECH}


def test_measuring_the_speed_leaves_no_trace(task: AdaptationTask, tmp_path: Path) -> None:
    before = {name: tensor.clone() for name, tensor in task.generator.state_dict().items()}
    trainer = Trainer(task, tiny_recipes.LOOP, tmp_path / "run", Fabric(accelerator="cpu"), {"summary": ""})
    assert trainer.seconds_per_step(4) > 0
    assert all(torch.equal(before[name], tensor) for name, tensor in task.generator.state_dict().items())
    assert not task.optimizers["generator"].state
    assert trainer.step == 0
    assert not (tmp_path / "run").exists()
