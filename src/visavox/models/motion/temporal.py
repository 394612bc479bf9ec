"""The one-dimensional convolutions that the networks of motion are made of."""

from __future__ import annotations

from torch import Tensor, nn


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
