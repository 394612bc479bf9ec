"""`visavox train` with what cannot work: exit code 2 (1 for losses that are no numbers), one line that helps."""

from __future__ import annotations

import json
import logging
import secrets
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.training import tiny_recipes

from visavox.cli.main import main
from visavox.models.sync.expert import Expert
from visavox.training.generator import recipes
from visavox.training.recipe import RunSettings
from visavox.training.run import train
from visavox.weights.checkpoint import save_model
from visavox.weights.weights_file import ModelCard


@pytest.fixture(autouse=True)
def tiny_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recipes.SPEECH_RECIPES, "tiny", tiny_recipes.SPEECH)
    monkeypatch.setitem(recipes.EXPERT_RECIPES, "tiny", tiny_recipes.EXPERT_RECIPE)
    monkeypatch.setitem(recipes.WAV2LIP_RECIPES, "tiny", tiny_recipes.EVERYTHING)
    monkeypatch.setitem(recipes.ATTN_WAV2LIP_RECIPES, "tiny", tiny_recipes.ATTENTION)
    # A handler of an earlier test writes to what was standard error then.
    monkeypatch.setattr(logging.getLogger("visavox"), "handlers", [])


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must fail; returns the one line that it says."""

    def refuse(*arguments: Path | str, code: int = 2) -> str:
        given = main(["train", *map(str, arguments)])
        said = capsys.readouterr().err.strip().splitlines()
        assert given == code
        errors = [line for line in said if not line.startswith("visavox: warning: ")]
        assert len(errors) == 1, said
        assert errors[0].startswith("visavox: error: ")
        return errors[0]

    return refuse


@pytest.fixture(scope="module")
def large_expert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An expert that judges crops of 128 pixels."""
    config = replace(tiny_recipes.EXPERT, resolution=128)
    path = tmp_path_factory.mktemp("weights") / "expert-128.safetensors"
    save_model(path, Expert(config), ModelCard("", "", ""))
    return path


def test_no_data_set(refused: Callable[..., str], tmp_path: Path) -> None:
    said = refused("speech", tmp_path / "nowhere", "--recipe", "tiny", "-o", tmp_path / "run")
    assert "nowhere is not a prepared data set" in said
    assert "visavox prepare" in said
    assert not (tmp_path / "run").exists()


def test_a_split_without_clips(refused: Callable[..., str], dataset: Path, tmp_path: Path) -> None:
    lopsided = tmp_path / "lopsided"
    shutil.copytree(dataset, lopsided)
    manifest = lopsided / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace('"validation"', '"train"'))
    said = refused("expert", lopsided, "--recipe", "tiny", "-o", tmp_path / "run")
    assert "no clip of 15 frames or more in its validation split" in said
    assert not (tmp_path / "run").exists()


def test_a_damaged_manifest_and_a_missing_clip(refused: Callable[..., str], dataset: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(dataset, broken)
    (broken / "clips" / "ben_0.npz").unlink()
    assert "ben_0.npz" in refused("speech", broken, "--recipe", "tiny", "-o", tmp_path / "run")
    (broken / "manifest.jsonl").write_text("{}\n")
    assert "line 1 of" in refused("speech", broken, "--recipe", "tiny", "-o", tmp_path / "run")


@pytest.mark.parametrize(
    ("task", "first"),
    [("speech", "compact"), ("expert", "compact"), ("wav2lip", "compact"), ("attn-wav2lip", "attn-compact")],
)
def test_unknown_recipe(refused: Callable[..., str], dataset: Path, tmp_path: Path, task: str, first: str) -> None:
    said = refused(task, dataset, "--recipe", "huge", "-o", tmp_path / "run")
    assert f"there is no recipe 'huge'; the recipes of {task} are {first}" in said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--steps", "0"], "steps is 0; give 1 or more"),
        (["--batch-size", "1"], "batch_size is 1; give 2 (batch normalisation compares samples) or more"),
        (["--accumulate", "0"], "accumulate is 0; give 1 or more"),
        (["--learning-rate", "0"], "learning_rate is 0; give more than 0"),
        (["--workers", "-1"], "workers is -1; give 0 (none but this process) or more"),
        (["--seed", "-1"], "seed is -1; give 0 to 2147483647"),
        (["--validate-every", "0"], "validate_every is 0"),
        (["--devices", "0"], "devices is 0; give 1 or more"),
        (["--precision", "8-bit"], "invalid choice"),
        (["--stepps", "3"], "--stepps"),
    ],
)
def test_options_that_mean_nothing(
    refused: Callable[..., str], dataset: Path, tmp_path: Path, options: list[str], sentence: str
) -> None:
    assert sentence in refused("speech", dataset, "--recipe", "tiny", "-o", tmp_path / "run", *options)
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_such_device(refused: Callable[..., str], dataset: Path, tmp_path: Path) -> None:
    said = refused("speech", dataset, "--recipe", "tiny", "-o", tmp_path / "run", "--device", "cuda")
    assert "this machine has no usable CUDA device" in said


