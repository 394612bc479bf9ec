"""Tells when a radiance field learns nothing: a head that is empty, or painted in one colour ("black head").

It happens by bad luck of the first random numbers (yerfor/GeneFace issue 18), and a run that begins again with others
is fine.
"""

from __future__ import annotations

import torch
from torch import Tensor

from visavox.errors import TrainingError

LEAST_OPACITY = 0.1
"""Mean opacity of what is known to be head below which the head is empty."""
LEAST_LEARNED = 0.1
"""Share of the variance of its colours that has to be explained."""
_MEMORY = 0.98
_EVERY = 50


class CollapseError(TrainingError):
    """The network has learned nothing and will not."""


class RadianceWatch:
    """Follows opacity and error of the pixels that are known to belong to what is learned.

    Args:
        noun: what is learned.
        after: updates that the network is given.
    """

    def __init__(self, noun: str, after: int) -> None:
        self.noun, self.after = noun, after
        self.updates = 0
        self.opacity = self.error = self.variance = 0.0

    @torch.no_grad()
    def look(self, painted: Tensor, opacity: Tensor, truth: Tensor, mask: Tensor) -> None:
        """Look at the pixels of an update.

        Args:
            painted: (R, 3).
            opacity: (R,).
            truth: (R, 3).
            mask: (R,) in [0, 1]: how much of each pixel is what is learned.

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
            float(((painted[known].float() - colors) ** 2).mean()),
            float(colors.var(dim=0).mean()),
        )
        kept = min(_MEMORY, self.updates / (self.updates + 1)) if self.updates > 1 else 0.0
        before = (self.opacity, self.error, self.variance)
        self.opacity, self.error, self.variance = (
            kept * old + (1 - kept) * new for old, new in zip(before, seen, strict=True)
        )
        if self.updates >= self.after and self.updates % _EVERY == 0:
            self._judge()

    def state(self) -> dict[str, float]:
        """Return what has to be saved."""
        return {name: getattr(self, name) for name in ("updates", "opacity", "error", "variance")}

    def load(self, state: dict[str, float]) -> None:
        """Take back what `state` gave."""
        for name, value in state.items():
            setattr(self, name, value)

    def _judge(self) -> None:
        if self.opacity < LEAST_OPACITY:
            raise CollapseError(f"after {self.updates} steps the {self.noun} is empty (opacity {self.opacity:.3f})")
        if self.error > (1 - LEAST_LEARNED) * self.variance:
            raise CollapseError(
                f"after {self.updates} steps the {self.noun} is painted no better than in one colour (squared error "
                f"{self.error:.4f}, variance {self.variance:.4f})"
            )
