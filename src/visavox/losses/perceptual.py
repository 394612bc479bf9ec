"""Difference of a generated face from the true one, to a network that has learned what people see."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from visavox.models.perceptual.lpips import Lpips
from visavox.types import PathLike
from visavox.weights.lpips import load_lpips


class LpipsLoss(nn.Module):
    """LPIPS as a loss (Zhang et al. 2018; in place of a discriminator in LPIPS-AttnWav2Lip).

    Frozen, and in eval mode for good.

    Args:
        distance: as `visavox.weights.lpips.load_lpips` gives it.
    """

    def __init__(self, distance: Lpips) -> None:
        super().__init__()
        self.distance = distance

    @classmethod
    def load(
        cls,
        network: str = "alex",
        *,
        weights: PathLike | None = None,
        linear: PathLike | None = None,
        device: str | torch.device = "cpu",
    ) -> LpipsLoss:
        """Load the published numbers; takes and raises what `load_lpips` does."""
        return cls(load_lpips(network, weights=weights, linear=linear, device=device))

    def forward(self, painted: Tensor, truth: Tensor) -> Tensor:
        """Return the distance of every pair, float32 (B,).

        Args:
            painted: (B, 3, H, W) RGB in [0, 1]; gradients flow to it.
            truth: the same; no gradient flows to it.
        """
        return self.distance(painted, truth.detach())
