"""A training task as a third party writes it: a task, its recipes, and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from visavox.training.recipe import LoopSettings, Recipe
from visavox.training.task import Batch, Context, OptimizerStep, TrainingTask, Validation, WeightedLoss


@dataclass(frozen=True)
class LineSettings:
    """A line through points."""

    slope_weight: float = 1.0
    """Weight of the squared error."""


class Points(Dataset[Batch]):
    """Points of the line y = 3 x; sample i is a function of the seed and i."""

    def __init__(self, seed: int, length: int) -> None:
        self.seed, self.length = seed, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Batch:
        x = torch.rand(1, generator=torch.Generator().manual_seed(self.seed * 1_000_003 + index))
        return {"x": x, "y": 3 * x}


class LineTask(TrainingTask):
    """Fits a line."""

    def __init__(self, settings: LineSettings) -> None:
        self.settings = settings
        self.line = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.line.weight)
        self.modules = {"line": self.line}
        self.optimizers = {"line": torch.optim.SGD(self.line.parameters(), lr=0.0)}

    @classmethod
    def create(cls, settings: LineSettings, data: Any, inputs: Any, context: Context) -> LineTask:
        """Build the task."""
        return cls(settings)

    @classmethod
    def digest(cls, data: Any) -> str:
        """Return what tells the data from other data."""
        return hashlib.sha256((Path(data) / "points.txt").read_bytes()).hexdigest()[:16]

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return the points."""
        return Points(seed, length)

    def optimizer_steps(self) -> list[OptimizerStep[Any]]:
        """Return the one update."""

        def forward(batch: Batch) -> Tensor:
            error: Tensor = self.line(batch["x"]) - batch["y"]
            return error.square().mean()

        losses = [WeightedLoss("squared_error", self.settings.slope_weight, lambda error: error)]
        return [OptimizerStep("line", self.optimizers["line"], forward, losses)]

    def validate(self) -> Validation:
        """Measure how far the slope is off."""
        error = abs(float(self.line.weight) - 3)
        return Validation({"slope_error": error}, error)

    def averaged(self) -> nn.Module:
        """Return the line."""
        return self.line

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the line."""
        safetensors.torch.save_file(self.line.state_dict(), path, {"training": training})


RECIPES = {
    "tiny": Recipe(
        "line",
        LineSettings(),
        LoopSettings(
            3, 4, 0.5, warmup=0, gradient_clip=100.0, validate_every=1, save_every=1, workers=0, precision="32-true"
        ),
    )
}
