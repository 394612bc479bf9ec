"""Schedule of a training: learning rate, gates of losses, and the number of updates that a time allows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from visavox.errors import InputError
from visavox.training.task import TrainingTask

FEWEST_STEPS = 8
"""Updates that are made even where the time would not allow as many."""


@dataclass(frozen=True)
class LoopSettings:
    """Length, speed and care of a training."""

    steps: int
    """Updates in all."""
    batch_size: int
    """Samples of one update, or of each micro-batch of it."""
    learning_rate: float
    """Largest learning rate; it rises over `warmup` steps and then falls to a hundredth along a cosine."""
    warmup: int = 200
    """Steps until the learning rate is reached."""
    gradient_clip: float = 1.0
    """Largest norm of the gradient of an optimizer step."""
    average_decay: float = 0.999
    """Decay of the running average of the weights."""
    validate_every: int = 500
    """Steps between two validations."""
    save_every: int = 500
    """Steps between two checkpoints."""
    log_every: int = 25
    """Steps between two entries of the log."""
    workers: int = 1
    """Processes that prepare batches; 0 prepares them in the loop."""
    precision: str = "bf16-mixed"
    """Fabric's precision: `32-true` or `bf16-mixed`."""
    seed: int = 0
    """Seed of everything that is drawn."""
    accumulate: int = 1
    """Micro-batches whose gradients are averaged for one update, each of `batch_size` samples."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        for name in ("steps", "validate_every", "save_every", "log_every", "accumulate"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; give 1 or more")
        if self.batch_size < 2:
            raise InputError(f"a batch of {self.batch_size}; give 2 or more, because batch normalisation compares them")
        if not self.learning_rate > 0:
            raise InputError(f"the learning rate is {self.learning_rate:g}; give a number above 0")
        if self.workers < 0:
            raise InputError(f"{self.workers} workers; give 0 (none but this process) or more")
        if not 0 <= self.seed < 2**31:
            raise InputError(f"the seed is {self.seed}; give 0 to {2**31 - 1}")

    @property
    def samples(self) -> int:
        """Samples that one process draws for one update."""
        return self.accumulate * self.batch_size


def learning_rate(step: int, settings: LoopSettings) -> float:
    """Learning rate of update number `step`, counted from 0: linear warm-up, then a cosine down to a hundredth."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


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
