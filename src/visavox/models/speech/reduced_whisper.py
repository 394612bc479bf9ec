"""Whisper's first layers, with their rows reduced to a few uncorrelated numbers.

The 512 numbers of a row are far from independent, and of very different sizes. Projected on the directions in which
speech differs most, each divided by its standard deviation, 128 of them tell nearly all that networks behind them can
use: these learn faster, and prepared features take a quarter of the room.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from visavox.models.speech.whisper_encoder import WhisperEncoder, WhisperEncoderConfig


@dataclass(frozen=True)
class ReducedWhisperConfig:
    """Dimensions of the encoder and of what is left of its rows."""

    encoder: WhisperEncoderConfig = field(default_factory=WhisperEncoderConfig)
    """Dimensions of Whisper's layers."""
    columns: int = 128
    """Numbers of a row."""

    def __post_init__(self) -> None:
        """Refuse rows that are longer than those of the encoder.

        Raises:
            ValueError: they are.
        """
        if not 1 <= self.columns <= self.encoder.channels:
            raise ValueError(f"{self.columns} columns; give 1 to {self.encoder.channels}, the encoder's channels")


class ReducedWhisper(nn.Module):
    """Encoder of speech: the log-mel of Whisper in, 50 rows a second out."""

    def __init__(self, config: ReducedWhisperConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = WhisperEncoder(config.encoder)
        self.projection = nn.Linear(config.encoder.channels, config.columns)

    def forward(self, mel: Tensor) -> Tensor:
        """Map a mel (B, `mel_bands`, M), M even, to rows (B, M / 2, `columns`), of unit variance over speech.

        Raises:
            ValueError: there are more rows than the encoder has positions.
        """
        rows: Tensor = self.projection(self.encoder(mel))
        return rows

    @torch.no_grad()
    def fit(self, rows: np.ndarray) -> float:
        """Set the projection to the principal components of an encoder's rows, each of unit variance.

        Args:
            rows: float (K, `channels`), K well above `channels`.

        Returns:
            Share of their variance that the components hold.
        """
        wide = rows.astype(np.float64)
        mean = wide.mean(axis=0)
        variances, directions = np.linalg.eigh(np.cov((wide - mean).T))
        largest = slice(-1, -self.config.columns - 1, -1)
        weight = (directions[:, largest] / np.sqrt(variances[largest])).T
        self.projection.weight.copy_(torch.from_numpy(weight))
        self.projection.bias.copy_(torch.from_numpy(-weight @ mean))
        return float(variances[largest].sum() / variances.sum())