def test_a_generator_with_a_speech_branch_needs_a_start(
    refused: Callable[..., str], dataset: Path, expert_run: Path, tmp_path: Path
) -> None:
    expert = expert_run / "best.safetensors"
    said = refused("wav2lip", dataset, "--recipe", "tiny", "-o", tmp_path / "run", "--expert", expert)
    assert "`visavox train speech`" in said
    assert "--start" in said


def test_starts_that_cannot_be_used(
    refused: Callable[..., str], dataset: Path, speech_run: Path, expert_run: Path, tmp_path: Path
) -> None:
    expert = expert_run / "best.safetensors"
    command = ("wav2lip", dataset, "--recipe", "tiny", "-o", tmp_path / "run", "--expert", expert)
    assert "missing.safetensors" in refused(*command, "--start", tmp_path / "missing.safetensors")
    assert "is an expert" in refused(*command, "--start", expert)
    compact = ("wav2lip", dataset, "--recipe", "compact", "-o", tmp_path / "run")
    assert "other dimensions than the recipe's generator" in refused(
        *compact, "--start", speech_run / "best.safetensors"
    )
    assert not (tmp_path / "run").exists()


def test_experts_that_cannot_judge(
    refused: Callable[..., str], dataset: Path, speech_run: Path, large_expert: Path, tmp_path: Path
) -> None:
    start = speech_run / "best.safetensors"
    command = ("wav2lip", dataset, "--recipe", "tiny", "-o", tmp_path / "run", "--start", start)
    assert "this recipe has a sync loss, and that needs an expert" in refused(*command)
    assert "takes crops of 128 pixels and the generator renders 96" in refused(*command, "--expert", large_expert)
    assert "is a Wav2Lip generator; what is needed here is an expert" in refused(*command, "--expert", start)
    assert not (tmp_path / "run").exists()


def test_run_folders_that_are_taken(
    refused: Callable[..., str], dataset: Path, speech_run: Path, tmp_path: Path
) -> None:
    command = ("speech", dataset, "--recipe", "tiny", "-o")
    assert "holds a run already; go on with it by --resume" in refused(*command, speech_run)
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    assert "is a file; name a folder" in refused(*command, file)
    assert "holds what belongs to no run (notes.txt)" in refused(*command, tmp_path)
    assert "has no last.ckpt to resume" in refused(*command, tmp_path / "new", "--resume")
    assert "is complete" in refused(*command, speech_run, "--resume")


def test_a_run_that_ended_before_its_first_checkpoint_is_begun_again(
    dataset: Path, tmp_path: Path, speech_run: Path
) -> None:
    path = tmp_path / "run"
    shutil.copytree(speech_run, path)
    (path / "last.ckpt").unlink()
    assert main(["train", "speech", str(dataset), "--recipe", "tiny", "-o", str(path), "--quiet"]) == 0
    assert (path / "log.jsonl").read_bytes() == (speech_run / "log.jsonl").read_bytes()


@pytest.fixture
def unfinished(dataset: Path, tmp_path: Path) -> Path:
    """A run of the task `speech` with two of its steps made."""
    path = tmp_path / "unfinished"
    train(tiny_recipes.SPEECH, dataset, path, settings=RunSettings(steps=2))
    return path


