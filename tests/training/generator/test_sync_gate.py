"""Networks that a generator learns through: the gate before the sync loss, the frozen expert, the discriminator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models.published import save_backbone, save_linear
from tests.narrow import present
from tests.training import tiny, tiny_recipes

from visavox.errors import InputError, TrainingError
from visavox.face.geometry.crop import CropSpec
from visavox.losses.perceptual import LpipsLoss
from visavox.models.perceptual.face_features import MouthPerceptualNet
from visavox.models.sync.expert import Expert
from visavox.training.generator.clips import ClipSplits
from visavox.training.generator.generator import GeneratorInputs, GeneratorTask
from visavox.training.generator.rendering import FacePair, FrozenNetworks
from visavox.training.generator.settings import GeneratorLosses, GeneratorSettings
from visavox.training.recipe import RunSettings
from visavox.training.run import train
from visavox.training.task import OptimizerStep, Validation, ValidationGate, WeightedLoss
from visavox.weights.checkpoint import load_model

SETTINGS = tiny_recipes.EVERYTHING.settings
CPU = torch.device("cpu")


@pytest.fixture
def expert(expert_run: Path) -> Expert:
    return load_model(expert_run / "best.safetensors", Expert)


@pytest.fixture
def features(features_run: Path) -> MouthPerceptualNet:
    return load_model(features_run / "best.safetensors", MouthPerceptualNet)


@pytest.fixture
def make_task(clips: ClipSplits, expert: Expert, features: MouthPerceptualNet) -> Callable[..., GeneratorTask]:
    def make(**changes: Any) -> GeneratorTask:
        networks = FrozenNetworks(expert, features)
        return GeneratorTask(replace(SETTINGS, **changes), clips, networks, device=CPU, seed=0)

    return make


def validate(task: GeneratorTask) -> Validation:
    task.faces.generator.eval()
    with torch.no_grad():
        return task.validate()


def batch_of(task: GeneratorTask, size: int = 2) -> dict[str, torch.Tensor]:
    data = task.dataset(0, size)
    samples = [data[number] for number in range(size)]
    return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}


def losses_of(
    task: GeneratorTask, name: str = "generator", batch: dict[str, torch.Tensor] | None = None
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Compute the losses of an optimizer step; return the sum and the losses."""
    batch = batch_of(task) if batch is None else batch
    (step,) = [step for step in task.optimizer_steps() if step.name == name]
    return step.compute(batch)


def test_the_gate_opens_below_its_threshold_and_stays_open() -> None:
    gate, swinging = ValidationGate(0.75), ValidationGate(0.75, stays_open=False)
    seen = []
    for loss in (0.9, 0.75, 0.74, 0.9):
        gate.update(loss)
        swinging.update(loss)
        seen.append((gate.is_open, swinging.is_open))
    assert seen == [(False, False), (False, False), (True, True), (True, False)]


def test_a_closed_gate_means_no_weight_and_no_gradient(make_task: Callable[..., GeneratorTask]) -> None:
    task = make_task(sync_threshold=-1.0)
    validate(task)
    total, losses = losses_of(task)
    assert losses["sync"] == 0.0
    assert not losses["sync"].requires_grad
    weights = SETTINGS.losses
    counted = sum(getattr(weights, name) * loss for name, loss in losses.items() if name != "sync")
    assert float(total.detach()) == pytest.approx(float(counted.detach()), rel=1e-5)
    assert task.extra_state() == {"gate_is_open": False}


def test_a_validation_opens_the_gate(make_task: Callable[..., GeneratorTask]) -> None:
    task = make_task(sync_threshold=100.0)
    found = validate(task)
    assert found.metrics["gate"] == 1.0
    total, losses = losses_of(task)
    assert losses["sync"] > 0
    assert losses["sync"].requires_grad
    counted = sum(getattr(SETTINGS.losses, name) * loss for name, loss in losses.items())
    assert float(total.detach()) == pytest.approx(float(counted.detach()), rel=1e-5)


def test_the_score_does_not_jump_when_the_gate_opens(make_task: Callable[..., GeneratorTask]) -> None:
    """Else no later checkpoint could beat those from before the expert had a say."""
    task = make_task(sync_threshold=100.0)
    first = validate(task)
    assert task.faces.gate.is_open
    assert validate(task).score == pytest.approx(first.score)


