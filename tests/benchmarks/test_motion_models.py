"""The benchmark of motion with trained models: a tiny motion VAE and a tiny motion SyncNet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.motion.__main__ import main
from benchmarks.motion.material import Material
from tests.benchmarks.test_motion_benchmark import clip_of, write_dataset
from tests.models.small_motion_vae import SMALL_VAE

from visavox.weights.checkpoint import save_model
from visavox.weights.weights_file import ModelCard

pytest.importorskip("visavox.motion.speech_to_motion")

CARD = ModelCard("a test", "none", "none")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    from visavox.models.motion.motion_vae import MotionVae

    torch.manual_seed(1)
    vae = MotionVae(SMALL_VAE)
    vae.typical.fill_(0.05)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_model(path, vae, CARD)
    return str(path)


@pytest.fixture(scope="module")
def syncnet(tmp_path_factory: pytest.TempPathFactory) -> str:
    pytest.importorskip("visavox.models.sync.motion_syncnet")
    from visavox.models.sync.motion_syncnet import MotionSyncNet, MotionSyncNetConfig

    config = MotionSyncNetConfig(
        features="mel", feature_size=80, mouth_channels=(4, 4, 6, 6), speech_channels=(4, 6, 6)
    )
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("weights") / "sync.safetensors"
    save_model(path, MotionSyncNet(config), CARD)
    return str(path)


def test_chance_is_in_the_samples_of_temperature_1_only(model: str) -> None:
    from benchmarks.motion.model import model_sampler

    sound = clip_of(0).audio
    still, chance = model_sampler(model, 0.0), model_sampler(model, 1.0)
    assert still(sound, 0).shape == (100, 68, 3)
    assert np.array_equal(still(sound, 0), still(sound, 1))
    assert np.array_equal(chance(sound, 1), chance(sound, 1))
    assert not np.array_equal(chance(sound, 0), chance(sound, 1))


def test_sync_is_not_judged_in_pauses(syncnet: str) -> None:
    from benchmarks.motion.sync import SyncScorer

    clip = clip_of(0)
    judge = SyncScorer(syncnet)
    assert 0 <= judge.accuracy(clip, clip.displacements) <= 1
    pause = Material("p", "a", "s", np.zeros(64000, np.float32), clip.displacements, clip.seen)
    assert np.isnan(judge.accuracy(pause, pause.displacements))


def test_a_mouth_that_never_moves_is_at_chance(syncnet: str) -> None:
    """With a mouth that is always the same, right speech is as often preferred as not."""
    from benchmarks.motion.sync import SyncScorer

    clip = clip_of(0)
    accuracy = SyncScorer(syncnet).accuracy(clip, np.zeros_like(clip.displacements))
    assert accuracy == pytest.approx(0.5, abs=0.1)


def test_a_run_with_models(model: str, syncnet: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, output = tmp_path / "dataset", tmp_path / "motion.json"
    folder.mkdir()
    write_dataset(folder, [(clip_of(10), "validation")])
    arguments = [str(folder), "--without-baselines", "--models", model, "--syncnet", syncnet, "--samples", "2"]
    assert main([*arguments, "-o", str(output), "--quiet"]) == 0
    assert "diversity" in capsys.readouterr().out
    still, chance = json.loads(output.read_text())["predictors"].values()
    assert chance["groups"]["a"]["diversity"] > 0
    assert still["groups"]["a"]["diversity"] is None
    assert 0 <= still["groups"]["a"]["sync"] <= 1
