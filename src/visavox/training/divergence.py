"""Monitors of training: detect, while it runs, that it has gone wrong, and the numbers that they and validation use.

Adversarial training of motion can lose its balance (`MotionMonitor`). A radiance field may learn nothing: a head that
is empty, or of one colour ("black head"), by bad luck of the first random numbers (yerfor/GeneFace issue 18); a run
that starts again with others is fine (`RadianceMonitor`). An expert may stay at the level of chance (`warn_if_stuck`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from visavox.errors import TrainingError

logger = logging.getLogger(__name__)

LARGEST_GAIN = 3.0
"""Beyond this a prediction is noise made large."""
CHANCE_LEVEL = 0.69
"""Validation loss, ln 2, of an expert that cannot tell anything."""

STUCK_ADVICE = (
    "the expert of sync still guesses (validation loss %.2f after %d steps; 0.69 is chance). Check that the "
    "audio of the clips is in sync (`visavox prepare` measures it), that there are enough speakers, and try a "
    "larger batch; on large data sets the published expert leaves 0.69 only after some 150,000 steps."
)
LEAST_OPACITY = 0.1
"""Mean opacity of what is known to be head below which the head is empty."""
LEAST_LEARNED = 0.1
"""Share of the variance of its colours that has to be explained."""
_MEMORY = 0.98
"""Decay of the running means."""
_EVERY = 50
"""Updates between two checks."""
ADVICE = {
    "critic wins": (
        "the critic tells every frame of the person from every other (%.0f %% right), so that the post-net can learn "
        "nothing from it: give less --learning-rate, or a recipe whose critic is smaller or gets more noise"
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
"""Warning about each way to go wrong."""


def correlation(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Correlate each column of two motions (T, K): (K,), 0 where one of them does not move."""
    one, other = predicted - predicted.mean(axis=0), true - true.mean(axis=0)
    correlated: np.ndarray = (one * other).mean(axis=0) / np.maximum(one.std(axis=0) * other.std(axis=0), 1e-6)
    return correlated


def warn_if_stuck(loss: float, step: int, patience: int) -> None:
    """Warn about an expert whose validation loss is at the level of chance, once `patience` steps were made."""
    if step >= patience and loss > CHANCE_LEVEL - 0.01:
        logger.warning(STUCK_ADVICE, loss, step)


@dataclass(frozen=True)
class MotionLimits:
    """Limits beyond which training of motion has gone wrong."""

    critic_accuracy: float = 0.98
    """Share of frames that the critic tells rightly: more, and it wins."""
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
class MotionMonitor:
    """Counts, validation by validation, the signs that training has gone wrong."""

    limits: MotionLimits = field(default_factory=MotionLimits)
    """Limits that are monitored."""
    in_a_row: dict[str, int] = field(default_factory=dict)
    """Validations in a row in which each sign was seen."""
    warned: list[str] = field(default_factory=list)
    """Signs that were warned about already."""

    def update(self, metrics: Mapping[str, float]) -> list[str]:
        """Take note of a validation; warn once of each way in which training has gone wrong.

        Args:
            metrics: `critic_accuracy` and `sync_kept`, and `movement` and `frechet` with what they were at the
                beginning, `movement_start` and `frechet_start`.

        Returns:
            the ways, keys of `ADVICE`; none where all is well.
        """
        limits, accuracy = self.limits, metrics["critic_accuracy"]
        still = min(1.0, metrics["movement_start"])
        is_far = metrics["frechet"] > limits.blind_distance * metrics["frechet_start"]
        signs = {
            "critic wins": (accuracy > limits.critic_accuracy, accuracy, limits.patience),
            "critic loses": (accuracy < limits.blind_accuracy and is_far, accuracy, limits.patience),
            "still": (metrics["movement"] < limits.movement * still, metrics["movement"], 1),
            "sync lost": (metrics["sync_kept"] < limits.sync, metrics["sync_kept"], 1),
        }
        found = []
        for name, (is_seen, value, patience) in signs.items():
            self.in_a_row[name] = self.in_a_row.get(name, 0) + 1 if is_seen else 0
            if self.in_a_row[name] < patience:
                continue
            found.append(name)
            if name not in self.warned:
                self.warned.append(name)
                logger.warning("collapse: " + ADVICE[name], 100 * value)
        return found


class CollapseError(TrainingError):
    """The network has learned nothing and will not."""


class RadianceMonitor:
    """Follows opacity and error of the pixels that are known to belong to the head or torso that is learned.

    Args:
        noun: name of what is learned, for the message.
        after: updates that the network is given.
    """

    def __init__(self, noun: str, after: int) -> None:
        self.noun, self.after = noun, after
        self.updates = 0
        self.opacity = self.error = self.variance = 0.0

    @torch.no_grad()
    def update(self, rendered: Tensor, opacity: Tensor, truth: Tensor, mask: Tensor, *, step: int) -> None:
        """Take note of the pixels of an update, or of one of its micro-batches.

        Args:
            rendered: (R, 3).
            opacity: (R,).
            truth: (R, 3).
            mask: (R,) in [0, 1]: share of each pixel that belongs to what is learned.
            step: number of the update, counted from 1.

        Raises:
            CollapseError: it has learned nothing.
        """
        self.updates += 1
        known = mask > 0.9
        if int(known.sum()) < 8:
            return
        colors = truth[known]
        seen = (
            float(opacity[known].float().mean()),
            float(((rendered[known].float() - colors) ** 2).mean()),
            float(colors.var(dim=0).mean()),
        )
        kept = min(_MEMORY, self.updates / (self.updates + 1)) if self.updates > 1 else 0.0
        before = (self.opacity, self.error, self.variance)
        self.opacity, self.error, self.variance = (
            kept * old + (1 - kept) * new for old, new in zip(before, seen, strict=True)
        )
        if step >= self.after and step % _EVERY == 0:
            self._check(step)

    def state(self) -> dict[str, float]:
        """Return the state that has to be saved."""
        return {name: getattr(self, name) for name in ("updates", "opacity", "error", "variance")}

    def load(self, state: dict[str, float]) -> None:
        """Take back the result of `state`."""
        for name, value in state.items():
            setattr(self, name, value)

    def _check(self, step: int) -> None:
        if self.opacity < LEAST_OPACITY:
            raise CollapseError(f"after {step} steps the {self.noun} is empty (opacity {self.opacity:.3f})")
        if self.error > (1 - LEAST_LEARNED) * self.variance:
            raise CollapseError(
                f"after {step} steps the {self.noun} is no better than one colour (squared error "
                f"{self.error:.4f}, variance {self.variance:.4f})"
            )
