"""Runs that earlier versions began are read, and go on.

`tests/assets/old_runs` holds what the version before the tasks had one interface left: the configurations of small runs
of most tasks, and one run folder that was killed after its fourth step, with the checkpoint of its third.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.acting_progress import AfterStep, interrupt
from tests.training import tiny_recipes
from tests.training.motion.test_person_postnet import RECIPE as PERSON_POSTNET
from tests.training.radiance.test_avatar_stages import LEARNED, TORSO
from tests.training.tiny import log_lines

from visavox.errors import InputError
from visavox.training.generator.adaptation import AdaptationSettings
from visavox.training.generator.generator import GeneratorInputs
from visavox.training.motion.postnet import PostNetInputs
from visavox.training.recipe import Recipe
from visavox.training.run import train
from visavox.training.run_folder import RunFolder

OLD = Path(__file__).resolve().parents[1] / "assets" / "old_runs"
RECIPES: dict[str, Recipe[Any]] = {
    "everything": tiny_recipes.EVERYTHING,
    "attention": tiny_recipes.ATTENTION,
    "expert": tiny_recipes.EXPERT_RECIPE,
    "head": LEARNED,
    "torso": TORSO,
    "person-postnet": PERSON_POSTNET,
}


@pytest.fixture
def old_run(tmp_path: Path) -> Callable[..., RunFolder]:
    """Makes the folder of a run that has nothing but an old configuration."""

    def make(name: str, **changes: Any) -> RunFolder:
        config = json.loads((OLD / f"{name}.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps(config | changes))
        return RunFolder(tmp_path)

    return make


@pytest.mark.parametrize("name", RECIPES)
def test_an_old_configuration_is_that_of_todays_recipe(old_run: Callable[..., RunFolder], name: str) -> None:
    recipe, run = RECIPES[name], old_run(name)
    given = {"task": recipe.task, "settings": asdict(recipe.settings)}
    run.check_same(given)
    stored = run.config()
    assert stored["task"] == recipe.task
    assert not {"stage", "stage_name", "expert_weights"} & stored.keys()
    with pytest.raises(InputError, match="task: .* -> speech"):
        run.check_same(given | {"task": "speech"})


def test_a_setting_that_differs_is_named_as_today(old_run: Callable[..., RunFolder]) -> None:
    run = old_run("everything")
    settings = asdict(tiny_recipes.EVERYTHING.settings)
    settings["losses"]["mouth_motion"] = 0.3
    with pytest.raises(InputError, match=r"settings\.losses\.mouth_motion: 0\.1 -> 0\.3"):
        run.check_same({"task": "wav2lip", "settings": settings})


def test_weights_that_differ_are_found(old_run: Callable[..., RunFolder]) -> None:
    run = old_run("everything")
    identity = run.config()["identity"]
    assert identity == {"expert": "0b8ed13a68f64917", "features": "49087d307451599b"}
    with pytest.raises(InputError, match=r"identity\.expert: 0b8ed13a68f64917 -> 1"):
        run.check_same({"identity": identity | {"expert": "1"}})


def test_the_inputs_of_an_old_run_are_kept(old_run: Callable[..., RunFolder]) -> None:
    stored = old_run("everything").config()["inputs"]
    resumed = GeneratorInputs(start="ignored").resumed(stored)
    assert (resumed.start, resumed.expert) == (None, "runs/expert/best.safetensors")
    assert resumed.features == "runs/features/best.safetensors"
    assert GeneratorInputs(expert="other").resumed(stored).expert == "other"


def test_the_post_net_of_a_speaker_is_told_from_that_of_a_person(old_run: Callable[..., RunFolder]) -> None:
    config = old_run("postnet").config()
    assert (config["task"], config["identity"]["person"]) == ("postnet", "anna")
    assert PostNetInputs(person="anna").resumed(config["inputs"]).motion is None
    assert old_run("person-postnet").config()["task"] == "person-postnet"


def test_an_old_adaptation_has_the_settings_and_the_identity_of_today(old_run: Callable[..., RunFolder]) -> None:
    config = old_run("adapt").config()
    assert config["settings"].keys() == {field.name for field in fields(AdaptationSettings)}
    assert config["identity"]["model"] == "5c35bcbe75de9ca2"


def test_a_setting_that_there_was_not_yet_is_no_difference(old_run: Callable[..., RunFolder]) -> None:
    run = old_run("motion")
    settings = run.config()["settings"]
    run.check_same({"task": "motion", "settings": settings | {"newer": 1}})
    with pytest.raises(InputError, match="settings.other_weight"):
        run.check_same({"settings": {name: value for name, value in settings.items() if name != "other_weight"}})


def test_an_old_run_goes_on(dataset: Path, speech_run: Path, tmp_path: Path) -> None:
    """Its numbers are those of a run of today, as far as processors agree."""
    run = tmp_path / "run"
    with tarfile.open(OLD / "renderer.tar.xz") as archive:
        archive.extractall(run, filter="data")
    config = json.loads((run / "config.json").read_text())
    manifest = RunFolder(speech_run).config()["dataset"]
    (run / "config.json").write_text(json.dumps(config | {"dataset": manifest}))
    metrics = train(tiny_recipes.RENDERER, dataset, run, resume=True).metrics
    start = GeneratorInputs(start=str(speech_run / "best.safetensors"))
    whole = train(tiny_recipes.RENDERER, dataset, tmp_path / "whole", inputs=start)
    np.testing.assert_allclose(list(metrics.values()), list(whole.metrics.values()), rtol=0.05)
    assert metrics.keys() == whole.metrics.keys()
    assert [entry["step"] for entry in log_lines(run, "losses")] == [1, 2, 3, 4, 5, 6]
    config = json.loads((run / "config.json").read_text())
    assert config["task"] == "wav2lip"
    assert config["settings"]["teacher_forcing"] == 1.0


def test_an_earlier_checkpoint_goes_on_bit_by_bit(dataset: Path, expert_run: Path, tmp_path: Path) -> None:
    """Earlier versions saved the average without its step, and experts how many updates they had seen."""
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(tiny_recipes.EXPERT_RECIPE, dataset, run, progress=AfterStep(4, interrupt))
    state = torch.load(run / "last.ckpt", weights_only=True)
    assert state["average"].pop("n_averaged") == 4
    average = {name.removeprefix("module."): tensor for name, tensor in state["average"].items()}
    assert average.keys() == state["modules"]["expert"].keys()
    torch.save(state | {"average": average, "extra": {"num_steps": 3}}, run / "last.ckpt")
    config = json.loads((OLD / "expert.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"dataset": RunFolder(run).config()["dataset"]}))
    train(tiny_recipes.EXPERT_RECIPE, dataset, run, resume=True)
    assert (run / "log.jsonl").read_bytes() == (expert_run / "log.jsonl").read_bytes()
    assert (run / "best.safetensors").read_bytes() == (expert_run / "best.safetensors").read_bytes()