def test_the_gate_is_saved(
    dataset: Path, speech_run: Path, expert_run: Path, features_run: Path, tmp_path: Path
) -> None:
    start, expert, features = (str(run / "best.safetensors") for run in (speech_run, expert_run, features_run))
    inputs = GeneratorInputs(start=start, expert=expert, features=features)
    train(tiny_recipes.EVERYTHING, dataset, tmp_path / "run", inputs=inputs, settings=RunSettings(steps=2))
    state = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    assert state["extra"] == {"gate_is_open": True}
    train(tiny_recipes.EVERYTHING, dataset, tmp_path / "run", settings=RunSettings(steps=3), resume=True)
    # No validation came between: that the loss counts in the third step is known from the checkpoint.
    losses = tiny.log_lines(tmp_path / "run", "losses")
    assert [entry["generator/sync"] > 0 for entry in losses] == [False, False, True]


def test_the_expert_is_in_eval_mode_and_never_changes(make_task: Callable[..., GeneratorTask], expert: Expert) -> None:
    task = make_task(sync_threshold=100.0)
    before = {name: tensor.clone() for name, tensor in expert.state_dict().items()}
    validate(task)
    batch = batch_of(task)
    for step in task.optimizer_steps():
        step.compute(batch)[0].backward()
        for group in step.optimizer.param_groups:
            group["lr"] = 0.1
        step.optimizer.step()
        assert not expert.training
    assert all(parameter.grad is None for parameter in expert.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in expert.state_dict().items())


def test_each_step_trains_its_own_network(make_task: Callable[..., GeneratorTask]) -> None:
    task = make_task()
    batch, faces = batch_of(task), task.faces
    discriminator = present(faces.discriminator)
    losses_of(task, batch=batch)[0].backward()
    assert all(parameter.grad is None for parameter in discriminator.parameters())
    assert any(parameter.grad is not None for parameter in faces.generator.parameters())
    faces.generator.zero_grad()
    losses_of(task, "discriminator", batch)[0].backward()
    assert all(parameter.grad is None for parameter in faces.generator.parameters())
    assert all(parameter.grad is not None for parameter in discriminator.parameters())


def test_every_weight_of_the_settings_has_its_loss(make_task: Callable[..., GeneratorTask]) -> None:
    declared = {loss.name: loss.weight for loss in make_task().optimizer_steps()[0].losses}
    wanted = {name: weight for name, weight in asdict(SETTINGS.losses).items() if weight}
    assert {name: weight for name, weight in declared.items() if weight} == wanted


def test_weights_without_a_discriminator_are_refused() -> None:
    with pytest.raises(ValueError, match="exactly if there is a discriminator"):
        GeneratorSettings(tiny_recipes.GENERATOR, GeneratorLosses(adversarial=0.1))
    with pytest.raises(ValueError, match="exactly if there is a discriminator"):
        GeneratorSettings(tiny_recipes.GENERATOR, discriminator=tiny_recipes.DISCRIMINATOR)


def loss_of(name: str, weight: float, factor: float) -> WeightedLoss[torch.Tensor]:
    """A loss that is the outputs of its step, times a factor."""
    return WeightedLoss(name, weight, lambda outputs: factor * outputs)


def step_of(*losses: WeightedLoss[torch.Tensor]) -> OptimizerStep[torch.Tensor]:
    """A step whose outputs are 1."""
    parameter = torch.nn.Parameter(torch.ones(()))
    return OptimizerStep("network", torch.optim.SGD([parameter]), lambda batch: parameter, losses)


def test_a_step_that_learns_nothing_or_cannot_tell_its_losses_apart_is_refused() -> None:
    one, two = loss_of("one", 1.0, 2.0), loss_of("two", 0.5, 3.0)
    total, losses = step_of(one, two).compute({})
    assert (float(total.detach()), list(losses)) == (3.5, ["one", "two"])
    with pytest.raises(TrainingError, match="are one, one; give each a name of its own"):
        step_of(one, one)
    for useless in ((), (replace(one, weight=0.0),)):
        with pytest.raises(TrainingError, match="all have the weight 0"):
            step_of(*useless)
    with pytest.raises(TrainingError, match="no loss of the network counts"):
        step_of(replace(one, after=ValidationGate())).compute({})


