"""The speech branch of the compact generator: sound → motion of the mouth → condition of the decoder.

A plain audio encoder learns from the picture loss alone what a sound does to a mouth, which takes far more
speech than a small data set has. Here the sound is first read as a few numbers that describe the mouth (see
`visavox.data.generator.mouth_motion`), which can be taught directly from landmarks; the painter then only has to learn
what a mouth of that shape looks like, from the true shape of every training frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visavox.constants import NUM_MEL_BANDS

GATHERED = 4
"""Moments that the last of the dilated layers takes together."""
UNBOUNDED = -1e4
"""A lower bound that no motion, in standard deviations, ever meets."""


@dataclass(frozen=True)
class MotionConfig:
    """Dimensions of the speech branch."""

    num_motions: int = 11
    """Numbers that describe a mouth: its opening, and components of the shape of lips and chin."""
    channels: int = 128
    """Channels of the temporal convolutions."""
    num_layers: int = 4
    """Temporal convolutions, each of which halves the time; unused where there are `dilations`."""
    dilations: tuple[int, ...] = ()
    """Dilations of residual convolutions at half the rate of the mel, in place of those that halve the time."""
    kernel: int = 5
    """Mel frames that each convolution sees."""
    dropout: float = 0.2
    """Share of channels dropped in training."""
    condition: int = 128
    """Channels of the condition that the decoder starts from."""


class MotionPredictor(nn.Module):
    """Predicts the motion of the mouth in the middle of a mel window.

    `gain` and `offset` calibrate the prediction: a least-squares prediction moves less than what it predicts,
    by about its correlation with it, and a mouth that moves half as far as it should looks asleep. `lowest` is what
    a closed mouth has, below which nothing is painted; `opening_scale` is one standard deviation of the opening of the
    lips, in distances between the outer eye corners. They are set once after training, the first two on speakers that
    were not trained on.
    """

    gain: Tensor
    offset: Tensor
    lowest: Tensor
    opening_scale: Tensor

    def __init__(self, config: MotionConfig, mel_window: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_dilated_layers(config) if config.dilations else _strided_layers(config))
        self.head = nn.Sequential(
            nn.Linear(_num_features(config, mel_window), 2 * config.channels),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(2 * config.channels, config.num_motions),
        )
        self.register_buffer("gain", torch.ones(config.num_motions))
        self.register_buffer("offset", torch.zeros(config.num_motions))
        self.register_buffer("lowest", torch.full((config.num_motions,), UNBOUNDED))
        self.register_buffer("opening_scale", torch.ones(()))

    def forward(self, mel: Tensor) -> Tensor:
        """Map mel windows (B, 1, 80, W) in [-4, 4] to motions (B, num_motions), each of unit variance."""
        return torch.maximum(self.uncalibrated(mel) * self.gain + self.offset, self.lowest)

    def uncalibrated(self, mel: Tensor) -> Tensor:
        """Predict as `forward` does, in the least-squares sense: what is taught, before it is calibrated."""
        features = mel.squeeze(1) / 4
        for layer in self.layers:
            features = layer(features)
        return self.head(features.flatten(1))

    def opening(self, motion: Tensor) -> Tensor:
        """Opening of the lips (B,) of motions (B, num_motions), in distances between the outer eye corners."""
        return (motion[:, 0] - self.lowest[0]) * self.opening_scale


class DilatedResidual(nn.Module):
    """A dilated convolution over time, and the way around it."""

    def __init__(self, config: MotionConfig, dilation: int) -> None:
        super().__init__()
        channels = config.channels
        padding = dilation * (config.kernel // 2)
        self.layers = nn.Sequential(
            nn.Conv1d(channels, channels, config.kernel, padding=padding, dilation=dilation),
            nn.BatchNorm1d(channels),
            nn.GELU(),
            nn.Dropout1d(config.dropout),
            nn.Conv1d(channels, channels, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, T) to the same shape."""
        return features + self.layers(features)


def _strided_layers(config: MotionConfig) -> list[nn.Module]:
    """Convolutions that each halve the time."""
    widths = [NUM_MEL_BANDS] + [config.channels] * config.num_layers
    return [
        nn.Sequential(
            nn.Conv1d(inputs, outputs, config.kernel, stride=2, padding=config.kernel // 2),
            nn.BatchNorm1d(outputs),
            nn.GELU(),
            nn.Dropout1d(config.dropout),
        )
        for inputs, outputs in pairwise(widths)
    ]


def _dilated_layers(config: MotionConfig) -> list[nn.Module]:
    """Convolutions that keep half the rate of the mel until the last one gathers what they heard.

    They see the same window, but each moment of it at its own place: consonants that last a few mel frames are not
    averaged away before they are understood.
    """
    channels, padding = config.channels, config.kernel // 2
    first = nn.Sequential(
        nn.Conv1d(NUM_MEL_BANDS, channels, config.kernel, stride=2, padding=padding),
        nn.BatchNorm1d(channels),
        nn.GELU(),
    )
    gather = nn.Sequential(
        nn.Conv1d(channels, channels // 2, config.kernel, stride=GATHERED, padding=padding), nn.GELU()
    )
    return [first, *(DilatedResidual(config, dilation) for dilation in config.dilations), gather]


def _num_features(config: MotionConfig, mel_window: int) -> int:
    """Numbers that the layers leave of a window: a convolution leaves one moment of each stride, rounded up."""
    if config.dilations:
        return config.channels // 2 * -(-mel_window // (2 * GATHERED))
    return config.channels * -(-mel_window // 2**config.num_layers)


class MotionCondition(nn.Module):
    """Turns a motion into the 1x1 picture that the decoder starts from."""

    def __init__(self, config: MotionConfig) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(config.num_motions, config.condition),
            nn.SiLU(),
            nn.Linear(config.condition, config.condition),
            nn.SiLU(),
        )

    def forward(self, motion: Tensor) -> Tensor:
        """Map (B, num_motions) to (B, condition, 1, 1)."""
        return self.layers(motion)[:, :, None, None]


class Modulation(nn.Module):
    """Feature-wise scale and shift by the condition (Perez et al. 2018, FiLM), at one level of the decoder.

    Without it the condition enters at the 1x1 bottom only and fades on its way up through the skip connections.
    """

    def __init__(self, condition: int, channels: int) -> None:
        super().__init__()
        self.affine = nn.Linear(condition, 2 * channels)
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """Modulate (B, channels, H, W) by the condition (B, condition, 1, 1)."""
        scale, shift = self.affine(condition.flatten(1))[:, :, None, None].chunk(2, dim=1)
        return F.relu(features * (1 + scale) + shift)
