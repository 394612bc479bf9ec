"""What the stages that train a judge of sync have in common."""

from __future__ import annotations

import logging

from visavox.training.stage import Stage

logger = logging.getLogger(__name__)

CHANCE_LEVEL = 0.69
"""Validation loss, ln 2, of a judge that cannot tell anything."""

STUCK_ADVICE = (
    "the judge of sync still guesses (validation loss %.2f after %d steps; 0.69 is chance). Check that the "
    "sound of the clips is in sync (`visavox prepare` measures it), that there are enough speakers, and try a "
    "larger batch; on large data sets the published expert leaves 0.69 only after some 150,000 steps."
)


class SyncStage(Stage):
    """A stage that knows how many steps were made: a judge begins with another task, and may stay at chance."""

    num_steps: int = 0
    """Steps made so far."""

    def extra_state(self) -> dict[str, int]:
        """Return how many steps were made."""
        return {"num_steps": self.num_steps}

    def load_extra_state(self, state: dict[str, int]) -> None:
        """Take back what `extra_state` gave."""
        self.num_steps = state["num_steps"]

    def warn_if_stuck(self, loss: float, patience: int) -> None:
        """Warn about a validation loss at the level of chance, once `patience` steps were made."""
        if self.num_steps >= patience and loss > CHANCE_LEVEL - 0.01:
            logger.warning(STUCK_ADVICE, loss, self.num_steps)
