"""Settings of an adaptation. Nothing heavy is loaded here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from visavox.runtime.device import Device
from visavox.runtime.ranges import Range, check_ranges


@dataclass(frozen=True)
class AdaptSettings:
    """Length, pace and device of an adaptation to one person."""

    minutes: Annotated[float, Range(above=0, maximum=10_000, example=10)] = 10.0
    """Minutes of training; preparing the videos and measuring before and after come on top."""
    learning_rate: Annotated[float, Range(above=0, below=1, example=1e-3)] = 1e-3
    """Largest learning rate of the renderer; the speech branch learns at 0.3 of it."""
    batch_size: Annotated[int, Range(minimum=2)] = 16
    """Images of one update."""
    steps: Annotated[int | None, Range(minimum=1)] = None
    """Updates in all, in place of as many as fit into the minutes."""
    minimum_seconds: Annotated[float, Range(above=0)] = 20.0
    """Least speech that the videos have to give, in seconds: less is too little to learn from and to measure on."""
    workers: Annotated[int, Range(minimum=0, lowest="none but this process")] = 1
    """Processes that prepare batches; 0 prepares them in the training's own."""
    seed: Annotated[int, Range(0, 2**31 - 1)] = 0
    """Seed of everything that is drawn at random."""
    device: Device = "auto"
    """Device of the networks."""
    overwrite: bool = False
    """Replace the output when it exists."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)
