"""Renderer of Wav2Lip (Prajwal et al. 2020, section 3.4), and the compact variant of it.

`Wav2LipConfig()` is the published network, key for key, with an `AudioEncoder` as its conditioner. The same class takes
other widths and resolutions, and feature-wise modulation of its decoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visavox.models.generator.renderer import FLOW_HALVINGS, UNetConfig, UNetRenderer
from visavox.models.generator.spec import GeneratorSpec
from visavox.models.layers import ConvBlock, TransposedConvBlock, residual_blocks

HALVINGS = {96: (5, 3), 128: (5, 4), 192: (6, 3), 256: (6, 4)}
"""Resolution to how often it is halved, and what side is left then."""


@dataclass(frozen=True)
class Wav2LipConfig(UNetConfig):
    """Dimensions of the renderer; the defaults are the published ones (`wav2lip-96`)."""

    encoder_channels: tuple[int, ...] = (16, 32, 64, 128, 256, 512, 512)
    """Channels of the stages of the face encoder: full size, one for each halving, and the 1x1 bottom."""
    encoder_residuals: tuple[int, ...] = (0, 2, 3, 2, 2, 1)
    """Residual blocks of each stage of the face encoder but the last."""
    decoder_channels: tuple[int, ...] = (512, 512, 512, 384, 256, 128, 64)
    """Channels of the stages of the face decoder, from the 1x1 bottom up."""
    decoder_residuals: tuple[int, ...] = (0, 1, 2, 2, 2, 2, 2)
    """Residual blocks of each stage of the face decoder."""
    modulated: bool = False
    """The condition scales and shifts each level of the decoder, where else it enters at the bottom alone."""


class Wav2LipRenderer(UNetRenderer):
    """U-Net whose bottom is joined with the condition."""

    config: Wav2LipConfig

    def __init__(self, config: Wav2LipConfig, spec: GeneratorSpec, condition: int) -> None:
        """Build the network.

        Args:
            config: its dimensions.
            spec: contract of the generator.
            condition: channels of the condition.

        Raises:
            ValueError: the dimensions do not fit each other, or the contract is not one for this network.
        """
        super().__init__(spec)
        self.config = config
        _check_lengths(config, spec.crop.size)
        remaining = HALVINGS[spec.crop.size][1]
        self.face_encoder_blocks = _face_encoder(config, remaining, self.input_channels)
        widths = config.decoder_channels if config.modulated else ()
        self.modulations = nn.ModuleList(Modulation(condition, channels) for channels in widths)
        self.face_decoder_blocks = _face_decoder(config, remaining, condition)
        self.add_output(
            spec.layered,
            config.decoder_channels[-1] + config.encoder_channels[0],
            config.decoder_channels[-3] + config.encoder_channels[2],
            config.output_channels,
        )

    def decode(self, condition: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of the last level, and of the level at a quarter of the resolution.

        Args:
            condition: (B, C, 1, 1).
            faces: (B, 3 + 3 K, H, H) RGB in [0, 1], targets and references.

        Returns:
            Features (B, C', H, H) and (B, C'', H/4, H/4).
        """
        skips = []
        features = faces
        for block in self.face_encoder_blocks:
            features = block(features)
            skips.append(features)
        features = flow_features = condition
        for level, block in enumerate(self.face_decoder_blocks):
            features = block(features)
            if self.config.modulated:
                features = self.modulations[level](features, condition)
            features = torch.cat([features, skips.pop()], dim=1)
            if len(skips) == FLOW_HALVINGS:
                flow_features = features
        return features, flow_features


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


def _check_lengths(config: Wav2LipConfig, resolution: int) -> None:
    stages = HALVINGS[resolution][0] + 2
    expected = {
        "encoder_channels": stages,
        "encoder_residuals": stages - 1,
        "decoder_channels": stages,
        "decoder_residuals": stages,
    }
    for name, length in expected.items():
        if len(getattr(config, name)) != length:
            raise ValueError(
                f"{name} has {len(getattr(config, name))} numbers; a resolution of {resolution} needs {length}"
            )


def _face_encoder(config: Wav2LipConfig, remaining: int, inputs: int) -> nn.ModuleList:
    channels = config.encoder_channels
    blocks = [
        nn.Sequential(
            ConvBlock(inputs, channels[0], 7, 1, 3), *residual_blocks(channels[0], config.encoder_residuals[0])
        )
    ]
    for level in range(1, len(channels) - 1):
        blocks.append(
            nn.Sequential(
                ConvBlock(channels[level - 1], channels[level], 3, 2, 1),
                *residual_blocks(channels[level], config.encoder_residuals[level]),
            )
        )
    blocks.append(
        nn.Sequential(ConvBlock(channels[-2], channels[-1], remaining), ConvBlock(channels[-1], channels[-1], 1))
    )
    return nn.ModuleList(blocks)


def _face_decoder(config: Wav2LipConfig, remaining: int, bottom: int) -> nn.ModuleList:
    channels, residuals = config.decoder_channels, config.decoder_residuals
    skips = config.encoder_channels[::-1]
    blocks = [
        nn.Sequential(ConvBlock(bottom, channels[0], 1), *residual_blocks(channels[0], residuals[0])),
        nn.Sequential(
            TransposedConvBlock(channels[0] + skips[0], channels[1], remaining),
            *residual_blocks(channels[1], residuals[1]),
        ),
    ]
    for level in range(2, len(channels)):
        blocks.append(
            nn.Sequential(
                TransposedConvBlock(channels[level - 1] + skips[level - 1], channels[level], 3, 2, 1, 1),
                *residual_blocks(channels[level], residuals[level]),
            )
        )
    return nn.ModuleList(blocks)
