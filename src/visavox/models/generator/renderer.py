"""Renderers: from a condition, the target frame and references to the image of the face."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from visavox.models.generator.reference_warp import Layers, ReferenceWarp
from visavox.models.generator.spec import GeneratorSpec
from visavox.models.layers import ConvBlock

RESOLUTIONS = (96, 128, 192, 256)
"""Sides of the crops that the U-Net renderers can be built for, in pixels."""
FIRST_ALPHA = -2.0
"""Bias of alpha before its sigmoid: training begins with the reference as it is, one part in eight of the colours
over it."""


class Renderer(nn.Module, ABC):
    """Base of all renderers: a network that is built for one contract."""

    @abstractmethod
    def forward(self, condition: Tensor, targets: Tensor, references: Tensor) -> Tensor | Layers:
        """Render faces: B contexts of T frames, folded in the batch; T is 1 but in temporal networks.

        Args:
            condition: (B T, C, 1, 1), from the conditioner.
            targets: (B T, 3, H, W) RGB in [0, 1], with the region hidden (`RegionSpec.hide`).
            references: (B, 3 K, H, W) RGB in [0, 1], K images of the same face on channels.

        Returns:
            Images (B T, 3, H, W) RGB in [0, 1]; of a layered network the layers, of as many frames.
        """


@dataclass(frozen=True)
class UNetConfig:
    """Dimensions that all U-Net renderers have."""

    output_channels: int = 32
    """Channels before the last layer."""


class UNetRenderer(Renderer):
    """U-Net over the stacked target and references, whose decoder starts from the condition.

    A network of this kind renders one frame at a time.
    """

    output_block: nn.Sequential
    reference_warp: ReferenceWarp | None
    """Finds where in the first reference each pixel comes from; None in networks without layers."""

    def __init__(self, spec: GeneratorSpec) -> None:
        super().__init__()
        if spec.crop.size not in RESOLUTIONS:
            raise ValueError(f"a resolution of {spec.crop.size}; allowed are {sorted(RESOLUTIONS)}")
        if spec.context != 1:
            raise ValueError(
                f"a context of {spec.context} frames; {type(self).__name__} renders one frame at a time, give 1"
            )
        self.input_channels = 3 + 3 * spec.references

    def forward(self, condition: Tensor, targets: Tensor, references: Tensor) -> Tensor | Layers:
        """Render faces, as `Renderer.forward` says, with T = 1.

        Args:
            condition: (B, C, 1, 1).
            targets: (B, 3, H, H) RGB in [0, 1], with the region hidden (`RegionSpec.hide`).
            references: (B, 3 K, H, H) RGB in [0, 1], K images of the same face on channels.

        Returns:
            Images (B, 3, H, H) RGB in [0, 1]; of a layered network the layers.
        """
        features, flow_features = self.decode(condition, torch.cat([targets, references], dim=1))
        generated = self.output_block(features)
        if self.reference_warp is None:
            return generated
        return Layers(self.reference_warp(flow_features), generated[:, :3], generated[:, 3:])

    @abstractmethod
    def decode(self, condition: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of the last level, and of the level at a quarter of the resolution.

        Args:
            condition: (B, C, 1, 1).
            faces: (B, 3 + 3 K, H, H), targets and references.
        """

    def add_output(self, layered: bool, channels: int, flow_channels: int, output_channels: int) -> None:
        """Build what makes images of the two features that `decode` returns, of so many channels."""
        self.reference_warp = ReferenceWarp(flow_channels) if layered else None
        self.output_block = nn.Sequential(
            ConvBlock(channels, output_channels, 3, 1, 1),
            # Three colours, and over a warped reference their alpha.
            nn.Conv2d(output_channels, 4 if layered else 3, 1),
            nn.Sigmoid(),
        )
        if layered:
            last = self.output_block[1]
            assert isinstance(last, nn.Conv2d)
            assert last.bias is not None
            nn.init.constant_(last.bias[3:], FIRST_ALPHA)
