"""`visavox train motion-syncnet` and `visavox train postnet` on a prepared data set."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.training.motion.test_motion_sync_stage import NETWORK
from tests.training.motion.test_motion_sync_stage import SETTINGS as SYNC_SETTINGS
from tests.training.motion.test_postnet_stage import SETTINGS as POSTNET_SETTINGS
from tests.training.tiny_recipes import LOOP

from visavox.cli.main import main
from visavox.data.motion.motion_store import load_motion_store
from visavox.data.motion.motion_sync_dataset import motion_from_rest
from visavox.metrics.motion import apart_agreement, mean_agreement
from visavox.models.sync.motion_syncnet import MotionSyncNet
from visavox.speech import load_features
from visavox.training.motion import recipes as motion_recipes
from visavox.training.motion.recipes import MotionSyncRecipe, PostNetRecipe
from visavox.training.recipe import SHIPPED_SYNCNET
from visavox.weights.checkpoint import load_model
from visavox.weights.registry import model_info

SYNC = MotionSyncRecipe(
    "motion-syncnet", replace(SYNC_SETTINGS, network=replace(NETWORK, feature_size=80)), replace(LOOP, steps=2)
)
POSTNET = PostNetRecipe("postnet", POSTNET_SETTINGS, replace(LOOP, steps=2))


@pytest.fixture(autouse=True)
def tiny_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(SYNC, settings=SYNC_SETTINGS)
    monkeypatch.setitem(motion_recipes.MOTION_SYNC_RECIPES, "tiny", SYNC)
    monkeypatch.setitem(motion_recipes.MOTION_SYNC_RECIPES, "wrong", wrong)
    monkeypatch.setitem(motion_recipes.POSTNET_RECIPES, "tiny", POSTNET)


@pytest.fixture(scope="module")
def people(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set, with anna's clip three times."""
    folder = tmp_path_factory.mktemp("people")
    shutil.copytree(dataset / "clips", folder / "clips")
    lines = [json.loads(line) for line in (dataset / "manifest.jsonl").read_text().splitlines()]
    for number in (1, 2):
        shutil.copy(dataset / "clips" / "anna_0.npz", folder / "clips" / f"anna_{number}.npz")
        lines.append(lines[0] | {"clip_id": f"anna_{number}"})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_both_tasks_run_one_after_the_other(people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sync, postnet = tmp_path / "sync", tmp_path / "postnet"
    assert main(["train", "motion-syncnet", str(people), "-o", str(sync), "--recipe", "tiny"]) == 0
    assert "accuracy_near" in capsys.readouterr().out
    weights = str(sync / "best.safetensors")
    assert model_info(weights).network == "motion_syncnet"
    assert list((people / "features").rglob("anna_2.npz"))  # computed once

    begun = tmp_path / "begun"
    assert main(["train", "motion-syncnet", str(people), "-o", str(begun), "--recipe", "tiny", "--start", weights]) == 0
    argv = ["train", "motion-syncnet", str(people), "-o", str(tmp_path / "no"), "--start", weights]
    assert main(argv) == 2
    assert "has other dimensions than the recipe's network" in capsys.readouterr().err

    argv = ["train", "postnet", str(people), "--motion", "true", "--sync", weights, "--recipe", "tiny"]
    assert main([*argv, "-o", str(postnet), "--person", "anna"]) == 0
    assert "frechet_before" in capsys.readouterr().out
    info = model_info(str(postnet / "best.safetensors"))
    assert info.network == "postnet"
    assert info.card.quality["frechet_start"] > 0
    assert json.loads((postnet / "config.json").read_text())["identity"]["person"] == "anna"

    assert main([*argv, "-o", str(postnet), "--person", "anna", "--resume"]) == 2
    assert "is complete, with 2 steps" in capsys.readouterr().err
    assert main([*argv, "-o", str(tmp_path / "other"), "--person", "ben"]) == 2
    assert "ben has a single clip" in capsys.readouterr().err
    assert main([*argv, "-o", str(tmp_path / "other"), "--person", "zoe"]) == 2
    assert "'zoe' is no speaker of the training split; the speakers are anna, ben." in capsys.readouterr().err


def test_features_of_another_size_are_refused(people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "motion-syncnet", str(people), "-o", str(tmp_path / "run"), "--recipe", "wrong"]) == 2
    assert "the features mel have 80 numbers a row, and the network takes 6" in capsys.readouterr().err


def test_the_shipped_judge_tells_own_speech_from_that_of_others(dataset: Path) -> None:
    judge = load_model(SHIPPED_SYNCNET, MotionSyncNet)
    features = load_features(judge.config.features)
    clips = [clip for split in ("train", "validation") for clip in load_motion_store(dataset, split, features).clips]
    mode = judge.opening_mode.numpy()
    pairs = [(clip.features, motion_from_rest(clip, mode)) for clip in clips]
    assert mean_agreement(judge, pairs) > apart_agreement(judge, pairs) + 0.1
