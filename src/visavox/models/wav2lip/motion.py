"""The speech branch of the compact generator: sound → motion of the mouth → condition of the decoder.

A plain audio encoder learns from the picture loss alone what a sound does to a mouth, which takes far more
speech than a small data set has. Here the sound is first read as a few numbers that describe the mouth (see
`visavox.data.mouth_motion`), which can be taught directly from landmarks; the painter then only has to learn what
a mouth of that shape looks like, from the true shape of every training frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visavox.models.wav2lip.audio_encoder import MEL_BANDS

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
    """Temporal convolutions, each of which halves the time."""
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
        widths = [MEL_BANDS] + [config.channels] * config.num_layers
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(inputs, outputs, config.kernel, stride=2, padding=config.kernel // 2),
                nn.BatchNorm1d(outputs),
                nn.GELU(),
                nn.Dropout1d(config.dropout),
            )
            for inputs, outputs in pairwise(widths)
        )
        remaining = mel_window
        for _ in range(config.num_layers):
            remaining = (remaining + 1) // 2
        self.head = nn.Sequential(
            nn.Linear(config.channels * remaining, 2 * config.channels),
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
