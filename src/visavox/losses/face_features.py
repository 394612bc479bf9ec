"""Similarity of two faces to a network that knows faces, in the form of LPIPS but not in its name."""

from __future__ import annotations

import torch
from torch import Tensor


def normalized_feature_distance(painted: list[Tensor], truth: list[Tensor]) -> Tensor:
    """Squared distance between features of length one (Zhang et al. 2018, equation 1, with all weights one).

    Args:
        painted: features (B, C, H, W) of each stage.
        truth: the same of the true pictures.

    Returns:
        (B,) mean over the stages of the mean over positions; 0 for the same picture, at most 4.
    """
    distances = []
    for one, other in zip(painted, truth, strict=True):
        difference = _unit_length(one.float()) - _unit_length(other.float())
        distances.append((difference**2).sum(dim=1).mean(dim=(1, 2)))
    return torch.stack(distances).mean(dim=0)


def reading_distance(painted: Tensor, truth: Tensor) -> Tensor:
    """Smooth L1 between the motions of the mouth that are read from painted and from true pictures.

    The pixels of a mouth that opens too little are nearly right everywhere but where it matters; what is read from
    them is not. Beyond one standard deviation the distance grows linearly, so that one misread frame does not rule.

    Args:
        painted: (B, K) motions.
        truth: (B, K); no gradient flows into it.
    """
    return torch.nn.functional.smooth_l1_loss(painted.float(), truth.detach().float())


def _unit_length(features: Tensor) -> Tensor:
    # Added inside the root: the gradient of a length is infinite at zero, and rectified features are often zero.
    return features / torch.sqrt((features**2).sum(dim=1, keepdim=True) + 1e-6)
