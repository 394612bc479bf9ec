"""Loss of fine detail of a generated face, wherever in a patch it lies."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

WINDOW, STRIDE = 8, 4
"""Pixels of a patch's side, and from one patch to the next: a lip's edge with its place left open by a few pixels."""
_LUMA = (0.299, 0.587, 0.114)
_FLOOR = (1 / 255) ** 2
"""Energy of a detail of one 8-bit level, added inside the root: its gradient is infinite at zero."""


def detail_difference(painted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """L1 between the amounts of fine detail in the patches of two pictures.

        A = sqrt(mean over a patch of (Laplacian of luma)^2)

    Pixel by pixel a blurred edge costs less than a sharp one a pixel beside the true one. What a patch has of
    detail does not ask where in it the edge lies, so here the blurred one costs more. A squared is what the
    sharpness of an evaluation counts.

    Args:
        painted: (B, 3, H, W) in [0, 1].
        truth: the same; no gradient flows into it.
        weight: (B, 1, H, W) of mean 1, where it counts.
    """
    with torch.autocast(painted.device.type, enabled=False):
        amounts = _amount(painted.float()) - _amount(truth.detach().float())
        weights = F.avg_pool2d(weight.float()[..., 1:-1, 1:-1], WINDOW, STRIDE)
        return (amounts.abs() * weights).mean()


def _amount(pictures: Tensor) -> Tensor:
    luma = sum(share * pictures[:, channel : channel + 1] for channel, share in enumerate(_LUMA))
    assert isinstance(luma, Tensor)
    middle = luma[..., 1:-1, 1:-1]
    around = luma[..., :-2, 1:-1] + luma[..., 2:, 1:-1] + luma[..., 1:-1, :-2] + luma[..., 1:-1, 2:]
    return torch.sqrt(F.avg_pool2d((4 * middle - around) ** 2, WINDOW, STRIDE) + _FLOOR)
