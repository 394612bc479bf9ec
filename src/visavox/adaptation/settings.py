"""Settings of an adaptation. Nothing heavy is loaded here."""

from __future__ import annotations

from dataclasses import dataclass

from visavox.errors import InputError
from visavox.runtime.device import Device


@dataclass(frozen=True)
class AdaptSettings:
    """Length, pace and device of an adaptation to one person."""

    minutes: float = 10.0
    """Minutes of training; preparing the videos and measuring before and after come on top."""
    learning_rate: float = 1e-3
    """Largest learning rate of the renderer; the speech branch learns at 0.3 of it."""
    batch_size: int = 16
    """Images of one update."""
    steps: int | None = None
    """Updates in all, in place of as many as fit into the minutes."""
    minimum_seconds: float = 20.0
    """Least speech that the videos have to give, in seconds: less is too little to learn from and to measure on."""
    workers: int = 1
    """Processes that prepare batches; 0 prepares them in the training's own."""
    seed: int = 0
    """Seed of everything that is drawn at random."""
    device: Device = "auto"
    """Device of the networks."""
    overwrite: bool = False
    """Replace the output when it exists."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not 0 < self.minutes <= 10_000:
            raise InputError(f"minutes is {self.minutes:g}; give more than 0, such as 10")
        if not 0 < self.learning_rate < 1:
            raise InputError(
                f"the learning rate is {self.learning_rate:g}; give a number between 0 and 1, such as 1e-3"
            )
        if self.batch_size < 2:
            raise InputError(f"batch_size is {self.batch_size}; give 2 or more")
        if self.steps is not None and self.steps < 1:
            raise InputError(f"steps is {self.steps}; give 1 or more, or leave it out")
        if self.minimum_seconds <= 0:
            raise InputError(f"minimum_seconds is {self.minimum_seconds:g}; give more than 0")
        if self.workers < 0:
            raise InputError(f"workers is {self.workers}; give 0 (none but this process) or more")
        if not 0 <= self.seed < 2**31:
            raise InputError(f"seed is {self.seed}; give 0 to {2**31 - 1}")
