"""The SyncNet of Chung & Zisserman ("Out of time: automated lip sync in the wild", 2016), for LSE-D and LSE-C.

Two streams that were trained to put 0.2 s of audio and the five frames seen with it near each other. The names of its
parameters are those of the published file `syncnet_v2.model`.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class SyncNetConfig:
    """Dimensions of the SyncNet; only the last number is not fixed by the images of 224 pixels."""

    embedding_size: int = 1024
    """Numbers that stand for a window of audio or of images."""


RESOLUTION = 224
"""Side of the images in pixels."""
NUM_FRAMES = 5
"""Consecutive images, at 25 a second, that are scored together."""
MFCC_WINDOW = 20
"""MFCC frames (10 ms) that go with them; an image lasts four."""
HIDDEN = 512


class SyncNet(nn.Module):
    """The published network; it compares by the Euclidean distance of embeddings that are not normalised."""

    def __init__(self, config: SyncNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or SyncNetConfig()
        self.netcnnaud = _audio_stream()
        self.netfcaud = _head(self.config.embedding_size)
        self.netfclip = _head(self.config.embedding_size)
        self.netcnnlip = _lip_stream()

    def forward(self, mfcc: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        """Embed audio and images; arguments as `embed_audio` and `embed_lips`.

        Returns:
            embeddings of audio and of lips, (B, D) each.
        """
        return self.embed_audio(mfcc), self.embed_lips(images)

    def embed_audio(self, mfcc: Tensor) -> Tensor:
        """Embed audio (B, D) from MFCCs, (B, 1, 13, 20), as `visavox.audio.features.mfcc` computes them."""
        return self.netfcaud(self.netcnnaud(mfcc).flatten(1))

    def embed_lips(self, images: Tensor) -> Tensor:
        """Embed five images (B, D) from (B, 3, 5, 224, 224): RGB, and from **0 to 255**, as it was trained."""
        return self.netfclip(self.netcnnlip(images).flatten(1))


def _audio_stream() -> nn.Sequential:
    """(B, 1, 13, 20) to (B, 512, 1, 1)."""
    return nn.Sequential(
        *_layer(nn.Conv2d(1, 64, 3, padding=1)),
        nn.MaxPool2d(1, 1),  # changes nothing; it has a place in the numbering
        *_layer(nn.Conv2d(64, 192, 3, padding=1)),
        nn.MaxPool2d(3, (1, 2)),
        *_layer(nn.Conv2d(192, 384, 3, padding=1)),
        *_layer(nn.Conv2d(384, 256, 3, padding=1)),
        *_layer(nn.Conv2d(256, 256, 3, padding=1)),
        nn.MaxPool2d(3, 2),
        *_layer(nn.Conv2d(256, HIDDEN, (5, 4))),
    )


def _lip_stream() -> nn.Sequential:
    """(B, 3, 5, 224, 224) to (B, 512, 1, 1, 1); time is gone after the first layer."""
    return nn.Sequential(
        *_layer(nn.Conv3d(3, 96, (5, 7, 7), (1, 2, 2))),
        nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
        *_layer(nn.Conv3d(96, 256, (1, 5, 5), (1, 2, 2), (0, 1, 1))),
        nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        *_layer(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
        *_layer(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
        *_layer(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
        nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
        *_layer(nn.Conv3d(256, HIDDEN, (1, 6, 6))),
    )


def _head(embedding_size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(HIDDEN, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, embedding_size)
    )


def _layer(convolution: nn.Conv2d | nn.Conv3d) -> tuple[nn.Module, ...]:
    """A convolution with what follows each of them."""
    norm = nn.BatchNorm3d if isinstance(convolution, nn.Conv3d) else nn.BatchNorm2d
    return convolution, norm(convolution.out_channels), nn.ReLU()
