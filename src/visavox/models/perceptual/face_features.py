"""Face features: a network that knows mouths gives features to compare images by, and the motion of the mouth.

Where no ImageNet weights can be had, this takes the place of the feature stacks of LPIPS, and it is never called so.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visavox.models.layers import ConvBlock


@dataclass(frozen=True)
class MouthPerceptualNetConfig:
    """Dimensions of the face features."""

    resolution: int = 128
    """Side of the face crop in pixels; the network sees its lower half."""
    channels: tuple[int, ...] = (16, 32, 64, 96)
    """Channels of the stages; each halves the image."""
    num_motions: int = 8
    """Numbers that describe a mouth."""

    def __post_init__(self) -> None:
        """Check that the image can be halved as often as there are stages."""
        smallest = 2 ** (len(self.channels) + 1)
        if not self.channels or self.resolution % smallest:
            raise ValueError(
                f"a resolution of {self.resolution} cannot be halved for {len(self.channels)} stages; give a multiple "
                f"of {smallest}"
            )


class MouthPerceptualNet(nn.Module):
    """Perceptual network of the lower half of a face: features at several scales, and mouth motion."""

    def __init__(self, config: MouthPerceptualNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or MouthPerceptualNetConfig()
        inputs = (3, *self.config.channels)
        self.stages = nn.ModuleList(
            nn.Sequential(ConvBlock(before, after, 4, 2, 1), ConvBlock(after, after, 3, 1, 1, residual=True))
            for before, after in zip(inputs, self.config.channels, strict=False)
        )
        side = self.config.resolution >> len(self.config.channels)
        self.motion = nn.Linear(self.config.channels[-1] * side * (side // 2), self.config.num_motions)

    def forward(self, faces: Tensor) -> tuple[list[Tensor], Tensor]:
        """Extract features and mouth motion.

        Args:
            faces: (B, 3, H, H) RGB in [0, 1].

        Returns:
            features: of each stage, (B, C, H/4, H/2), (B, C', H/8, H/4), ... motion: (B, num_motions), in the terms
            of the motion basis that it was trained with.
        """
        features = faces[..., faces.shape[-2] // 2 :, :] * 2 - 1
        outputs = []
        for stage in self.stages:
            features = stage(features)
            outputs.append(features)
        return outputs, self.motion(features.flatten(1))


class FaceDecoder(nn.Module):
    """Renders the lower half of a face from the last features alone, so that they must hold what it looks like.

    Only needed while the features are trained.
    """

    def __init__(self, config: MouthPerceptualNetConfig) -> None:
        super().__init__()
        channels = config.channels[::-1]
        self.stages = nn.ModuleList(ConvBlock(before, after, 3, 1, 1) for before, after in itertools.pairwise(channels))
        self.colors = nn.Conv2d(channels[-1], 3, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Map the features of the last stage to lower halves (B, 3, H/2, H) RGB in [0, 1]."""
        for stage in self.stages:
            features = stage(F.interpolate(features, scale_factor=2.0, mode="nearest"))
        return torch.sigmoid(self.colors(F.interpolate(features, scale_factor=2.0, mode="nearest")))