def test_what_a_resumed_run_must_share(
    refused: Callable[..., str], dataset: Path, unfinished: Path, tmp_path: Path
) -> None:
    command = ("speech", dataset, "--recipe", "tiny", "-o", unfinished, "--resume")
    assert "batch_size: 4 -> 8" in refused(*command, "--batch-size", "8", "--steps", "3")
    assert "seed: 0 -> 1" in refused(*command, "--seed", "1", "--steps", "3")
    said = refused("speech", dataset, "-o", unfinished, "--resume", "--steps", "3")
    assert "was started with something else" in said
    assert "settings.generator.conditioner.condition: 4 -> 128" in said
    said = refused("expert", dataset, "--recipe", "tiny", "-o", unfinished, "--resume", "--steps", "3")
    assert "task: speech -> expert" in said
    grown = tmp_path / "grown"
    shutil.copytree(dataset, grown)
    manifest = grown / "manifest.jsonl"
    manifest.write_text(manifest.read_text() + manifest.read_text().splitlines()[0] + "\n")
    assert "dataset: " in refused("speech", grown, "--recipe", "tiny", "-o", unfinished, "--resume", "--steps", "3")
    assert json.loads((unfinished / "config.json").read_text())["loop"]["steps"] == 2


def test_accumulation_must_be_that_of_the_run(refused: Callable[..., str], dataset: Path, unfinished: Path) -> None:
    command = ("speech", dataset, "--recipe", "tiny", "-o", unfinished, "--resume", "--steps", "3")
    assert "accumulate: 1 -> 2" in refused(*command, "--accumulate", "2")


def test_a_task_that_is_not_there(refused: Callable[..., str], dataset: Path, tmp_path: Path) -> None:
    said = refused("speach", dataset, "-o", tmp_path / "run")
    assert "there is no training task 'speach' (did you mean 'speech'?); the tasks are speech, expert," in said
    said = refused("wav2lip", dataset, "-o", tmp_path / "run", "--recipe", "compact-gam", "--start", "wav2lip")
    assert "there is no recipe 'compact-gam' (did you mean 'compact-gan'?); the recipes of wav2lip are compact," in said
    assert not (tmp_path / "run").exists()


def test_what_may_change_is_told(dataset: Path, unfinished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--resume", "--steps", "3", "--learning-rate", "0.001"]
    assert main(["train", "speech", str(dataset), "--recipe", "tiny", "-o", str(unfinished), *options]) == 0
    assert "goes on with other settings (steps: 2 -> 3; learning_rate: 0.01 -> 0.001)" in capsys.readouterr().err
    assert json.loads((unfinished / "config.json").read_text())["loop"]["learning_rate"] == 0.001


def test_a_damaged_checkpoint(refused: Callable[..., str], dataset: Path, unfinished: Path) -> None:
    checkpoint = unfinished / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    said = refused("speech", dataset, "--recipe", "tiny", "-o", unfinished, "--resume", "--steps", "3")
    assert "last.ckpt cannot be read" in said


def test_losses_that_are_no_numbers_end_the_run_and_leave_its_checkpoint(
    refused: Callable[..., str], dataset: Path, unfinished: Path
) -> None:
    before = torch.load(unfinished / "last.ckpt", weights_only=True)
    options = ("--recipe", "tiny", "-o", unfinished, "--resume", "--steps", "9", "--save-every", "9")
    command = ("speech", dataset, *options)
    said = refused(*command, "--learning-rate", "1e30", code=1)
    assert "are no longer numbers" in said
    assert "resume from" in said
    after = torch.load(unfinished / "last.ckpt", weights_only=True)
    assert all(torch.isfinite(value).all() for value in after["modules"]["predictor"].values())
    assert after["step"] == before["step"] == 2
    assert main(["train", *map(str, command), "--learning-rate", "1e-3", "--quiet"]) == 0
    assert torch.load(unfinished / "last.ckpt", weights_only=True)["step"] == 9


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_leaves_the_checkpoint_before(
    refused: Callable[..., str], dataset: Path, unfinished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (unfinished / "last.ckpt").read_bytes()
    monkeypatch.setattr(secrets, "token_hex", lambda length: "0")  # the temporary name is known beforehand
    (unfinished / ".last.ckpt.0.part.ckpt").symlink_to("/dev/full")
    said = refused("speech", dataset, "--recipe", "tiny", "-o", unfinished, "--resume", "--steps", "3")
    assert "the disk is full" in said
    assert (unfinished / "last.ckpt").read_bytes() == before
    assert not list(unfinished.glob(".*part*"))