def test_a_loss_of_weight_zero_is_logged_and_cannot_spoil_the_sum() -> None:
    total, losses = step_of(loss_of("one", 1.0, 2.0), loss_of("spoiled", 0.0, float("nan"))).compute({})
    assert total == 2.0
    assert losses["spoiled"].isnan()


def test_face_features_compare_the_mouth_that_is_generated(features: MouthPerceptualNet) -> None:
    """The true image costs nothing; of any other, the generator learns about the mouth and nothing else."""
    truth, networks = torch.rand(2, 3, 96, 96), FrozenNetworks(features=features)
    same = FacePair(truth, truth, torch.ones(2, 1, 96, 96), networks)
    assert float(same.mouth_motion()) < 1e-6
    assert float(same.perceptual()) < 1e-6
    generated = torch.rand(2, 3, 96, 96, requires_grad=True)
    pair = FacePair(generated, truth, torch.ones(2, 1, 96, 96), networks)
    for loss in (pair.mouth_motion(), pair.perceptual()):
        (gradient,) = torch.autograd.grad(loss, generated, retain_graph=True)
        assert gradient[..., 48:, :].abs().sum() > 0
        assert gradient[..., :48, :].abs().sum() == 0


def test_losses_on_face_features_need_face_features(clips: ClipSplits, expert: Expert) -> None:
    with pytest.raises(ValueError, match="no face features are given"):
        GeneratorTask(SETTINGS, clips, FrozenNetworks(expert), device=CPU, seed=0)


def test_features_of_another_resolution_are_refused(dataset: Path, features_run: Path, tmp_path: Path) -> None:
    plain = tiny_recipes.PLAIN_GENERATOR
    generator = replace(plain, spec=replace(plain.spec, crop=CropSpec(size=128)))
    settings = GeneratorSettings(generator, GeneratorLosses(perceptual=0.1))
    recipe = replace(tiny_recipes.RENDERER, settings=settings)
    inputs = GeneratorInputs(features=str(features_run / "best.safetensors"))
    with pytest.raises(InputError, match="take crops of 96 pixels and the generator renders 128"):
        train(recipe, dataset, tmp_path / "run", inputs=inputs)


def test_lpips_compares_where_it_has_a_weight(clips: ClipSplits, tmp_path: Path) -> None:
    save_backbone(tmp_path / "backbone.pth", "squeeze")
    save_linear(tmp_path / "linear.pth", "squeeze")
    lpips = LpipsLoss.load("squeeze", weights=tmp_path / "backbone.pth", linear=tmp_path / "linear.pth")
    losses = GeneratorLosses(alpha=0.1, lpips=0.1)
    settings = replace(tiny_recipes.RENDERER.settings, losses=losses, lpips_network="squeeze")
    with pytest.raises(ValueError, match="no network for it is given"):
        GeneratorTask(settings, clips, FrozenNetworks(), device=CPU, seed=0)
    task = GeneratorTask(settings, clips, FrozenNetworks(lpips=lpips), device=CPU, seed=0)
    losses_of(task)[1]["lpips"].backward()
    assert any(parameter.grad is not None for parameter in task.faces.generator.parameters())
    assert all(parameter.grad is None for parameter in lpips.parameters())
    assert "lpips_motion" in validate(task).metrics


def test_lpips_that_cannot_be_had_is_said_before_the_training(dataset: Path, speech_run: Path, tmp_path: Path) -> None:
    settings = replace(tiny_recipes.RENDERER.settings, losses=GeneratorLosses(alpha=0.1, lpips=0.1))
    recipe = replace(tiny_recipes.RENDERER, settings=settings)
    inputs = GeneratorInputs(start=str(speech_run / "best.safetensors"), lpips_weights=tmp_path / "missing.pth")
    with pytest.raises(InputError, match=r"missing\.pth"):
        train(recipe, dataset, tmp_path / "run", inputs=inputs)
    assert not (tmp_path / "run").exists()
