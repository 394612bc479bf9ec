"""First layers of Whisper's audio encoder (Radford et al. 2023, "Robust Speech Recognition via Large-Scale Weak
Supervision", section 2.2).

The middle layers of an encoder that was taught to recognise words know which phonemes are spoken, whoever speaks and
whatever else is recorded. Later layers know more of words and less of what lips do, so the network ends early.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visavox.audio.features.mel import mel_filters

FFT_SIZE = 400
"""Samples under one (Hann) window: 25 ms."""
HOP_SIZE = 160
"""Samples from one mel frame to the next: 10 ms."""
HIGHEST_FREQUENCY = 8000.0
"""Upper edge of the highest band, Hz."""
STRIDE = 2
"""Mel frames of one row."""
_MIN_POWER = 1e-10
"""Powers below this are taken as this."""
_DYNAMIC_RANGE = 8.0
"""Powers of ten between the loudest and the softest number of a mel: 80 dB."""
_LONGEST_WAVE = 10_000.0
"""Ratio of the longest to the shortest wavelength of the positions."""


@dataclass(frozen=True)
class WhisperEncoderConfig:
    """Dimensions of the encoder; the defaults are those of Whisper base, to its third layer."""

    mel_bands: int = 80
    """Bands of the mel: 80, or 128 of large-v3."""
    channels: int = 512
    """Channels C of every row."""
    heads: int = 8
    """Heads of the attention."""
    layers: int = 3
    """Transformer layers that are computed, from the first on."""
    positions: int = 1500
    """Rows that the network can tell the place of: 30 s."""

    def __post_init__(self) -> None:
        """Refuse dimensions that do not fit each other.

        Raises:
            ValueError: they do not.
        """
        if self.channels % self.heads:
            raise ValueError(f"{self.channels} channels do not divide into {self.heads} heads")


class WhisperEncoder(nn.Module):
    """Encoder of speech: 100 mel frames a second in, 50 rows a second out, as deep as `config.layers`.

    The final normalisation of Whisper belongs to its last layer and is not applied.
    """

    def __init__(self, config: WhisperEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.convolution_1 = nn.Conv1d(config.mel_bands, config.channels, 3, padding=1)
        self.convolution_2 = nn.Conv1d(config.channels, config.channels, 3, stride=STRIDE, padding=1)
        self.blocks = nn.ModuleList(WhisperBlock(config.channels, config.heads) for _ in range(config.layers))

    def forward(self, mel: Tensor) -> Tensor:
        """Encode the mel of at most 30 s.

        Args:
            mel: (B, `mel_bands`, M) as `whisper_mel` gives it, M even and at most 3000.

        Returns:
            (B, M / 2, C), row k centred on mel frame 2 k.

        Raises:
            ValueError: there are more rows than positions.
        """
        rows = F.gelu(self.convolution_1(mel))
        rows = F.gelu(self.convolution_2(rows)).transpose(1, 2)
        if rows.shape[1] > self.config.positions:
            raise ValueError(
                f"a mel of {mel.shape[-1]} frames; the encoder takes up to {STRIDE * self.config.positions}"
            )
        rows = rows + positions(rows.shape[1], self.config.channels).to(rows)
        for block in self.blocks:
            rows = block(rows)
        return rows


class WhisperBlock(nn.Module):
    """Transformer layer that normalises before attention and before the feed-forward network."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(channels)
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.attention_output = nn.Linear(channels, channels)
        self.feed_forward_norm = nn.LayerNorm(channels)
        self.feed_forward = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (B, K, C) to the same shape."""
        rows = rows + self._attend(self.attention_norm(rows))
        return rows + self.feed_forward(self.feed_forward_norm(rows))

    def _attend(self, rows: Tensor) -> Tensor:
        split = self.query_key_value(rows).unflatten(-1, (3, self.heads, -1))  # (B, K, 3, heads, C / heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value)
        return self.attention_output(attended.transpose(1, 2).flatten(2))


def positions(count: int, channels: int) -> Tensor:
    """Return Whisper's positions, float32 (count, channels): sines, then cosines, of wavelengths in geometric order."""
    half = channels // 2
    frequencies = torch.exp(-math.log(_LONGEST_WAVE) / (half - 1) * torch.arange(half))
    angles = torch.arange(count)[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def whisper_mel(samples: Tensor, bands: int = 80) -> Tensor:
    """Compute the log-mel of Whisper.

    Args:
        samples: float32 (N,), 16 kHz mono in [-1, 1], N > 200.
        bands: bands of the mel: 80 of most Whispers, 128 of large-v3.

    Returns:
        float32 (bands, N // 160): frame m is centred on sample 160 m; past both ends the audio is reflected. Numbers
        are logarithms of power to base 10, cut 8 below the loudest of all, plus 4, divided by 4.
    """
    window = torch.hann_window(FFT_SIZE, dtype=samples.dtype, device=samples.device)
    spectrum = torch.stft(samples, FFT_SIZE, HOP_SIZE, window=window, return_complex=True)
    filters = torch.from_numpy(mel_filters(FFT_SIZE, bands, 0.0, HIGHEST_FREQUENCY)).to(samples)
    power = filters @ spectrum[:, :-1].abs() ** 2
    logarithm = power.clamp(min=_MIN_POWER).log10()
    return (torch.maximum(logarithm, logarithm.max() - _DYNAMIC_RANGE) + 4) / 4
