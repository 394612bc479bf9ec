"""Configuration of a training: its recipe, the inputs of its task, and the differences of one run.

A recipe is a named, fully written-out training configuration, with the length and speed of the training. Inputs are
weights and files beside the data; options of the command line are made from them. Reading all of it needs no torch.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, TypeVar

from visavox.errors import InputError
from visavox.runtime.device import Device, choose_device, multiplies_bfloat16
from visavox.runtime.ranges import Range, check_ranges
from visavox.runtime.serialization import from_mapping
from visavox.weights import find_model, short_weights_digest

if TYPE_CHECKING:
    from lightning.fabric import Fabric

    from visavox.losses import LpipsLoss

Settings = TypeVar("Settings")

FEWEST_STEPS = 8
"""Updates that are made even where the time would not allow as many."""
SHIPPED_FEATURES = "face-features"
"""Name of the face features that are shipped."""
SHIPPED_MOTION = "motion"
"""Name of the motion VAE that is shipped."""
SHIPPED_SYNCNET = "motion-syncnet"
"""Name of the motion SyncNet that is shipped."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoopSettings:
    """Length, speed and care of a training."""

    steps: Annotated[int, Range(minimum=1)]
    """Updates in all."""
    batch_size: Annotated[int, Range(minimum=2, lowest="batch normalisation compares samples")]
    """Samples of one update, or of each micro-batch of it."""
    learning_rate: Annotated[float, Range(above=0)]
    """Largest learning rate; it rises over `warmup` steps and then falls to a hundredth along a cosine."""
    warmup: int = 200
    """Steps until the learning rate is reached."""
    gradient_clip: float = 1.0
    """Largest norm of the gradient of an optimizer step."""
    average_decay: float = 0.999
    """Decay of the running average of the weights."""
    validate_every: Annotated[int, Range(minimum=1)] = 500
    """Steps between two validations."""
    save_every: Annotated[int, Range(minimum=1)] = 500
    """Steps between two checkpoints."""
    log_every: Annotated[int, Range(minimum=1)] = 25
    """Steps between two entries of the log."""
    workers: Annotated[int, Range(minimum=0, lowest="none but this process")] = 1
    """Processes that prepare batches; 0 prepares them in the loop."""
    precision: str = "bf16-mixed"
    """Fabric's precision: `32-true` or `bf16-mixed`."""
    seed: Annotated[int, Range(0, 2**31 - 1)] = 0
    """Seed of everything that is drawn."""
    accumulate: Annotated[int, Range(minimum=1)] = 1
    """Micro-batches whose gradients are averaged for one update, each of `batch_size` samples."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)

    @property
    def samples(self) -> int:
        """Samples that one process draws for one update."""
        return self.accumulate * self.batch_size


@dataclass(frozen=True)
class Recipe(Generic[Settings]):
    """Task, network, samples, losses and schedule of a training."""

    task: str
    """Name of the task in `visavox.training.tasks.TASKS`."""
    settings: Settings
    """Network, samples and losses."""
    loop: LoopSettings
    """Length and speed."""

    def of_steps(self, steps: int) -> Recipe[Settings]:
        """Give the recipe another length; settings that name a step move with it."""
        settings: Any = self.settings
        if hasattr(settings, "of_length"):
            settings = settings.of_length(steps / self.loop.steps)
        return replace(self, settings=settings, loop=loop_of_steps(self.loop, steps))

    def identity(self) -> dict[str, Any]:
        """Return what decides the result, as it was before gradients could be accumulated where they are not."""
        loop = asdict(self.loop)
        if self.loop.accumulate == 1:
            del loop["accumulate"]
        return {"stage": asdict(self.settings), "loop": loop}  # type: ignore[call-overload]


def learning_rate(step: int, settings: LoopSettings) -> float:
    """Learning rate of update number `step`, counted from 0: linear warm-up, then a cosine down to a hundredth."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


def steps_within(seconds: float, per_step: float) -> int:
    """Return the number of steps that a time allows; never fewer than `FEWEST_STEPS`."""
    return max(FEWEST_STEPS, int(seconds / max(per_step, 1e-6)))


def loop_of_steps(loop: LoopSettings, steps: int) -> LoopSettings:
    """Give a schedule another length: as many validations as before, and a warm-up that fits.

    A run that is drawn out is saved as often as before, in steps.
    """
    share = steps / loop.steps
    return replace(
        loop,
        steps=steps,
        warmup=min(loop.warmup, math.ceil(loop.warmup * share)),
        validate_every=math.ceil(loop.validate_every * share),
        save_every=min(loop.save_every, math.ceil(loop.save_every * share)),
        log_every=min(loop.log_every, steps),
    )


Given = TypeVar("Given", bound="Inputs")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Nothing beside the data; the base of the inputs of all tasks."""

    weights: ClassVar[tuple[str, ...]] = ()
    """Fields that name weights which a resumed run must share with the run that it goes on with."""
    recorded: ClassVar[tuple[str, ...]] = ()
    """Other fields that are written down of a run, and that a resumed run keeps."""
    only_new: ClassVar[tuple[str, ...]] = ()
    """Fields that a new run begins with, and that a resumed one does not look at."""

    def record(self) -> dict[str, Any]:
        """Return what is written down of a run."""
        return {name: getattr(self, name) for name in (*self.weights, *self.recorded)}

    def identity(self) -> dict[str, Any]:
        """Return what a resumed run must share: digests of the weights."""
        given = {name: getattr(self, name) for name in self.weights}
        return {
            name: None if weights is None else short_weights_digest(find_model(weights))
            for name, weights in given.items()
        }

    def resumed(self: Given, stored: Mapping[str, Any]) -> Given:
        """Return the inputs of a resumed run: those that are given, and otherwise those that it was started with."""
        changes: dict[str, Any] = {}
        for field in fields(self):
            if field.name in self.only_new:
                changes[field.name] = field.default
            elif field.name in stored and field.default is not MISSING and getattr(self, field.name) == field.default:
                changes[field.name] = stored[field.name]
        return replace(self, **changes)


@dataclass(frozen=True, kw_only=True)
class LpipsInputs(Inputs):
    """The published numbers of LPIPS, where they are not in the usual places."""

    lpips_weights: Path | None = None
    """File with the ImageNet weights of the recipe's LPIPS network, for recipes with that loss; looked for, and fetched
    once, when left out."""
    lpips_linear: Path | None = None
    """File with the linear weights of LPIPS; likewise."""

    def load_lpips(self, network: str) -> LpipsLoss:
        """Load LPIPS.

        Raises:
            InputError: the published numbers are nowhere to be had.
        """
        from visavox.losses import LpipsLoss

        return LpipsLoss.load(network, weights=self.lpips_weights, linear=self.lpips_linear)


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
    listed = "; ".join(f"{name}: {getattr(started, name)} -> {value}" for name, value in changes.items())
    if changes.keys() - set(CHANGEABLE):
        raise InputError(f"the run cannot be resumed with that ({listed}); only {', '.join(CHANGEABLE)} may change.")
    if changes:
        logger.warning("the run goes on with other settings (%s)", listed)
    return replace(started, **changes)
