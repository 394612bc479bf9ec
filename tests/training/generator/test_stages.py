"""Each task trains a few steps, writes its files, and goes on after an interruption as if there had been none."""

from __future__ import annotations

import json
import re
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.acting_progress import AfterStep, cancelled_after, interrupt
from tests.narrow import part
from tests.training import tiny, tiny_recipes
from tests.training.resuming import Trained, assert_same_run, check_resuming
from torch import nn

from visavox.errors import Cancelled
from visavox.models.generator.generator import LipSyncGenerator
from visavox.models.generator.motion_basis import StoredBasis, load_basis
from visavox.models.perceptual.face_features import MouthPerceptualNet
from visavox.models.sync.expert import Expert
from visavox.progress import CancelToken, Event, Progress
from visavox.training.generator.features import FeaturesInputs
from visavox.training.generator.generator import GeneratorInputs
from visavox.training.generator.settings import GeneratorLosses
from visavox.training.recipe import Inputs, Recipe, RunSettings
from visavox.training.run import train as train_run
from visavox.weights.checkpoint import load_model, motion_basis_of, save_model
from visavox.weights.registry import model_info
from visavox.weights.weights_file import ModelCard

Whole = Callable[[str, pytest.FixtureRequest], Trained]
"""Gives the uninterrupted run of a task."""
TASKS = ["speech", "expert", "features", "renderer", "everything", "attention"]
NETWORKS: dict[str, tuple[type[nn.Module], Any]] = {
    "expert": (Expert, tiny_recipes.EXPERT),
    "features": (MouthPerceptualNet, tiny_recipes.FACE_FEATURES),
    "attention": (LipSyncGenerator, tiny_recipes.ATTN_GENERATOR),
}


RECIPES: dict[str, Recipe[Any]] = {
    "speech": tiny_recipes.SPEECH,
    "expert": tiny_recipes.EXPERT_RECIPE,
    "features": tiny_recipes.FEATURES,
    "renderer": tiny_recipes.RENDERER,
    "everything": tiny_recipes.EVERYTHING,
    "attention": tiny_recipes.ATTENTION,
}


def train(
    task: str,
    dataset: Path,
    path: Path,
    request: pytest.FixtureRequest,
    settings: RunSettings | None = None,
    **options: Any,
) -> Mapping[str, float]:
    """Train one of TASKS into `path`; return the metrics."""
    inputs: Inputs | None = None
    if task not in ("speech", "expert"):
        weights: dict[str, Any] = {"start": str(request.getfixturevalue("speech_run") / "best.safetensors")}
        if task in ("everything", "attention"):
            for name in ("expert", "features"):
                weights[name] = str(request.getfixturevalue(f"{name}_run") / "best.safetensors")
        inputs = FeaturesInputs(**weights) if task == "features" else GeneratorInputs(**weights)
    return train_run(RECIPES[task], dataset, path, inputs=inputs, settings=settings, **options).metrics


