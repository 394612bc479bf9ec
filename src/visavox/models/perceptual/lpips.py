"""The distance itself: features of two images, made comparable, subtracted, and weighed channel by channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from visavox.models.perceptual.lpips_features import STACKS, FeatureStack

MINIMUM_SIDE = 32
"""Pixels: of a smaller image nothing is left after the poolings."""

_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
"""ImageNet's mean and standard deviation, moved from [0, 1] to [-1, 1]."""

_EPSILON = 1e-10
"""Added to the length of a feature vector, which may be zero."""

_ROUNDING = 1e-2
"""Tolerance of numbers outside [0, 1]: bfloat16 and resampling overshoot."""


class Lpips(nn.Module):
    """LPIPS version 0.1 (Zhang et al. 2018, equation 1), as a loss or as a metric.

        d(x, y) = sum over taps l of the mean over places of sum_c w_lc (x^_lc - y^_lc)^2

    where x^_l are the features of tap l divided by their length at each place, and w_l >= 0 were learned from
    people's judgements of which of two images is closer to a third.

    Its numbers are random until `visavox.weights.lpips.load_lpips` has loaded them. They are frozen; gradients
    flow to the images. Under autocast the stack runs in the half precision, the rest in float32.

    Args:
        network: alex, vgg or squeeze.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, network: str = "alex") -> None:
        super().__init__()
        self.network = network
        self.stack: FeatureStack = STACKS[network]()
        self.weights = nn.ParameterList([nn.Parameter(torch.rand(count)) for count in self.stack.channels])
        self.register_buffer("shift", torch.tensor(_SHIFT)[:, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor(_SCALE)[:, None, None], persistent=False)
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Lpips:
        """Stay in eval mode: the network that judges does not learn with the one that is judged."""
        return super().train(False)

    def forward(self, painted: Tensor, truth: Tensor) -> Tensor:
        """Measure the distance of each pair of images.

        Args:
            rendered: (B, 3, H, W) RGB, floating point, in [0, 1]; sides of 32 pixels or more.
            truth: the same.

        Returns:
            (B,) float32: 0 for equal images, about 0.1 for a slight and 0.7 for a heavy distortion.

        Raises:
            ValueError: shape, type or range are others. An image in [-1, 1] or 0-255 would give a number too, but
                not this distance.
        """
        _check(painted, truth)
        total = painted.new_zeros(len(painted), dtype=torch.float32)
        for one, other, weight in zip(self.features(painted), self.features(truth), self.weights, strict=True):
            # Multiplied out: as a product of matrices autocast would take it to half precision.
            total = total + (weight[:, None, None] * (one - other) ** 2).sum(dim=1).mean(dim=(1, 2))
        return total

    def features(self, pictures: Tensor) -> list[Tensor]:
        """Return the features of every tap, float32 (B, C, h, w), of length one at each place.

        Args:
            images: (B, 3, H, W) RGB in [0, 1].
        """
        scaled = (2 * pictures.float() - 1 - self.shift) / self.scale
        found = [features.float() for features in self.stack(scaled)]
        # vector_norm, because its gradient at zero is zero and that of sqrt(sum of squares) is not a number.
        return [each / (torch.linalg.vector_norm(each, dim=1, keepdim=True) + _EPSILON) for each in found]


def _check(painted: Tensor, truth: Tensor) -> None:
    if painted.shape != truth.shape:
        raise ValueError(f"pictures of one shape are compared, got {tuple(painted.shape)} and {tuple(truth.shape)}")
    for pictures in (painted, truth):
        if pictures.ndim != 4 or pictures.shape[1] != 3 or min(pictures.shape[2:]) < MINIMUM_SIDE:
            raise ValueError(
                f"pictures are (B, 3, H, W) RGB with sides of {MINIMUM_SIDE} or more, got {tuple(pictures.shape)}"
            )
        if not pictures.is_floating_point():
            raise ValueError(f"pictures are floating point in [0, 1], got {pictures.dtype}")
        low, high = (float(value) for value in torch.aminmax(pictures.detach()))
        if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):
            raise ValueError(f"pictures lie in [0, 1], got {low:.3g} to {high:.3g}")
