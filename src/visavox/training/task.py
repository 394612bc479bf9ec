"""Training task: the networks, optimisers, losses and data of one kind of training; the loop runs any of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import Dataset

from visavox.data.generator import MANIFEST_NAME
from visavox.data.radiance import CAMERA, MOTION, SPLIT
from visavox.errors import TrainingError
from visavox.progress import QUIET, Progress
from visavox.runtime.files import short_digest
from visavox.training.recipe import Inputs
from visavox.training.run_folder import RunFolder

UNSTATED_LICENCE = "unstated: that of the footage it was trained on"
"""Licence of a weights file until the person who trained it says more."""

Batch = dict[str, Tensor]
Losses = dict[str, Tensor]
Outputs = TypeVar("Outputs")
Module = TypeVar("Module", bound=nn.Module)


class Gate(Protocol):
    """Switch of a loss: the loss counts while it is open."""

    @property
    def is_open(self) -> bool:
        """True while the loss counts."""
        ...


@dataclass
class ValidationGate:
    """Gate that a validation opens: a loss of an evaluator counts once its input is worth evaluating.

    The published Wav2Lip leaves the weight of the sync loss at 0 until the sync loss of the validation falls below
    0.75, and forgets that when it is restarted; here the gate is part of the state that is saved.
    """

    threshold: float = 0.75
    """A validation below this opens the gate."""
    stays_open: bool = True
    """Once open, it stays open; otherwise every validation opens or closes it."""
    is_open: bool = False
    """True while the loss counts."""

    def update(self, value: float) -> None:
        """Take note of a validation."""
        self.is_open = (self.stays_open and self.is_open) or value < self.threshold


@dataclass(frozen=True)
class WeightedLoss(Generic[Outputs]):
    """One term of the sum that an optimizer step minimises."""

    name: str
    """Name in the log."""
    weight: float
    """Weight in the sum; a loss of weight 0 is computed for the log alone."""
    function: Callable[[Outputs], Tensor]
    """Scalar loss of the outputs of the step's forward pass, which all losses of the step share."""
    after: Gate | None = None
    """Gate that has to be open; None for a loss that always counts."""
    measured: bool = False
    """Compute it for the log while the gate is closed, too; otherwise it is not computed, and logged as 0."""

    def __call__(self, outputs: Outputs) -> tuple[Tensor, float]:
        """Return the loss and the weight that it has now."""
        if self.after is None or self.after.is_open:
            return self.function(outputs), self.weight
        return self.function(outputs) if self.measured else torch.zeros(()), 0.0


@dataclass(frozen=True)
class OptimizerStep(Generic[Outputs]):
    """One update of one optimiser.

    Raises:
        TrainingError: two losses have the same name, or none has a weight.
    """

    name: str
    """Name of what is updated, for the log."""
    optimizer: Optimizer
    """Steps over the parameters that are updated."""
    forward: Callable[[Batch], Outputs]
    """Forward pass, computed once for all losses."""
    losses: Sequence[WeightedLoss[Outputs]]
    """Every loss, in the order in which they are computed and added."""

    def __post_init__(self) -> None:
        """Refuse losses that cannot be told apart, and steps that learn nothing."""
        names = [loss.name for loss in self.losses]
        if len(set(names)) < len(names):
            raise TrainingError(f"the losses of the {self.name} are {', '.join(names)}; give each a name of its own")
        if not any(loss.weight for loss in self.losses):
            raise TrainingError(
                f"the losses of the {self.name} ({', '.join(names) or 'none'}) all have the weight 0; give one of them "
                "a weight to learn from"
            )

    def compute(self, batch: Batch) -> tuple[Tensor, Losses]:
        """Compute the losses of a batch; return the weighted sum, a scalar, and every loss by name, scalars too.

        Raises:
            TrainingError: no loss counts at this moment.
        """
        outputs = self.forward(batch)
        losses: Losses = {}
        terms: list[Tensor] = []
        for loss in self.losses:
            value, weight = loss(outputs)
            losses[loss.name] = value
            # Left out and not multiplied by 0: a loss that does not count may be infinite.
            if weight:
                terms.append(weight * value)
        if not terms:
            raise TrainingError(
                f"no loss of the {self.name} counts ({', '.join(losses)}); open a gate or give a weight"
            )
        return sum(terms[1:], start=terms[0]), losses


@dataclass(frozen=True)
class Validation:
    """Result of a validation."""

    metrics: dict[str, float]
    """Named numbers for the log."""
    score: float
    """Number that the best checkpoint is chosen by; smaller is better."""
    images: np.ndarray | None = None
    """uint8 RGB (H, W, 3) strip to look at, of tasks that generate images."""


