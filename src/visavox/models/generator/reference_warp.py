"""Warp of the reference: sharp skin, beard and background for free, in a network too small to generate them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FLOW_HALVINGS = 2
"""The flow is found at a quarter of the resolution: lips and jaws move in pieces, not pixel by pixel."""
LARGEST_SHIFT = 0.3
"""Farthest that a pixel comes from, as a share of half the crop: a jaw dropped wide open."""


class Layers(NamedTuple):
    """Generated face before its layers are composited."""

    grid: Tensor
    """(B, H, W, 2) where in the reference each pixel comes from, x and y in [-1, 1] (`grid_sample`)."""
    colors: Tensor
    """(B, 3, H, W) RGB in [0, 1], generated."""
    alpha: Tensor
    """(B, 1, H, W) opacity of the colours over the warped reference, in [0, 1]."""

    def composite(self, reference: Tensor) -> Tensor:
        """Composite the colours over the warped reference: (B, 3, H, W) from a reference (B, 3, H, W).

        The reference may be larger than what the network saw: grid, colours and alpha grow with it, so that a
        face keeps its own sharpness wherever it is warped and not generated.
        """
        reference = reference.float()
        grid, colors, alpha = (
            _resized(layer.float(), reference.shape[-2:])
            for layer in (self.grid.permute(0, 3, 1, 2), self.colors, self.alpha)
        )
        # At its own size the reference is read as it was in training; a larger one is read more finely.
        mode = "bilinear" if reference.shape[-2:] == self.colors.shape[-2:] else "bicubic"
        warped = F.grid_sample(
            reference, grid.permute(0, 2, 3, 1), mode=mode, padding_mode="border", align_corners=False
        )
        return warped + alpha * (colors - warped)


def _resized(layer: Tensor, size: torch.Size) -> Tensor:
    if layer.shape[-2:] == size:
        return layer
    return F.interpolate(layer, size=size, mode="bicubic", align_corners=False)


class ReferenceWarp(nn.Module):
    """Predicts where each pixel comes from in the reference.

    The idea of motion transfer (Siarohin et al. 2019, First Order Motion Model), with the flow of the decoder's own
    features instead of keypoints. It starts as the identity.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.flow = nn.Conv2d(channels, 2, 3, padding=1)
        nn.init.zeros_(self.flow.weight)
        nn.init.zeros_(self.flow.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """Map features (B, channels, H/4, W/4) of the decoder to a sampling grid (B, H, W, 2) in [-1, 1]."""
        flow = LARGEST_SHIFT * torch.tanh(self.flow(features).float())
        flow = F.interpolate(flow, scale_factor=2**FLOW_HALVINGS, mode="bilinear", align_corners=False)
        batch, _, height, width = flow.shape
        still = torch.eye(2, 3, device=flow.device).expand(batch, 2, 3)
        return F.affine_grid(still, [batch, 1, height, width], align_corners=False) + flow.permute(0, 2, 3, 1)
