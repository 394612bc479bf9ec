"""Perceptual losses: difference of a generated face from the true one, to networks that know images or faces."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from visavox.models.perceptual import Lpips
from visavox.types import PathLike
from visavox.weights import load_lpips


class LpipsLoss(nn.Module):
    """LPIPS as a loss (Zhang et al. 2018; in place of a discriminator in LPIPS-AttnWav2Lip).

    Frozen, and in eval mode for good.

    Args:
        distance: as `visavox.weights.published_weights.load_lpips` gives it.
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

    def forward(self, generated: Tensor, truth: Tensor) -> Tensor:
        """Return the distance of every pair, float32 (B,).

        Args:
            generated: (B, 3, H, W) RGB in [0, 1]; gradients flow to it.
            truth: the same; no gradient flows to it.
        """
        distance: Tensor = self.distance(generated, truth.detach())
        return distance


def normalized_feature_distance(generated: list[Tensor], truth: list[Tensor]) -> Tensor:
    """Squared distance between features of length one (Zhang et al. 2018, equation 1, with all weights one).

    The form of LPIPS on a network that knows faces; it is not LPIPS, whose weights were learned from what
    people find alike.

    Args:
        generated: features (B, C, H, W) of each stage.
        truth: the same of the true images.

    Returns:
        (B,) mean over the stages of the mean over positions; 0 for the same image, at most 4.
    """
    distances = []
    for one, other in zip(generated, truth, strict=True):
        difference = _unit_length(one.float()) - _unit_length(other.float())
        distances.append((difference**2).sum(dim=1).mean(dim=(1, 2)))
    return torch.stack(distances).mean(dim=0)


def mouth_motion_distance(generated: Tensor, truth: Tensor) -> Tensor:
    """Smooth L1 between the mouth motions that a network extracts from generated and from true images.

    The pixels of a mouth that opens too little are nearly right everywhere but where it matters; what is extracted
    from them is not. Beyond one standard deviation the distance grows linearly, so that no single bad frame dominates.

    Args:
        generated: (B, K) motions.
        truth: (B, K); no gradient flows into it.
    """
    return torch.nn.functional.smooth_l1_loss(generated.float(), truth.detach().float())


def _unit_length(features: Tensor) -> Tensor:
    # Added inside the root: the gradient of a length is infinite at zero, and rectified features are often zero.
    return features / torch.sqrt((features**2).sum(dim=1, keepdim=True) + 1e-6)
