"""The expert of Wav2Lip (section 3.2): scores how well five mouths and 0.2 s of audio fit together."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from visavox.models.layers import ConvBlock, mel_encoder, residual_blocks


@dataclass(frozen=True)
class ExpertConfig:
    """Dimensions of the expert; the defaults are the published ones."""

    resolution: int = 96
    """Side of the face crop in pixels (96 or 128); the expert sees its lower half."""
    num_frames: int = 5
    """Consecutive video frames that are scored together, stacked on channels."""
    mel_window: int = 16
    """Mel frames that go with them."""
    mel_lead: int = 0
    """Mel frames that the window begins before the first of the video frames."""
    face_channels: tuple[int, ...] = (32, 64, 128, 256, 512, 512)
    """Channels of the stages of the face encoder."""
    audio_channels: tuple[int, ...] = (32, 64, 128, 256, 512)
    """Channels of the stages of the audio encoder; the last equals that of the face encoder."""
    face_residuals: tuple[int, ...] = (2, 3, 2, 2)
    """Residual blocks after the second to fifth stage of the face encoder."""
    dropout: float = 0.0
    """Share of the embedding that is dropped in training (not in the published network)."""


class Expert(nn.Module):
    """SyncNet with cosine similarity (the published `SyncNet_color`)."""

    def __init__(self, config: ExpertConfig | None = None) -> None:
        super().__init__()
        self.config = config or ExpertConfig()
        if self.config.resolution not in (96, 128):
            raise ValueError(f"a resolution of {self.config.resolution}; allowed are 96 and 128")
        if self.config.face_channels[-1] != self.config.audio_channels[-1]:
            raise ValueError("face and audio embeddings must have the same number of channels")
        first, second, third, fourth, fifth, last = self.config.face_channels
        # 96 pixels shrink to 3x3 and 128 to 4x4 before the last two layers.
        remaining = self.config.resolution // 32
        self.face_encoder = nn.Sequential(
            ConvBlock(3 * self.config.num_frames, first, 7, 1, 3),
            ConvBlock(first, second, 5, (1, 2), 1),
            *residual_blocks(second, self.config.face_residuals[0]),
            ConvBlock(second, third, 3, 2, 1),
            *residual_blocks(third, self.config.face_residuals[1]),
            ConvBlock(third, fourth, 3, 2, 1),
            *residual_blocks(fourth, self.config.face_residuals[2]),
            ConvBlock(fourth, fifth, 3, 2, 1),
            *residual_blocks(fifth, self.config.face_residuals[3]),
            ConvBlock(fifth, last, 3, 2, 1),
            ConvBlock(last, last, remaining, 1, 0),
            ConvBlock(last, last, 1, 1, 0),
        )
        self.audio_encoder = mel_encoder(
            self.config.audio_channels, mel_window=self.config.mel_window, last_residuals=2
        )
        self.dropout = nn.Dropout(self.config.dropout)

    def forward(self, mel: Tensor, mouths: Tensor) -> tuple[Tensor, Tensor]:
        """Embed audio and mouths.

        Args:
            mel: (B, 1, 80, W) in [-4, 4].
            mouths: (B, 3 * num_frames, H/2, W) RGB in [0, 1], lower halves of consecutive crops, frame by frame.

        Returns:
            audio and face embeddings, (B, D) each, of length one and without negative numbers, so that their
            inner product, the cosine, lies in [0, 1] and can be read as a probability.
        """
        audio = self.dropout(self.audio_encoder(mel).flatten(1))
        face = self.dropout(self.face_encoder(mouths).flatten(1))
        return F.normalize(audio, p=2, dim=1), F.normalize(face, p=2, dim=1)
