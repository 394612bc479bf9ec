"""Reconstruction losses: the distance of a generated face from the true one."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def painted_region(boxes: Tensor, size: int, *, mouth_weight: float, border: int) -> Tensor:
    """Weigh the pixels of a crop: the kept half nothing, the repainted half 1, the mouth more.

    Args:
        boxes: (B, 4) box around the lips in pixels of the crop.
        size: side of the crop in pixels.
        mouth_weight: weight in the middle of the mouth; it falls off smoothly to 1.
        border: rows above the lower half that count as well, so that the seam between both is learned.

    Returns:
        (B, 1, size, size) float32, of mean 1 over each picture.
    """
    position = torch.arange(size, device=boxes.device, dtype=torch.float32) + 0.5
    center_x, center_y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    # Three fifths of a width to each side: lips, teeth and the shadow around them.
    reach = (0.6 * (boxes[:, 2] - boxes[:, 0])).clamp(min=1)
    across = ((position - center_x[:, None]) / reach[:, None]) ** 2
    down = ((position - center_y[:, None]) / reach[:, None]) ** 2
    mouth = torch.exp(-(across[:, None, :] + down[:, :, None]))
    weight = 1 + (mouth_weight - 1) * mouth
    weight = weight * (position >= size / 2 - border)[None, :, None]
    return (weight / weight.mean(dim=(1, 2), keepdim=True))[:, None]


def weighted_l1(painted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean of weight * |painted - truth|.

    Args:
        painted: (B, 3, H, W) in [0, 1].
        truth: (B, 3, H, W) in [0, 1].
        weight: (B, 1, H, W) of mean 1.
    """
    return ((painted - truth).abs() * weight).mean()


def weighted_gradient_l1(painted: Tensor, truth: Tensor, weight: Tensor, scales: int = 2) -> Tensor:
    """L1 between the finite differences of two pictures, at full size and at `scales - 1` halvings.

    Differences see edges, which a plain L1 pays little for: the blurred mouth that minimises L1 is not the
    one that minimises this. Arguments as `weighted_l1`.
    """
    total = painted.new_zeros(())
    error = painted - truth
    for _ in range(scales):
        # The difference of errors is the error of differences.
        across = (error[..., :, 1:] - error[..., :, :-1]).abs() * weight[..., :, 1:]
        down = (error[..., 1:, :] - error[..., :-1, :]).abs() * weight[..., 1:, :]
        total = total + across.mean() + down.mean()
        error, weight = F.avg_pool2d(error, 2), F.avg_pool2d(weight, 2)
    return total / scales
