"""Motion predictor of the speech branch: audio features → mouth motion.

A plain audio encoder learns from the image loss alone what speech does to a mouth, which takes far more
speech than a small data set has. The speech branch first predicts a few numbers that describe the mouth (see
`visavox.models.generator.motion_basis`), which can be taught directly from landmarks; the renderer then only has to
learn what a mouth of that shape looks like, from the true shape of every training frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from visavox.models.generator.spec import AudioSpec

FEATURE_SCALE = 4.0
"""Divisor of the features: the mel's numbers lie between minus and plus this."""
GATHERED = 4
"""Moments that the last of the dilated layers takes together."""
UNBOUNDED = -1e4
"""A lower bound that no motion, in standard deviations, ever meets."""


@dataclass(frozen=True)
class SpeechBranchConfig:
    """Dimensions of the speech branch."""

    num_motions: int = 11
    """Numbers that describe a mouth: its opening, and components of the shape of lips and chin."""
    channels: int = 128
    """Channels of the temporal convolutions."""
    num_layers: int = 4
    """Temporal convolutions, each of which halves the time; unused where there are `dilations`."""
    dilations: tuple[int, ...] = ()
    """Dilations of residual convolutions at half the rate of the features, in place of those that halve the time."""
    kernel: int = 5
    """Rows that each convolution sees."""
    dropout: float = 0.2
    """Share of channels dropped in training."""
    condition: int = 128
    """Channels of the condition that the decoder starts from."""


class MotionPredictor(nn.Module):
    """Predicts the motion of the mouth in the middle of a window of audio features.

    `gain` and `offset` calibrate the prediction: a least-squares prediction moves less than what it predicts,
    by about its correlation with it, and a mouth that moves half as far as it should looks asleep. `lowest` is what
    a closed mouth has, below which nothing is generated; `opening_scale` is one standard deviation of the opening of
    the lips, in distances between the outer eye corners. They are set once after training, the first two on speakers
    that were not trained on.
    """

    gain: Tensor
    offset: Tensor
    lowest: Tensor
    opening_scale: Tensor

    def __init__(self, config: SpeechBranchConfig, audio: AudioSpec) -> None:
        super().__init__()
        layers = _dilated_layers(config, audio.size) if config.dilations else _strided_layers(config, audio.size)
        self.layers = nn.ModuleList(layers)
        self.head = nn.Sequential(
            nn.Linear(_num_features(config, audio.window), 2 * config.channels),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(2 * config.channels, config.num_motions),
        )
        self.register_buffer("gain", torch.ones(config.num_motions))
        self.register_buffer("offset", torch.zeros(config.num_motions))
        self.register_buffer("lowest", torch.full((config.num_motions,), UNBOUNDED))
        self.register_buffer("opening_scale", torch.ones(()))

    def forward(self, features: Tensor) -> Tensor:
        """Map audio features (B, `size`, `window`) to mouth motion (B, num_motions), each of unit variance."""
        return torch.maximum(self.uncalibrated(features) * self.gain + self.offset, self.lowest)

    def uncalibrated(self, features: Tensor) -> Tensor:
        """Predict as `forward` does, in the least-squares sense: what is taught, before it is calibrated.

        Args:
            features: (B, `size`, `window`) audio features.

        Returns:
            (B, num_motions), unbounded, in standard deviations over the training speakers.
        """
        features = features / FEATURE_SCALE
        for layer in self.layers:
            features = layer(features)
        return self.head(features.flatten(1))

    def opening(self, motion: Tensor) -> Tensor:
        """Opening of the lips (B,) of motions (B, num_motions), in distances between the outer eye corners."""
        return (motion[:, 0] - self.lowest[0]) * self.opening_scale


class DilatedResidual(nn.Module):
    """A dilated convolution over time, and the way around it."""

    def __init__(self, config: SpeechBranchConfig, dilation: int) -> None:
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


def _strided_layers(config: SpeechBranchConfig, size: int) -> list[nn.Module]:
    """Build convolutions that each halve the time."""
    widths = [size] + [config.channels] * config.num_layers
    return [
        nn.Sequential(
            nn.Conv1d(inputs, outputs, config.kernel, stride=2, padding=config.kernel // 2),
            nn.BatchNorm1d(outputs),
            nn.GELU(),
            nn.Dropout1d(config.dropout),
        )
        for inputs, outputs in pairwise(widths)
    ]


def _dilated_layers(config: SpeechBranchConfig, size: int) -> list[nn.Module]:
    """Build convolutions that keep half the rate of the features until the last one gathers their results.

    They see the same window, but each moment of it at its own place: consonants that last a few rows are not
    averaged away before they are understood.
    """
    channels, padding = config.channels, config.kernel // 2
    first = nn.Sequential(
        nn.Conv1d(size, channels, config.kernel, stride=2, padding=padding), nn.BatchNorm1d(channels), nn.GELU()
    )
    gather = nn.Sequential(
        nn.Conv1d(channels, channels // 2, config.kernel, stride=GATHERED, padding=padding), nn.GELU()
    )
    return [first, *(DilatedResidual(config, dilation) for dilation in config.dilations), gather]


def _num_features(config: SpeechBranchConfig, window: int) -> int:
    """Return how many numbers the layers leave of a window: one moment of each stride, rounded up."""
    if config.dilations:
        return config.channels // 2 * -(-window // (2 * GATHERED))
    return config.channels * -(-window // 2**config.num_layers)
