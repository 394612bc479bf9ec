"""Layers that several networks share, and the folding of their batch normalisation.

Blocks and mel encoder are those of Wav2Lip (Prajwal et al. 2020). The networks of motion are made of one-dimensional
convolutions. The gated stack is that of WaveNet (van den Oord et al., "WaveNet: A Generative Model for Raw Audio",
2016), looking to both sides and, as in WaveGlow and VITS, given its condition at every layer.
"""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Size = int | tuple[int, int]
Module = TypeVar("Module", bound=nn.Module)
MEL_WINDOWS = {16: 0, 32: 1, 64: 2}
"""Mel frames of a window, and how often the first stages halve them."""
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


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


class TemporalBlock(nn.Module):
    """Convolution over time, batch normalisation and ReLU; with a shortcut where input and output have one shape."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, slope: float = 0.0) -> None:
        """Build the block.

        Args:
            inputs: channels that come in.
            outputs: channels that go out.
            kernel: frames seen, odd.
            stride: frames from one output to the next.
            slope: of the negative side of the ReLU.
        """
        super().__init__()
        self.convolution = nn.Conv1d(inputs, outputs, kernel, stride=stride, padding=kernel // 2)
        self.normalisation = nn.BatchNorm1d(outputs)
        self.activation = nn.LeakyReLU(slope) if slope else nn.ReLU()
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs, T) to (B, outputs, ceil(T / stride))."""
        changed = self.normalisation(self.convolution(features))
        return self.activation(changed + features if self.has_shortcut else changed)


class GatedStack(nn.Module):
    """Convolutions with tanh-sigmoid gates, residual and skip connections, and a condition at every layer.

    Frames outside the mask are zeros at every layer, so what a sequence gives does not depend on how far it is padded.

    Args:
        channels: of input, residual path and output.
        condition: channels of the condition.
        kernel: frames under each convolution; odd.
        num_layers: convolutions.
        dilation_growth: factor from the dilation of one layer to that of the next; 1 for none.
        dropout: share of channels dropped behind each gate in training.
    """

    def __init__(
        self,
        channels: int,
        condition: int,
        *,
        kernel: int,
        num_layers: int,
        dilation_growth: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"the kernel is {kernel}; it must be odd, to reach as far to either side")
        self.channels = channels
        self.reach = sum(dilation_growth**layer * (kernel // 2) for layer in range(num_layers))
        """Frames to either side that a frame of the output depends on."""
        self.condition = nn.Conv1d(condition, 2 * channels * num_layers, 1)
        self.gates = nn.ModuleList(
            nn.Conv1d(
                channels,
                2 * channels,
                kernel,
                dilation=dilation_growth**layer,
                padding=dilation_growth**layer * (kernel // 2),
            )
            for layer in range(num_layers)
        )
        # The last layer has nobody to pass a residual on to.
        self.outputs = nn.ModuleList(
            nn.Conv1d(channels, channels if layer == num_layers - 1 else 2 * channels, 1) for layer in range(num_layers)
        )
        self.dropout = nn.Dropout1d(dropout)

    def forward(self, features: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """Map (B, channels, T) to (B, channels, T), the sum of the skip connections.

        Args:
            features: (B, channels, T).
            condition: (B, condition, T).
            mask: (B, 1, T), 1 for frames that exist, 0 for padding.
        """
        conditions = self.condition(condition).chunk(len(self.gates), dim=1)
        skips = torch.zeros_like(features)
        for gate, output, shift in zip(self.gates, self.outputs, conditions, strict=True):
            signal, opened = (gate(features * mask) + shift).chunk(2, dim=1)
            result = output(self.dropout(torch.tanh(signal) * torch.sigmoid(opened)))
            skips = skips + result[:, -self.channels :]
            if result.shape[1] > self.channels:
                features = features + result[:, : self.channels]
        return skips * mask


def fold_batch_norm(module: Module) -> Module:
    """Return a copy of a network in eval mode in which no batch normalisation follows a convolution.

    Every `nn.Sequential` in it is searched for a convolution (or its transpose) directly followed by a batch
    normalisation; the pair becomes one convolution. Outputs agree with the original's to float32 rounding.

    Raises:
        ValueError: the network is in training mode, where a normalisation depends on the batch.
    """
    if any(part.training for part in module.modules()):
        raise ValueError("only a network in eval mode can be folded; call .eval() first")
    folded = copy.deepcopy(module)
    for part in list(folded.modules()):
        if isinstance(part, nn.Sequential):
            _fold_sequence(part)
    return folded


def _fold_sequence(sequence: nn.Sequential) -> None:
    names = list(sequence._modules)
    for first, second in pairwise(names):
        convolution, norm = sequence._modules[first], sequence._modules[second]
        if not isinstance(norm, _NORMS) or norm.running_mean is None:
            continue
        if isinstance(convolution, _CONVOLUTIONS + _TRANSPOSED):
            fused = fuse_conv_bn_eval(convolution, norm, transpose=isinstance(convolution, _TRANSPOSED))
            sequence._modules[first] = fused
            # Replaced, not removed: the places of what follows stay the same.
            sequence._modules[second] = nn.Identity()
