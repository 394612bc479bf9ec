"""Reconstruction losses: the distance of a generated face from the true one, by pixel, slope and fine detail."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def region_weight(boxes: Tensor, size: int, *, mouth_weight: float, border: int) -> Tensor:
    """Weigh the pixels of a crop: the kept half nothing, the generated half 1, the mouth more.

    Args:
        boxes: (B, 4) box around the lips in pixels of the crop.
        size: side of the crop in pixels.
        mouth_weight: weight in the middle of the mouth; it falls off smoothly to 1.
        border: rows above the lower half that count as well, so that the seam between both is learned.

    Returns:
        (B, 1, size, size) float32, of mean 1 over each image.
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


def weighted_l1(generated: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean of weight * |generated - truth|.

    Args:
        generated: (B, 3, H, W) in [0, 1].
        truth: (B, 3, H, W) in [0, 1].
        weight: (B, 1, H, W) of mean 1.
    """
    return ((generated - truth).abs() * weight).mean()


def weighted_gradient_l1(generated: Tensor, truth: Tensor, weight: Tensor, scales: int = 2) -> Tensor:
    """L1 between the finite differences of two images, at full size and at `scales - 1` halvings.

    Differences see edges, which a plain L1 pays little for: the blurred mouth that minimises L1 is not the
    one that minimises this.

    Args:
        generated: (B, 3, H, W) in [0, 1].
        truth: the same; no gradient flows into it.
        weight: (B, 1, H, W) of mean 1, where it counts.
        scales: sizes at which differences are taken.
    """
    total = generated.new_zeros(())
    error = generated - truth
    for _ in range(scales):
        # The difference of errors is the error of differences.
        across = (error[..., :, 1:] - error[..., :, :-1]).abs() * weight[..., :, 1:]
        down = (error[..., 1:, :] - error[..., :-1, :]).abs() * weight[..., 1:, :]
        total = total + across.mean() + down.mean()
        error, weight = F.avg_pool2d(error, 2), F.avg_pool2d(weight, 2)
    return total / scales


WINDOW, STRIDE = 8, 4
"""Pixels of a patch's side, and from one patch to the next: a lip's edge with its place left open by a few pixels."""
_LUMA = (0.299, 0.587, 0.114)
_FLOOR = (1 / 255) ** 2
"""Energy of a detail of one 8-bit level, added inside the root: its gradient is infinite at zero."""


def detail_difference(generated: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """L1 between the amounts of fine detail in the patches of two images.

        A = sqrt(mean over a patch of (Laplacian of luma)^2)

    Pixel by pixel a blurred edge costs less than a sharp one a pixel beside the true one. What a patch has of
    detail does not ask where in it the edge lies, so here the blurred one costs more. A squared is what the
    sharpness of an evaluation counts.

    Args:
        generated: (B, 3, H, W) in [0, 1].
        truth: the same; no gradient flows into it.
        weight: (B, 1, H, W) of mean 1, where it counts.
    """
    with torch.autocast(generated.device.type, enabled=False):
        amounts = _amount(generated.float()) - _amount(truth.detach().float())
        weights = F.avg_pool2d(weight.float()[..., 1:-1, 1:-1], WINDOW, STRIDE)
        return (amounts.abs() * weights).mean()


def _amount(images: Tensor) -> Tensor:
    luma = sum(share * images[:, channel : channel + 1] for channel, share in enumerate(_LUMA))
    assert isinstance(luma, Tensor)
    middle = luma[..., 1:-1, 1:-1]
    around = luma[..., :-2, 1:-1] + luma[..., 2:, 1:-1] + luma[..., 1:-1, :-2] + luma[..., 1:-1, 2:]
    return torch.sqrt(F.avg_pool2d((4 * middle - around) ** 2, WINDOW, STRIDE) + _FLOOR)
