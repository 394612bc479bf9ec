"""The parts of the loop that a short run does not show."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.fabric import Fabric
from tests.narrow import part, present
from tests.training.tiny import log_lines
from torch import Tensor, nn
from torch.utils.data import Dataset

from visavox.cli.progress_views import Bars
from visavox.errors import InputError
from visavox.progress import Progress
from visavox.training.loop import Trainer, WeightAverage, _SampleNumbers
from visavox.training.recipe import Inputs, LoopSettings, learning_rate
from visavox.training.task import Batch, Context, OptimizerStep, TrainingTask, Validation, WeightedLoss

SETTINGS = LoopSettings(steps=10, batch_size=3, learning_rate=0.1, warmup=4, workers=0, precision="32-true")


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [learning_rate(step, SETTINGS) for step in range(10)]
    assert rates[:4] == pytest.approx([0.025, 0.05, 0.075, 0.1])
    assert rates[4] == pytest.approx(0.1)
    assert all(later < earlier for earlier, later in pairwise(rates[4:]))
    assert learning_rate(10, SETTINGS) == pytest.approx(0.001)


@pytest.mark.parametrize("first_step", [0, 7])
def test_processes_draw_different_numbers_and_together_those_of_one(first_step: int) -> None:
    together = list(_SampleNumbers(first_step, LoopSettings(10, 6, 0.1), 0, 1))
    first, second = (list(_SampleNumbers(first_step, SETTINGS, rank, 2)) for rank in (0, 1))
    assert not set(first) & set(second)
    steps = [first[k : k + 3] + second[k : k + 3] for k in range(0, len(first), 3)]
    assert [number for step in steps for number in step] == together
    assert len(_SampleNumbers(first_step, SETTINGS, 1, 2)) == len(second)


def test_micro_batches_are_the_samples_of_one_large_batch() -> None:
    accumulated = replace(SETTINGS, accumulate=4)
    assert list(_SampleNumbers(2, accumulated, 1, 2)) == list(_SampleNumbers(2, replace(SETTINGS, batch_size=12), 1, 2))
    assert len(_SampleNumbers(2, accumulated, 1, 2)) == 8 * 12
    with pytest.raises(InputError, match="accumulate is 0; give 1 or more"):
        replace(SETTINGS, accumulate=0)


def test_the_average_follows_and_steps_aside() -> None:
    module = nn.BatchNorm1d(2)
    average = WeightAverage(module, decay=0.5)
    with torch.no_grad():
        module.weight.fill_(3.0)
        present(module.num_batches_tracked).fill_(7)
    average.n_averaged.fill_(1000)
    average.update_parameters(module)
    averaged = part(average, "module", nn.BatchNorm1d)
    assert torch.equal(averaged.weight, torch.tensor([2.0, 2.0]))
    assert averaged.num_batches_tracked == 7
    module.train()
    with average.applied_to(module):
        assert torch.equal(module.weight, torch.tensor([2.0, 2.0]))
        assert not module.training
    assert torch.equal(module.weight, torch.tensor([3.0, 3.0]))
    assert module.training


def test_the_average_soon_forgets_its_start() -> None:
    module = nn.Linear(1, 1, bias=False)
    average = WeightAverage(module, decay=0.999)
    averaged = part(average, "module", nn.Linear).weight
    with torch.no_grad():
        module.weight.fill_(1.0)
        averaged.fill_(100.0)
    average.update_parameters(module)
    assert averaged.item() == pytest.approx(1 + 99 * 2 / 11)
    for _ in range(99):
        average.update_parameters(module)
    assert averaged.item() == pytest.approx(1.0, abs=0.01)


class Line(Dataset[Batch]):
    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Batch:
        return {"x": torch.tensor([float(index)])}


class Steep(TrainingTask):
    """Two steps with gradients far above the clip, and a validation that gives what it is told."""

    def __init__(self, scores: Iterable[float]) -> None:
        self.one: nn.Module = nn.Linear(1, 1)
        self.two = nn.Linear(1, 1)
        self.modules = {"one": self.one, "two": self.two}
        self.optimizers = {name: torch.optim.SGD(part.parameters(), 0.0) for name, part in self.modules.items()}
        self.scores = iter(scores)
        self.exported: list[tuple[str, dict[str, float]]] = []

    @classmethod
    def create(cls, settings: Iterable[float], data: Path, inputs: Inputs, context: Context) -> Steep:
        return cls(settings)

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        return Line(length)

    def averaged(self) -> nn.Module:
        return self.one

    def optimizer_steps(self) -> list[OptimizerStep[Any]]:
        def step(name: str) -> OptimizerStep[Tensor]:
            far = [WeightedLoss[Tensor]("far", 1.0, lambda outputs: 1e6 * outputs.sum())]
            return OptimizerStep(name, self.optimizers[name], lambda batch: self.modules[name](batch["x"]), far)

        return [step(name) for name in self.modules]

    def validate(self) -> Validation:
        score = next(self.scores)
        return Validation({"metric": score}, score)

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        self.exported.append((training, quality))


def test_each_optimizer_step_is_clipped_by_itself(tmp_path: Path) -> None:
    settings = LoopSettings(1, 3, learning_rate=0.1, warmup=0, gradient_clip=0.5, workers=0, precision="32-true")
    task = Steep([1.0])
    before = {name: [p.detach().clone() for p in network.parameters()] for name, network in task.modules.items()}
    Trainer(task, settings, tmp_path, Fabric(accelerator="cpu", devices=1), {"summary": "a line"}).fit()
    for name, network in task.modules.items():
        moved = [p.detach() - old for p, old in zip(network.parameters(), before[name], strict=True)]
        assert math.sqrt(sum(float((move**2).sum()) for move in moved)) == pytest.approx(0.1 * 0.5, rel=1e-3)


class Followers(Steep):
    """A network without batch normalisation, and one that learns from its outputs; both losses are means of samples."""

    def __init__(self) -> None:
        torch.manual_seed(3)
        super().__init__(iter(lambda: 1.0, None))
        self.one = nn.Sequential(nn.Linear(1, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 1))
        self.modules = {"one": self.one, "two": self.two}
        self.optimizers = {name: torch.optim.Adam(part.parameters(), 0.0) for name, part in self.modules.items()}
        self.steps_seen: list[int] = []

    def optimizer_steps(self) -> list[OptimizerStep[Any]]:
        def forward(batch: Batch) -> Tensor:
            self.steps_seen.append(self.step)
            x = batch["x"] / 30 - 1
            made: Tensor = self.one(x)
            batch["made"] = made.detach()
            return (made - x.sin()).square()

        squares = [WeightedLoss("square", 1.0, torch.mean)]
        return [
            OptimizerStep("one", self.optimizers["one"], forward, squares),
            OptimizerStep("two", self.optimizers["two"], lambda batch: (self.two(batch["made"]) - 1) ** 2, squares),
        ]


def test_accumulated_gradients_are_those_of_a_large_batch(tmp_path: Path) -> None:
    """K micro-batches of B samples make the update of one batch of K B, for every optimiser."""
    weights, logs = [], []
    for batch_size, accumulate in ((12, 1), (4, 3)):
        path = tmp_path / str(accumulate)
        settings = LoopSettings(
            5, batch_size, 0.05, warmup=1, log_every=1, workers=0, precision="32-true", accumulate=accumulate
        )
        task = Followers()
        Trainer(task, settings, path, Fabric(accelerator="cpu", devices=1), {"summary": "a line"}).fit()
        assert task.steps_seen == [step for step in range(1, 6) for _ in range(accumulate)]
        weights.append(torch.cat([p.detach().flatten() for part in task.modules.values() for p in part.parameters()]))
        logs.append([[*line.values()][2:] for line in log_lines(path, "losses")])
    assert torch.allclose(weights[0], weights[1], atol=1e-5)
    assert len(logs[0]) == 5  # updates
    torch.testing.assert_close(*(torch.tensor(log) for log in logs), rtol=1e-4, atol=1e-5)
    assert task.exported[-1][0] == "5 steps of 4 times 3, seed 0, a line"


def test_only_better_weights_are_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = LoopSettings(5, 3, 0.1, validate_every=1, workers=0, precision="32-true")
    task = Steep([3.0, float("nan"), 2.0, 2.5, 1.0])
    figures = Trainer(task, settings, tmp_path, Fabric(accelerator="cpu", devices=1), {"summary": "a line"}).fit()
    assert figures == {"metric": 1.0}
    assert [quality["metric"] for _, quality in task.exported] == [3.0, 2.0, 1.0]
    assert task.exported[-1][0] == "5 steps of 3, seed 0, a line"
    assert "the validation after step 2 gave no number" in caplog.text


def test_the_progress_bar_shows_losses_and_the_time_that_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = LoopSettings(3, 3, 1e-9, log_every=1, workers=0, precision="32-true")
    trainer = Trainer(Steep([1.0]), settings, tmp_path, Fabric(accelerator="cpu", devices=1), {"summary": "a line"})
    trainer.fit(Progress(Bars()))
    shown = capsys.readouterr().err.split("\r")[-1]
    assert shown.startswith("training: 100%")
    assert "3/3 [00:" in shown
    assert "<00:00" in shown
    assert re.search(r"far -?[\d.e+]+, gradient_norm [\d.e+]+", shown)
