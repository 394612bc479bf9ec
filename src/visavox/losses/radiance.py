"""Losses of a radiance field, beside the colour of single pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import Tensor
from torch.nn import functional as F

from visavox.losses.perceptual import normalized_feature_distance

PatchDistance = Callable[[Tensor, Tensor], Tensor]
"""Distance (B,) between generated and true patches (B, 3, P, P), such as `visavox.losses.perceptual.LpipsLoss`."""


def color_error(generated: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error of colours (R, 3) in [0, 1] (GeneFace, equation 8)."""
    return F.mse_loss(generated.float(), truth)


def opacity_entropy(opacity: Tensor) -> Tensor:
    """Mean entropy of opacities (R,), in nats: 0 where every ray either passes or does not (RAD-NeRF's weight entropy).

    >>> round(float(opacity_entropy(torch.tensor([0.5]))), 3), round(float(opacity_entropy(torch.tensor([1.0]))), 3)
    (0.693, 0.0)
    """
    share = opacity.float().clamp(1e-5, 1 - 1e-5)
    return -(share * share.log() + (1 - share) * (1 - share).log()).mean()


def mask_error(opacity: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error of opacities (R,) where a mask (R,) in [0, 1] is sure of itself: below 0.1 or above 0.9.

    The edge of hair is left to the colours.
    """
    sure = ((mask < 0.1) | (mask > 0.9)).float()
    return (sure * (opacity.float() - mask) ** 2).sum() / sure.sum().clamp(min=1)


def change_outside(change: Tensor, in_face: Tensor) -> Tensor:
    """Mean over the rays outside the face of how much the motion of the face matters there.

    RAD-NeRF's ambient regularisation: it lets the motion move the face alone, not hair and ears.

    Args:
        change: (R,), 0 or more.
        in_face: bool (R,): rays through the box of the landmarks, which are left free.
    """
    outside = (~in_face).float()
    return (outside * change).sum() / outside.sum().clamp(min=1)


def feature_patch_distance(stages: Iterable[Callable[[Tensor], Tensor]], size: int) -> PatchDistance:
    """Compare patches by what a network that knows faces sees in them.

    Args:
        stages: of `visavox.models.perceptual.face_features.MouthPerceptualNet`, whose convolutions take images of any
            size.
        size: side that patches are brought to, so that a mouth is as large as in the crops that the network knows.

    Returns:
        a distance (B,) of patches (B, 3, H, W) in [0, 1].
    """

    def distance(generated: Tensor, truth: Tensor) -> Tensor:
        return normalized_feature_distance(_seen(stages, generated, size), _seen(stages, truth.detach(), size))

    return distance


def _seen(stages: Iterable[Callable[[Tensor], Tensor]], patches: Tensor, size: int) -> list[Tensor]:
    features = F.interpolate(patches.float(), size=(size, size), mode="bilinear", align_corners=False) * 2 - 1
    seen = []
    for stage in stages:
        features = stage(features)
        seen.append(features)
    return seen
