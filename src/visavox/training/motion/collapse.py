"""Seeing that adversarial training of motion has gone wrong, while it runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)

ADVICE = {
    "critic wins": (
        "the critic tells every frame of the person from every other (%.0f %% right), so that the post-net can learn "
        "nothing from it: give less --learning-rate, or a recipe whose critic is smaller or hears more noise"
    ),
    "critic loses": (
        "the critic finds no difference (%.0f %% right) though the frames still lie far from the person's: give more "
        "steps, or a recipe whose critic is larger"
    ),
    "still": (
        "the lips move %.0f %% as much as the person's: the post-net has given up movement; give less --learning-rate"
    ),
    "sync lost": "%.0f %% of the sync of the motion that came in is left; give a recipe with more weight on sync",
}
"""What is said of each way to go wrong."""


@dataclass(frozen=True)
class CollapseLimits:
    """From where on training has gone wrong."""

    critic_accuracy: float = 0.98
    """Share of frames that the critic judges rightly: more, and it wins."""
    blind_accuracy: float = 0.52
    """Less, and it has lost, if the frames lie no nearer to the person's than `blind_distance`."""
    blind_distance: float = 0.9
    """Frechet distance as a share of that at the beginning."""
    movement: float = 0.4
    """Movement of the lips as a share of the person's, or of that which came in if it was less: less is stillness."""
    sync: float = 0.5
    """Share of the sync of what came in."""
    patience: int = 3
    """Validations in a row until a critic that wins or loses is believed; stillness and lost sync count at once."""


@dataclass
class CollapseWatch:
    """Counts, validation by validation, what looks wrong."""

    limits: CollapseLimits = field(default_factory=CollapseLimits)
    """From where on."""
    in_a_row: dict[str, int] = field(default_factory=dict)
    """Validations in a row in which each sign was seen."""
    said: list[str] = field(default_factory=list)
    """What was warned about already."""

    def look(self, figures: Mapping[str, float]) -> list[str]:
        """Look at the figures of a validation; warn once of each way in which it has collapsed.

        Args:
            figures: `critic_accuracy` and `sync_kept`, and `movement` and `frechet` with what they were at the
                beginning, `movement_start` and `frechet_start`.

        Returns:
            the ways, keys of `ADVICE`; none where all is well.
        """
        limits, accuracy = self.limits, figures["critic_accuracy"]
        still = min(1.0, figures["movement_start"])
        is_far = figures["frechet"] > limits.blind_distance * figures["frechet_start"]
        signs = {
            "critic wins": (accuracy > limits.critic_accuracy, accuracy, limits.patience),
            "critic loses": (accuracy < limits.blind_accuracy and is_far, accuracy, limits.patience),
            "still": (figures["movement"] < limits.movement * still, figures["movement"], 1),
            "sync lost": (figures["sync_kept"] < limits.sync, figures["sync_kept"], 1),
        }
        found = []
        for name, (is_seen, value, patience) in signs.items():
            self.in_a_row[name] = self.in_a_row.get(name, 0) + 1 if is_seen else 0
            if self.in_a_row[name] < patience:
                continue
            found.append(name)
            if name not in self.said:
                self.said.append(name)
                logger.warning("collapse: " + ADVICE[name], 100 * value)
        return found
