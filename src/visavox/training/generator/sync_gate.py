"""The switch of Wav2Lip's sync loss."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class SyncGate:
    """Keeps the sync loss off until the painted mouths are worth judging.

    The published training leaves its weight at 0 until the sync loss on validation data falls below 0.75, and
    forgets that when it is restarted; here the gate is part of what is saved.
    """

    threshold: float = 0.75
    """The loss opens the gate when the validation sync loss is below this."""
    is_open: bool = False
    """Once open, it stays open."""

    def see(self, validation_sync: float) -> None:
        """Take note of a validation."""
        self.is_open = self.is_open or validation_sync < self.threshold
