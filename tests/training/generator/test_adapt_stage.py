"""The stage that fits a generator to one person: what it learns, what it leaves, and which states it keeps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from tests.training import tiny_recipes
from tests.training.resuming import check_resuming

from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.base import Generator, GeneratorConfig
from visavox.models.perceptual.face_features import FaceFeatures
from visavox.progress import QUIET
from visavox.training.generator.adapt import PAINTER, SPEECH, AdaptationSettings, AdaptStage
from visavox.training.generator.wav2lip import Wav2LipLosses
from visavox.training.loop import Trainer
from visavox.weights.checkpoint import load_model
from visavox.weights.networks import NETWORKS, network_of

CROP = CropSpec(size=96, side=1.9)


@pytest.fixture
def config() -> GeneratorConfig:
    return tiny_recipes.GENERATOR


@pytest.fixture
def start(config) -> Generator:
    torch.manual_seed(5)
    return NETWORKS[network_of(config)].build(config).eval()


@pytest.fixture
def stage(stores, config, start) -> AdaptStage:
    settings = AdaptationSettings(config, Wav2LipLosses(cover=0.1), validation_samples=2, speech_windows=4)
    rest = np.array([-1.0, 0, 0, 0], np.float32)
    cpu = torch.device("cpu")
    stage = AdaptStage(settings, *stores, start=start, crop=CROP, rest=rest, expert=None, device=cpu, seed=0)
    stage.begin()
    return stage


def train(stage, path, **changes) -> Trainer:
    loop = replace(tiny_recipes.LOOP, steps=4, validate_every=2, **changes)
    trainer = Trainer(stage, loop, path, Fabric(accelerator="cpu"), {"summary": "a person"})
    trainer.best_score = stage.score
    trainer.fit()
    return trainer


@pytest.mark.parametrize("config", [tiny_recipes.GENERATOR, tiny_recipes.ATTN_GENERATOR], ids=network_of)
def test_both_parts_learn_and_the_statistics_stay(stage, start, tmp_path):
    train(stage, tmp_path / "run")
    before, after = start.state_dict(), stage.generator.state_dict()
    for name in ("output_block.1.weight", "motion_predictor.head.0.weight", "motion_condition.layers.0.weight"):
        assert not torch.equal(before[name], after[name]), name
    assert all(torch.equal(before[name], after[name]) for name in before if "running" in name)


def test_the_speech_branch_learns_more_slowly(stage):
    painter, speech = stage.optimizers["generator"].param_groups
    assert "rate_factor" not in painter
    assert speech["rate_factor"] == stage.settings.speech_rate < 1
    learned = {id(parameter) for parameter in stage.generator.motion_predictor.parameters()}
    assert {id(parameter) for parameter in speech["params"]} == learned
    assert not learned & {id(parameter) for parameter in painter["params"]}


def test_the_mouth_is_calibrated_to_the_persons(stage):
    predictor, clips = stage.generator.motion_predictor, stage.train.clips
    heard = [np.maximum(stage._predict(one) * predictor.gain.numpy() + predictor.offset.numpy(), -1e4) for one in clips]
    true = np.concatenate([stored.motion for stored in clips])[:, 0]
    assert np.concatenate(heard)[:, 0].mean() == pytest.approx(true.mean(), abs=1e-3)
    assert predictor.gain[0] == predictor.gain[1]
    assert 0 < float(predictor.gain[0]) <= 3


def test_each_part_keeps_its_own_best_state(stage, tmp_path):
    stage.best[PAINTER].state["output_block.1.bias"].fill_(0.25)
    with torch.no_grad():
        for parameter in stage.generator.parameters():
            parameter.add_(0.01)
    # As if the painter could not become better, and anything were better than the speech branch.
    stage.start_scores = {PAINTER: -1.0, SPEECH: 1e9}
    stage.best = {part: replace(best, score=stage.start_scores[part]) for part, best in stage.best.items()}
    with torch.no_grad():
        stage.validate()
    assert stage.improved == (SPEECH,)
    stage.export(str(tmp_path / "best.safetensors"), "", {})
    exported = load_model(tmp_path / "best.safetensors")
    assert (exported.output_block[1].bias == 0.25).all()
    moved = stage.generator.state_dict()["motion_predictor.head.0.weight"]
    assert torch.equal(exported.state_dict()["motion_predictor.head.0.weight"], moved)
    assert exported.crop_spec == CROP


def test_of_two_that_are_as_near_the_sharper_painter_is_better(stage):
    figures = {"l1_true_motion": 0.02, "sharpness": 0.8}
    assert stage._score(figures) > stage._score(figures | {"sharpness": 0.9})
    assert stage._score(figures | {"sharpness": 1.3}) > stage._score(figures | {"sharpness": 1.1})


def test_a_killed_adaptation_goes_on_as_if_it_had_not_been(stores, config, start, tmp_path):
    """With all that can judge: face features, discriminator, detail."""
    losses = Wav2LipLosses(detail=1.0, cover=0.1, adversarial=0.1, features=0.1, reading=0.1, perceptual=0.1)
    settings = AdaptationSettings(
        config, losses, discriminator=tiny_recipes.DISCRIMINATOR, validation_samples=2, speech_windows=4
    )
    rest = np.array([-1.0, 0, 0, 0], np.float32)

    def train_anew(path, progress=QUIET, resume=False):
        torch.manual_seed(6)
        eyes = FaceFeatures(tiny_recipes.FACE_FEATURES)
        parts = {"start": start, "crop": CROP, "rest": rest, "expert": None, "features": eyes}
        stage = AdaptStage(settings, *stores, **parts, device=torch.device("cpu"), seed=0)
        with torch.no_grad():
            stage.begin()
        trainer = Trainer(stage, tiny_recipes.LOOP, path, Fabric(accelerator="cpu"), {"summary": "a person"})
        trainer.best_score = stage.score
        return trainer.fit(progress, resume=resume)

    check_resuming(train_anew, tmp_path)


def test_the_best_states_are_saved_and_taken_back(stage, tmp_path):
    trainer = train(stage, tmp_path / "run")
    kept = {part: best.score for part, best in stage.best.items()}
    stage.begin()
    trainer.load()
    assert {part: best.score for part, best in stage.best.items()} == kept


def test_measuring_the_speed_leaves_no_trace(stage, tmp_path):
    before = {name: tensor.clone() for name, tensor in stage.generator.state_dict().items()}
    trainer = Trainer(stage, tiny_recipes.LOOP, tmp_path / "run", Fabric(accelerator="cpu"), {"summary": ""})
    assert trainer.seconds_per_step(4) > 0
    assert all(torch.equal(before[name], tensor) for name, tensor in stage.generator.state_dict().items())
    assert not stage.optimizers["generator"].state
    assert trainer.step == 0
    assert not (tmp_path / "run").exists()
