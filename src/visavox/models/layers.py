"""Layers that several networks share: the blocks and the mel encoder of Wav2Lip (Prajwal et al. 2020)."""

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


MEL_WINDOWS = {16: 0, 32: 1, 64: 2}
"""Mel frames of a window, and how often the first stages halve them."""


def mel_encoder(channels: tuple[int, ...], *, mel_window: int, last_residuals: int) -> nn.Sequential:
    """Build the mel encoder of Wav2Lip's generator and expert, (B, 1, 80, W) -> (B, channels[-1], 1, 1).

    Args:
        channels: outputs of the five stages, in the reference (32, 64, 128, 256, 512).
        mel_window: W; 16 in the reference, or 32 and 64, for which the first stages also halve the time.
        last_residuals: residual blocks of the fourth stage: 1 in the generator, 2 in the expert.

    Raises:
        ValueError: the window is none of 16, 32, 64.
    """
    if mel_window not in MEL_WINDOWS:
        raise ValueError(f"a mel window of {mel_window} frames; allowed are {sorted(MEL_WINDOWS)}")
    first, second, third, fourth, last = channels
    halvings = MEL_WINDOWS[mel_window]
    time_strides = [2] * halvings + [1] * (2 - halvings)
    return nn.Sequential(
        ConvBlock(1, first, 3, (1, time_strides[0]), 1),
        *residual_blocks(first, 2),
        ConvBlock(first, second, 3, (3, time_strides[1]), 1),
        *residual_blocks(second, 2),
        ConvBlock(second, third, 3, 3, 1),
        *residual_blocks(third, 2),
        ConvBlock(third, fourth, 3, (3, 2), 1),
        *residual_blocks(fourth, last_residuals),
        ConvBlock(fourth, last, 3, 1, 0),
        ConvBlock(last, last, 1, 1, 0),
    )
