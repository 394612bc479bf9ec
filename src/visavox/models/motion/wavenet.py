"""The stack of gated convolutions that all parts of the motion VAE are made of.

That of WaveNet (van den Oord et al., "WaveNet: A Generative Model for Raw Audio", 2016), looking to both sides and,
like that of WaveGlow and VITS, told at every layer what it is conditioned on.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
            raise ValueError(f"the kernel is {kernel}; it must be odd, to look as far to either side")
        self.channels = channels
        self.reach = sum(dilation_growth**layer * (kernel // 2) for layer in range(num_layers))
        """Frames to either side that a frame of the output hears."""
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
        for gate, output, told in zip(self.gates, self.outputs, conditions, strict=True):
            signal, opened = (gate(features * mask) + told).chunk(2, dim=1)
            result = output(self.dropout(torch.tanh(signal) * torch.sigmoid(opened)))
            skips = skips + result[:, -self.channels :]
            if result.shape[1] > self.channels:
                features = features + result[:, : self.channels]
        return skips * mask