@pytest.fixture(scope="module")
def whole(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Uninterrupted runs by task, made when first asked for: (folder, metrics)."""
    made: dict[str, Trained] = {}

    def make(task: str, request: pytest.FixtureRequest) -> Trained:
        if task not in made:
            path = tmp_path_factory.mktemp("whole") / task
            made[task] = path, train(task, dataset, path, request)
        return made[task]

    return make


@pytest.mark.parametrize("task", TASKS)
def test_a_task_trains_and_writes_its_files(task: str, whole: Whole, request: pytest.FixtureRequest) -> None:
    path, metrics = whole(task, request)
    names = {file.name for file in path.iterdir()}
    pictures = {"validation.png"} if task in ("features", "renderer", "everything", "attention") else set()
    expected = {"config.json", "last.ckpt", "best.safetensors", "motion-basis.npz", "log.jsonl", "tensorboard"}
    assert names == expected | pictures
    assert len(tiny.log_lines(path, "losses")) == 6
    validations = tiny.log_lines(path, "validation")
    assert [entry["step"] for entry in validations] == [2, 4, 6]
    assert metrics.keys() <= validations[-1].keys()
    assert all(np.isfinite(value) for value in metrics.values())
    network, config = NETWORKS.get(task, (LipSyncGenerator, tiny_recipes.GENERATOR))
    model = load_model(path / "best.safetensors", network)
    info = model_info(path / "best.safetensors")
    best = min(validations, key=lambda entry: entry["score"])
    assert info.card.training.startswith(
        f"{best['step']} steps of {2 if task in ('everything', 'attention') else 4}, seed 0, prepared data set "
    )
    assert model.config == config


@pytest.mark.parametrize("task", TASKS)
def test_training_changes_what_it_should(task: str, whole: Whole, request: pytest.FixtureRequest) -> None:
    path, _ = whole(task, request)
    state = torch.load(path / "last.ckpt", weights_only=True)
    modules = {"speech": {"predictor"}, "expert": {"expert", "tellers"}, "features": {"features", "decoder"}}
    modules |= {"renderer": {"generator"}, "attention": {"generator"}}
    assert state["modules"].keys() == modules.get(task, {"generator", "discriminator"})
    losses = tiny.log_lines(path, "losses")
    assert len({tuple(entry.items())[2:] for entry in losses}) == 6
    if task in ("renderer", "everything", "attention"):
        taught = load_model(request.getfixturevalue("speech_run") / "best.safetensors").state_dict()
        now = state["modules"]["generator"]
        speech = [name for name in taught if name.startswith("conditioner.predictor.layers.0.0")]
        kept = all(torch.equal(taught[name], now[name]) for name in speech)
        assert kept == (task == "renderer")  # the speech branch learns on only where an expert judges
        assert not torch.equal(taught["renderer.output_block.1.weight"], now["renderer.output_block.1.weight"])


@pytest.mark.parametrize("task", TASKS)
def test_resuming_gives_the_numbers_of_an_uninterrupted_run(
    task: str,
    whole: Whole,
    dataset: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    def resumed(path: Path, **options: Any) -> Mapping[str, float]:
        return train(task, dataset, path, request, **options)

    check_resuming(resumed, tmp_path, whole=whole(task, request))


def test_resuming_in_the_middle_of_accumulated_steps(
    dataset: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """With the discriminator, whose step takes what the generator's step has rendered in every micro-batch."""

    def accumulated(path: Path, **options: Any) -> Mapping[str, float]:
        return train("everything", dataset, path, request, RunSettings(accumulate=2), **options)

    check_resuming(accumulated, tmp_path)
    assert len(tiny.log_lines(tmp_path / "parts", "losses")) == 6


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("task", ["speech", "everything"])
def test_a_cancelled_run_is_saved_and_goes_on(
    task: str,
    workers: int,
    whole: Whole,
    dataset: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    run, handlers = tmp_path / "run", [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    settings = RunSettings(workers=workers)
    said = re.escape(f"stopped after step 5 of 6, which {run / 'last.ckpt'} holds; resume the run")
    with pytest.raises(Cancelled, match=said):
        train(task, dataset, run, request, settings, progress=cancelled_after(4))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    # It came after the fourth step: the fifth is finished and saved.
    assert torch.load(run / "last.ckpt", weights_only=True)["step"] == 5
    assert [entry["step"] for entry in tiny.log_lines(run, "losses")] == [1, 2, 3, 4, 5]
    train(task, dataset, run, request, resume=True)
    assert_same_run(run, whole(task, request)[0], same_settings=workers == 0)


def test_a_run_that_is_cancelled_in_its_last_step_is_complete(
    whole: Whole, dataset: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(Cancelled, match="the training is complete"):
        train("speech", dataset, tmp_path / "run", request, progress=cancelled_after(5))
    assert_same_run(tmp_path / "run", whole("speech", request)[0])


def test_a_run_that_was_cancelled_before_it_began_leaves_nothing(
    dataset: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        train("speech", dataset, tmp_path / "run", request, progress=Progress(cancel=token))
    assert not (tmp_path / "run").exists()


def test_any_thread_may_train_and_any_other_may_cancel(
    whole: Whole, dataset: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    run, token, has_begun, is_cancelled = tmp_path / "run", CancelToken(), threading.Event(), threading.Event()

    def wait_after_a_step(event: Event) -> None:
        if event.kind == "advance" and event.unit == "step":
            has_begun.set()
            is_cancelled.wait(60)

    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        training = pool.submit(
            train, "speech", dataset, run, request, RunSettings(workers=2), progress=Progress(wait_after_a_step, token)
        )
        assert has_begun.wait(60)
        token.cancel()
        is_cancelled.set()
        with pytest.raises(Cancelled, match="stopped after step 2 of 6"):
            training.result()
        pool.submit(train, "speech", dataset, run, request, resume=True).result()
    assert_same_run(run, whole("speech", request)[0], same_settings=False)


def test_batches_of_worker_processes_are_the_same(
    whole: Whole, dataset: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    train("speech", dataset, tmp_path / "run", request, RunSettings(workers=2))
    assert_same_run(tmp_path / "run", whole("speech", request)[0], same_settings=False)


def test_another_seed_gives_other_numbers(
    whole: Whole, dataset: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    train("speech", dataset, tmp_path / "run", request, RunSettings(seed=1, steps=2, validate_every=2))
    one, other = (tiny.log_lines(path, "losses")[0] for path in (tmp_path / "run", whole("speech", request)[0]))
    assert one["predictor/motion"] != other["predictor/motion"]


def test_a_later_task_describes_mouths_as_the_earlier_one_did(
    whole: Whole,
    dataset: Path,
    speech_run: Path,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The speech branch answers in the terms of one motion basis; the renderer must be shown the same terms."""
    path, _ = whole("renderer", request)
    assert (path / "motion-basis.npz").read_bytes() == (speech_run / "motion-basis.npz").read_bytes()
    one, other = (motion_basis_of(model_info(run / "best.safetensors")) for run in (path, speech_run))
    assert one is not None
    assert one == other == load_basis(path / "motion-basis.npz")


def test_weights_without_their_motion_basis_are_warned_about(
    dataset: Path, speech_run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    start = tmp_path / "lonely.safetensors"
    generator = load_model(speech_run / "best.safetensors", LipSyncGenerator)
    part(generator, "conditioner.motion_basis", StoredBasis).components.zero_()
    save_model(start, generator, ModelCard("", "", ""))
    train_run(
        tiny_recipes.RENDERER,
        dataset,
        tmp_path / "run",
        inputs=GeneratorInputs(start=str(start)),
        settings=RunSettings(steps=1),
    )
    assert "lonely.safetensors does not hold its motion basis" in caplog.text


def test_pictures_are_in_tensorboard(whole: Whole, request: pytest.FixtureRequest) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    path, _ = whole("everything", request)
    events = EventAccumulator(str(path / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    assert [event.step for event in events.Images("validation")] == [2, 4, 6]
    assert events.Images("validation")[0].width == 4 * 96  # reference, truth, from audio, from truth
    assert [event.step for event in events.Scalars("generator/reconstruction")] == [1, 2, 3, 4, 5, 6]
    assert {"validation/gate", "learning_rate", "discriminator/gradient_norm"} <= set(events.Tags()["scalars"])


def test_tensorboard_of_a_resumed_run_shows_each_step_once(
    dataset: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with pytest.raises(KeyboardInterrupt):
        train("speech", dataset, tmp_path / "run", request, progress=AfterStep(5, interrupt))
    train("speech", dataset, tmp_path / "run", request, resume=True)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("predictor/motion")] == [1, 2, 3, 4, 5, 6]


def test_the_published_architecture_trains_without_a_speech_branch(dataset: Path, tmp_path: Path) -> None:
    recipe = replace(
        tiny_recipes.RENDERER, settings=replace(tiny_recipes.RENDERER.settings, generator=tiny_recipes.PLAIN_GENERATOR)
    )
    metrics = train_run(recipe, dataset, tmp_path / "run", settings=RunSettings(steps=2)).metrics
    assert metrics.keys() == {"l1_audio", "sharpness"}
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["settings"]["generator"]["spec"]["audio"]["lead"] == 3


def test_the_attention_network_trains_without_a_speech_branch(dataset: Path, tmp_path: Path) -> None:
    plain = replace(tiny_recipes.PLAIN_GENERATOR, renderer=tiny_recipes.ATTN_GENERATOR.renderer)
    recipe = replace(tiny_recipes.RENDERER, settings=replace(tiny_recipes.RENDERER.settings, generator=plain))
    recipe = replace(recipe, task="attn-wav2lip", settings=replace(recipe.settings, losses=GeneratorLosses()))
    metrics = train_run(recipe, dataset, tmp_path / "run", settings=RunSettings(steps=2)).metrics
    assert metrics.keys() == {"l1_audio", "sharpness"}
    info = model_info(tmp_path / "run" / "best.safetensors")
    assert info.card.description == "AttnWav2Lip generator trained with visavox"
