"""What came of it when an avatar spoke."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class SpeakResult:
    """What was written."""

    output: str
    """Path of the result."""
    seconds: float
    """Length of the result in seconds."""
    num_frames: int
    """Frames of the result, 25 a second."""
    width: int
    """Width of its pictures, pixels."""
    height: int
    """Height of its pictures, pixels."""
    num_blinks: int
    """How often the eyes blink."""
    decisions: tuple[str, ...] = ()
    """What was decided on the way, in words."""
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds of each stage: motion, render, compose, and total. Render and compose overlap, and with encoding."""

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self)

    def summary(self) -> str:
        """Say in one line what was made."""
        blinks = f"{self.num_blinks} blink{'s' * (self.num_blinks != 1)}"
        return (
            f"{self.output}: {self.seconds:.2f} s, {self.num_frames} frames of {self.width} x {self.height}, {blinks}"
        )
