"""The two blocks that every network of Wav2Lip is made of (Prajwal et al. 2020, published layout)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

Size = int | tuple[int, int]


class ConvBlock(nn.Module):
    """Convolution, batch normalisation, optional residual addition, ReLU.

    The addition comes after the normalisation and before the ReLU.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: Size, stride: Size = 1, padding: Size = 0, *, residual: bool = False
    ) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.BatchNorm2d(outputs))
        self.residual = residual

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H', W')."""
        out = self.conv_block(features)
        if self.residual:
            out = out + features
        return torch.relu(out)


class TransposedConvBlock(nn.Module):
    """Transposed convolution, batch normalisation, ReLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0
    ) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding, output_padding), nn.BatchNorm2d(outputs)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H', W')."""
        return torch.relu(self.conv_block(features))


def residual_blocks(channels: int, count: int) -> list[nn.Module]:
    """Make `count` residual 3x3 blocks of `channels` channels."""
    return [ConvBlock(channels, channels, 3, 1, 1, residual=True) for _ in range(count)]
