"""The semantic alignment module: every feature sees the whole face, and its statistics follow the speech."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from visavox.models.generator.fourier import FastFourierConvolution

EPSILON = 1e-5
"""Added to the variance of a channel, which may be 0."""


class AdaptiveInstanceNorm(nn.Module):
    """Gives each channel the mean and the deviation that the speech asks for (Huang & Belongie 2017, AdaIN).

    It begins with mean 0 and deviation 1 whatever is heard.
    """

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.affine = nn.Linear(condition, 2 * channels)
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """Normalise (B, channels, H, W), in float32, and scale and shift it by the condition (B, condition, 1, 1)."""
        scale, shift = self.affine(condition.flatten(1)).float()[:, :, None, None].chunk(2, dim=1)
        variance, mean = torch.var_mean(features.float(), dim=(2, 3), correction=0, keepdim=True)
        factor = (1 + scale) * torch.rsqrt(variance + EPSILON)
        return torch.addcmul(shift - mean * factor, features.float(), factor).to(features.dtype)


class SemanticAlignment(nn.Module):
    """Fast Fourier convolution, adaptive instance normalisation, addition of the input, ReLU."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.convolution = FastFourierConvolution(channels)
        self.norm = AdaptiveInstanceNorm(channels, condition)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """Align (B, channels, H, W) with the condition (B, condition, 1, 1)."""
        return torch.relu(features + self.norm(self.convolution(features), condition))
