"""The convolutional block attention module in a residual block (Woo et al. 2018, CBAM)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FEWEST_HIDDEN = 4
"""The shared perceptron is never narrower than this."""
SPATIAL_KERNEL = 7
"""The kernel that the paper found best."""


class ChannelAttention(nn.Module):
    """Channel attention: sigmoid(MLP(mean) + MLP(max)), the same perceptron for both (CBAM, equation 2)."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(FEWEST_HIDDEN, channels // reduction)
        self.perceptron = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, H, W) to weights (B, channels, 1, 1) in (0, 1)."""
        pooled = torch.stack([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))])  # 2 B C
        return torch.sigmoid(self.perceptron(pooled).sum(dim=0))[:, :, None, None]


class SpatialAttention(nn.Module):
    """Spatial attention: sigmoid(7x7 convolution of mean and max over the channels) (CBAM, equation 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, SPATIAL_KERNEL, padding=SPATIAL_KERNEL // 2)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to weights (B, 1, H, W) in (0, 1)."""
        pooled = torch.cat([features.mean(dim=1, keepdim=True), features.amax(dim=1, keepdim=True)], dim=1)
        return torch.sigmoid(self.convolution(pooled))


class AttentionBlock(nn.Module):
    """A residual 3x3 block that weighs what it adds, by channel and then by place.

    Convolution, batch normalisation, both attentions, addition of the input, ReLU: Wav2Lip's residual block with CBAM
    inside its branch.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels))
        self.channel_attention = ChannelAttention(channels, reduction)
        self.spatial_attention = SpatialAttention()

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, H, W) to the same shape."""
        branch = self.conv_block(features)
        branch = branch * self.channel_attention(branch)
        return torch.relu(torch.addcmul(features, branch, self.spatial_attention(branch)))
