"""Renderers: from a condition, the target frame and references to the image of the face.

A renderer may warp the reference: sharp skin, beard and background for free, in a network too small to generate them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visavox.models.generator.spec import GeneratorSpec
from visavox.models.layers import ConvBlock

FLOW_HALVINGS = 2
"""The flow is found at a quarter of the resolution: lips and jaws move in pieces, not pixel by pixel."""
LARGEST_SHIFT = 0.3
"""Farthest that a pixel comes from, as a share of half the crop: a jaw dropped wide open."""
RESOLUTIONS = (96, 128, 192, 256)
"""Sides of the crops that the U-Net renderers can be built for, in pixels."""
FIRST_ALPHA = -2.0
"""Bias of alpha before its sigmoid: training begins with the reference as it is, one part in eight of the colours
over it."""


class Layers(NamedTuple):
    """Generated face before its layers are composited."""

    grid: Tensor
    """(B, H, W, 2) where in the reference each pixel comes from, x and y in [-1, 1] (`grid_sample`)."""
    colors: Tensor
    """(B, 3, H, W) RGB in [0, 1], generated."""
    alpha: Tensor
    """(B, 1, H, W) opacity of the colours over the warped reference, in [0, 1]."""

    def composite(self, reference: Tensor) -> Tensor:
        """Composite the colours over the warped reference: (B, 3, H, W) from a reference (B, 3, H, W).

        The reference may be larger than what the network saw: grid, colours and alpha grow with it, so that a
        face keeps its own sharpness wherever it is warped and not generated.
        """
        reference = reference.float()
        grid, colors, alpha = (
            _resized(layer.float(), reference.shape[-2:])
            for layer in (self.grid.permute(0, 3, 1, 2), self.colors, self.alpha)
        )
        # At its own size the reference is read as it was in training; a larger one is read more finely.
        mode = "bilinear" if reference.shape[-2:] == self.colors.shape[-2:] else "bicubic"
        warped = F.grid_sample(
            reference, grid.permute(0, 2, 3, 1), mode=mode, padding_mode="border", align_corners=False
        )
        return warped + alpha * (colors - warped)


def _resized(layer: Tensor, size: torch.Size) -> Tensor:
    if layer.shape[-2:] == size:
        return layer
    return F.interpolate(layer, size=size, mode="bicubic", align_corners=False)


class ReferenceWarp(nn.Module):
    """Predicts where each pixel comes from in the reference.

    The idea of motion transfer (Siarohin et al. 2019, First Order Motion Model), with the flow of the decoder's own
    features instead of keypoints. It starts as the identity.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.flow = nn.Conv2d(channels, 2, 3, padding=1)
        nn.init.zeros_(self.flow.weight)
        nn.init.zeros_(self.flow.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """Map features (B, channels, H/4, W/4) of the decoder to a sampling grid (B, H, W, 2) in [-1, 1]."""
        flow = LARGEST_SHIFT * torch.tanh(self.flow(features).float())
        flow = F.interpolate(flow, scale_factor=2**FLOW_HALVINGS, mode="bilinear", align_corners=False)
        batch, _, height, width = flow.shape
        still = torch.eye(2, 3, device=flow.device).expand(batch, 2, 3)
        return F.affine_grid(still, [batch, 1, height, width], align_corners=False) + flow.permute(0, 2, 3, 1)


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
