"""The audio encoder of the motion VAE: speech features, two rows a frame, to what a face has to know of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROWS_PER_FRAME = 2
"""Rows of speech features, 50 a second, that belong to one video frame."""


@dataclass(frozen=True)
class SpeechEncoderConfig:
    """Dimensions of the audio encoder."""

    feature_size: int = 1024
    """Numbers in a row of speech features."""
    channels: int = 64
    """Channels of what it gives."""
    layers: int = 0
    """Gated residual convolutions behind the first one: how much context there is."""
    kernel: int = 5
    """Video frames under each of them; odd."""
    dropout: float = 0.0
    """Share of channels dropped in training."""


class GatedResidual(nn.Module):
    """Normalisation, a gated convolution, and the way around both."""

    def __init__(self, channels: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)
        self.gate = nn.Conv1d(channels, 2 * channels, kernel, padding=kernel // 2)
        self.output = nn.Conv1d(channels, channels, 1)
        self.dropout = nn.Dropout1d(dropout)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Map (B, channels, T) to (B, channels, T); mask (B, 1, T)."""
        signal, opened = self.gate(self.norm(features) * mask).chunk(2, dim=1)
        return (features + self.dropout(self.output(F.gelu(signal) * torch.sigmoid(opened)))) * mask


class SpeechEncoder(nn.Module):
    """Brings speech features to the rate of the video, and encodes them in their context.

    Both rows of a frame are used, where the published encoder leaves out every other one.
    """

    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        if config.kernel % 2 == 0:
            raise ValueError(f"the kernel of the speech encoder is {config.kernel}; it must be odd")
        self.config = config
        self.register_buffer("feature_mean", torch.zeros(config.feature_size))
        self.register_buffer("feature_scale", torch.ones(config.feature_size))
        self.first = nn.Conv1d(ROWS_PER_FRAME * config.feature_size, config.channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm1d(config.channels)
        self.context = nn.ModuleList(
            GatedResidual(config.channels, config.kernel, config.dropout) for _ in range(config.layers)
        )
        self.last = nn.Conv1d(config.channels, config.channels, 1 if config.layers else 3, padding="same")
        self.reach = 1 + config.layers * (config.kernel // 2) + (0 if config.layers else 1)
        """Video frames to either side that are heard."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Map speech features to (B, channels, T).

        Args:
            features: float32 (B, 2 T, feature_size).
            mask: (B, 1, T), 1 for frames that exist.
        """
        batch, rows, size = features.shape
        standard = (features - self.feature_mean) / self.feature_scale
        frames = standard.reshape(batch, rows // ROWS_PER_FRAME, ROWS_PER_FRAME * size).transpose(1, 2)
        speech = F.gelu(self.norm(self.first(frames * mask))) * mask
        for layer in self.context:
            speech = layer(speech, mask)
        return self.last(speech) * mask