@dataclass(frozen=True)
class Context:
    """Surroundings in which a task is created."""

    device: torch.device
    """Device that computes."""
    seed: int
    """Seed of everything that is drawn."""
    run: RunFolder
    """Folder of the run."""
    resume: bool = False
    """True where the run is there already."""
    progress: Progress = QUIET
    """Display of what takes long before the training begins."""


class TrainingTask(ABC):
    """Networks, optimisers, losses and data of one kind of training."""

    inputs: ClassVar[type[Inputs]] = Inputs
    """Class of the inputs that it takes beside its data."""
    restarts: ClassVar[int] = 0
    """Times that a run whose losses fail is begun again with another seed."""
    single_process: ClassVar[bool] = False
    """True where several processes cannot share the work."""

    modules: dict[str, nn.Module]
    """Networks that are trained, by name; all of their state is saved."""
    optimizers: dict[str, Optimizer]
    """Optimisers, by name; all of their state is saved."""
    step: int = 0
    """Number of the update that is being made, counted from 1; set by the loop."""

    @classmethod
    def check(cls, settings: Any, inputs: Any, *, device: str, resume: bool) -> Any:
        """Refuse inputs that the settings cannot use, before anything is loaded; return those that are needed.

        Args:
            settings: of the recipe.
            inputs: as they were given.
            device: `cpu` or `cuda`.
            resume: True where the run is there already.

        Raises:
            InputError: an input is missing, or cannot be used.
        """
        return inputs

    @classmethod
    @abstractmethod
    def create(cls, settings: Any, data: Any, inputs: Any, context: Context) -> TrainingTask:
        """Load data and weights and build the task.

        Args:
            settings: of the recipe.
            data: folder of the data.
            inputs: as `check` returned them.
            context: device, seed and run folder.

        Raises:
            InputError: data or weights cannot be used.
        """

    @classmethod
    def describe(cls, data: Any) -> str:
        """Describe the data in a few words, for the card of the weights."""
        return f"prepared data set {Path(data).resolve().name}"

    @classmethod
    def digest(cls, data: Any) -> str:
        """Return what tells the data from other data."""
        return short_digest(Path(data) / MANIFEST_NAME)

    def begin_run(self, run: RunFolder) -> None:  # noqa: B027 (most tasks write nothing)
        """Write the files that belong into the run folder before the training begins; none by default."""

    def baseline(self) -> float:
        """Measure the networks as they came; return the score that a validation has to beat."""
        return math.inf

    @abstractmethod
    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return the training set, whose sample number i depends on the seed and i alone."""

    @abstractmethod
    def optimizer_steps(self) -> list[OptimizerStep[Any]]:
        """Return the updates to make from each batch, in order."""

    @abstractmethod
    def validate(self) -> Validation:
        """Measure the averaged network on speakers that are not trained on; it holds the averaged weights now."""

    @abstractmethod
    def averaged(self) -> nn.Module:
        """Return the network that is averaged over steps, validated and exported."""

    @abstractmethod
    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write `averaged()` as a weights file; it holds the averaged weights now.

        Args:
            path: file to write.
            training: data and length of the training, in words.
            quality: metrics of the validation.
        """

    def converted_checkpoint(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return a checkpoint under the names of today, where earlier versions of the task had others."""
        return state

    def extra_state(self) -> dict[str, Any]:
        """Return everything else that steers the training, such as a sync gate; it is saved with the rest."""
        return {}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        """Take back the result of `extra_state`."""
        # Runs of earlier versions saved here what the loop counts now.
        unknown = sorted(set(state) - {"num_steps"})
        if unknown:
            raise TrainingError(
                f"the checkpoint holds {', '.join(unknown)}, which this task does not know; resume with the recipe "
                "that the run was started with"
            )


class PersonTask(TrainingTask):
    """Base of the tasks that train on the data set of one person."""

    @classmethod
    def describe(cls, data: Any) -> str:
        """Describe the data set in a few words."""
        return f"data set {Path(data).resolve().name}"

    @classmethod
    def digest(cls, data: Any) -> str:
        """Return what tells the data set from others: a digest of its small files."""
        return short_digest(*(Path(data) / name for name in (MOTION, CAMERA, SPLIT)))


@dataclass(frozen=True)
class StepGate:
    """Gate that opens after a number of updates; the loop counts them, and saves their number."""

    task: TrainingTask
    """Task whose updates are counted."""
    after: int
    """Updates that are made with the gate closed."""

    @property
    def is_open(self) -> bool:
        """True from update `after` + 1 on."""
        return self.task.step > self.after


def to_channels_last(module: Module, device: torch.device) -> Module:
    """Move a network to a device, in the memory layout in which its convolutions are fastest."""
    module.to(device)
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module
