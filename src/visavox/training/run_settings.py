"""Settings of one run: its differences from a recipe, and the device."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from visavox.errors import InputError
from visavox.runtime.device import Device, choose_device, multiplies_bfloat16
from visavox.runtime.ranges import Range, check_ranges
from visavox.runtime.serialization import from_mapping
from visavox.training.recipe import LoopSettings

if TYPE_CHECKING:
    from lightning.fabric import Fabric

logger = logging.getLogger(__name__)

CHANGEABLE = ("steps", "learning_rate", "workers", "validate_every", "save_every", "precision")
"""Settings that may be changed when a run is resumed; it then gives other numbers than a run that was never changed."""


@dataclass(frozen=True)
class RunSettings:
    """Device and differences from a recipe; `None` keeps what the recipe says."""

    steps: int | None = None
    """Updates in all."""
    batch_size: int | None = None
    """Samples of one update, or of each micro-batch of it."""
    accumulate: int | None = None
    """Micro-batches of an update: their gradients are averaged, so that a large batch fits into little memory."""
    learning_rate: float | None = None
    """Largest learning rate."""
    workers: int | None = None
    """Processes that prepare batches."""
    seed: int | None = None
    """Seed of everything that is drawn at random."""
    validate_every: int | None = None
    """Steps between two validations."""
    save_every: int | None = None
    """Steps between two checkpoints."""
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    """Numbers to compute in; auto: as the recipe says, but 32-true where the processor cannot multiply bfloat16."""
    device: Device = "auto"
    """Device of the networks."""
    devices: Annotated[int, Range(minimum=1)] = 1
    """Processors of a machine to share the work between (processes on the CPU); each takes a batch of its own."""
    nodes: Annotated[int, Range(minimum=1)] = 1
    """Machines to share the work between; the command is started on each of them, as by `torchrun`."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)

    def kind_of_device(self) -> str:
        """Return `cuda` or `cpu`.

        Raises:
            InputError: there is no such device, or not as many.
        """
        return choose_device(self.device, self.devices).type


def make_fabric(settings: RunSettings, device: str, precision: str) -> Fabric:
    """Say where and in which numbers to compute; processes are not started yet."""
    from lightning.fabric import Fabric

    # What it tells of precision and processes is none of the user's business, and goes where it likes.
    for name in ("lightning.fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)
        logging.getLogger(f"{name}.utilities.rank_zero").setLevel(logging.WARNING)
    strategy = "ddp" if settings.devices * settings.nodes > 1 else "auto"
    return Fabric(
        accelerator=device,
        strategy=strategy,
        devices=settings.devices,
        num_nodes=settings.nodes,
        precision=precision,  # type: ignore[arg-type]
    )


def loop_settings(recipe: LoopSettings, settings: RunSettings, device: str, before: Any) -> LoopSettings:
    """Settle how to train: what was asked for, then what the resumed run was started with, then the recipe.

    Args:
        recipe: the recipe's.
        settings: what was asked for.
        device: `cuda` or `cpu`.
        before: the entry `loop` of the resumed run's configuration; None for a new run.

    Raises:
        InputError: a resumed run is to be changed in what it cannot change.
    """
    names = ("steps", "batch_size", "accumulate", "learning_rate", "workers", "seed", "validate_every", "save_every")
    given = {name: value for name in names if (value := getattr(settings, name)) is not None}
    if settings.precision != "auto":
        given["precision"] = settings.precision
    if before is None:
        if recipe.precision == "bf16-mixed" and device == "cpu" and not multiplies_bfloat16():
            recipe = replace(recipe, precision="32-true")
        return replace(recipe, **given)
    try:
        started = from_mapping(LoopSettings, before)
    except ValueError as error:
        raise InputError(f"the configuration of the run is damaged ({error}); start a new run.") from error
    changes = {name: value for name, value in given.items() if value != getattr(started, name)}
    told = "; ".join(f"{name}: {getattr(started, name)} -> {value}" for name, value in changes.items())
    if changes.keys() - set(CHANGEABLE):
        raise InputError(f"the run cannot be resumed with that ({told}); only {', '.join(CHANGEABLE)} may change.")
    if changes:
        logger.warning("the run goes on with other settings (%s)", told)
    return replace(started, **changes)
