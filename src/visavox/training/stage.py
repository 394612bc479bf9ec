"""The contract between the loop and what it trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import Dataset

from visavox.errors import TrainingError

UNSTATED_LICENCE = "unstated: that of the footage it was trained on"
"""What a weights file says until the person who trained it says more."""

Batch = dict[str, Tensor]
Losses = dict[str, Tensor]
Module = TypeVar("Module", bound=nn.Module)


@dataclass
class Turn:
    """One update of one optimiser from one batch."""

    name: str
    """What is updated, for the log."""
    optimizer: Optimizer
    """Steps over the parameters of this turn."""
    losses: Callable[[Batch], Losses]
    """Named losses of a batch."""
    weights: Callable[[], dict[str, float]]
    """Weight of each loss at this moment; its keys must be those of the losses."""


@dataclass(frozen=True)
class Validation:
    """What validating found."""

    figures: dict[str, float]
    """Named figures for the log."""
    score: float
    """What the best checkpoint is chosen by; smaller is better."""
    pictures: np.ndarray | None = None
    """uint8 RGB (H, W, 3) strip to look at, if the stage paints."""


class Stage(ABC):
    """Something to train: networks, optimisers, losses and data."""

    modules: dict[str, nn.Module]
    """Networks that are trained, by name; all of their state is saved."""
    optimizers: dict[str, Optimizer]
    """Optimisers, by name; all of their state is saved."""

    @abstractmethod
    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return the training set, whose sample number i depends on the seed and i alone."""

    @abstractmethod
    def turns(self) -> list[Turn]:
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
            path: where to.
            training: what it was trained on, and how long, in words.
            quality: figures of the validation.
        """

    def extra_state(self) -> dict[str, Any]:
        """Return whatever else steers the training, such as the sync gate; it is saved with the rest."""
        return {}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        """Take back what `extra_state` gave."""
        if state:
            raise TrainingError(f"the checkpoint holds {sorted(state)}, which this stage does not know; same recipe?")


def to_channels_last(module: Module, device: torch.device) -> Module:
    """Move a network to a device, in the memory layout in which its convolutions are fastest."""
    module.to(device)
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module


def weighted_total(losses: Losses, weights: dict[str, float]) -> Tensor:
    """Sum of weight * loss.

    Raises:
        TrainingError: a loss has no weight, a weight has no loss, or all weights are 0.
    """
    if losses.keys() != weights.keys():
        raise TrainingError(
            f"losses {sorted(losses)} and weights {sorted(weights)} do not match; give every loss exactly one weight"
        )
    terms = [weights[name] * loss for name, loss in losses.items() if weights[name]]
    if not terms:
        raise TrainingError(f"the losses {sorted(losses)} all have the weight 0: there is nothing to learn from")
    return sum(terms[1:], start=terms[0])
