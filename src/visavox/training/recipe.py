"""Recipe: a named, fully written-out training configuration, with the length and speed of the training."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Generic, TypeVar

from visavox.runtime.ranges import Range, check_ranges

Settings = TypeVar("Settings")

FEWEST_STEPS = 8
"""Updates that are made even where the time would not allow as many."""


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
