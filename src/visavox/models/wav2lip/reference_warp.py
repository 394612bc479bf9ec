"""Bending the reference: sharp skin, beard and background for free, in a network too small to paint them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FLOW_HALVINGS = 2
"""The flow is found at a quarter of the resolution: lips and jaws move in pieces, not pixel by pixel."""
LARGEST_SHIFT = 0.3
"""Farthest that a pixel comes from, as a share of half the crop: a jaw dropped wide open."""


class ReferenceWarp(nn.Module):
    """Predicts where each pixel comes from in the reference, and fetches it there.

    The idea of motion transfer (Siarohin et al. 2019, First Order Motion Model), with the flow of the decoder's own
    features instead of keypoints. It starts as the identity.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.flow = nn.Conv2d(channels, 2, 3, padding=1)
        nn.init.zeros_(self.flow.weight)
        nn.init.zeros_(self.flow.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, reference: Tensor) -> Tensor:
        """Bend the reference.

        Args:
            features: (B, channels, H/4, W/4) of the decoder.
            reference: (B, 3, H, W).

        Returns:
            (B, 3, H, W) float32.
        """
        flow = LARGEST_SHIFT * torch.tanh(self.flow(features).float())
        flow = F.interpolate(flow, size=reference.shape[-2:], mode="bilinear", align_corners=False)
        batch = len(reference)
        still = torch.eye(2, 3, device=reference.device).expand(batch, 2, 3)
        grid = F.affine_grid(still, list(reference.shape), align_corners=False)
        return F.grid_sample(
            reference.float(), grid + flow.permute(0, 2, 3, 1), padding_mode="border", align_corners=False
        )
