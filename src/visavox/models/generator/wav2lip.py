"""The generator of Wav2Lip (Prajwal et al. 2020, section 3.4), and the compact variant of it.

`Wav2LipConfig()` is the published network, key for key. The same class takes other widths, resolutions
and mel windows, and, when `motion` is set, a speech branch in place of the audio encoder (`motion.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from visavox.models.generator.base import Generator, GeneratorConfig
from visavox.models.generator.blocks import ConvBlock, TransposedConvBlock, residual_blocks
from visavox.models.generator.reference_warp import FLOW_HALVINGS
from visavox.models.generator.speech_branch import Modulation

HALVINGS = {96: (5, 3), 128: (5, 4), 192: (6, 3), 256: (6, 4)}
"""Resolution to how often it is halved, and what side is left then."""


@dataclass(frozen=True)
class Wav2LipConfig(GeneratorConfig):
    """Dimensions of the generator; the defaults are the published ones (`wav2lip-96`)."""

    encoder_channels: tuple[int, ...] = (16, 32, 64, 128, 256, 512, 512)
    """Channels of the stages of the face encoder: full size, one for each halving, and the 1x1 bottom."""
    encoder_residuals: tuple[int, ...] = (0, 2, 3, 2, 2, 1)
    """Residual blocks of each stage of the face encoder but the last."""
    decoder_channels: tuple[int, ...] = (512, 512, 512, 384, 256, 128, 64)
    """Channels of the stages of the face decoder, from the 1x1 bottom up."""
    decoder_residuals: tuple[int, ...] = (0, 1, 2, 2, 2, 2, 2)
    """Residual blocks of each stage of the face decoder."""

    def __post_init__(self) -> None:
        """Check that the dimensions fit each other."""
        super().__post_init__()
        stages = HALVINGS[self.resolution][0] + 2
        expected = {
            "encoder_channels": stages,
            "encoder_residuals": stages - 1,
            "decoder_channels": stages,
            "decoder_residuals": stages,
        }
        for name, length in expected.items():
            if len(getattr(self, name)) != length:
                raise ValueError(
                    f"{name} has {len(getattr(self, name))} numbers; a resolution of {self.resolution} needs {length}"
                )


class Wav2Lip(Generator):
    """Repaints the lower half of a face so that it says what is heard."""

    config: Wav2LipConfig

    def __init__(self, config: Wav2LipConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or Wav2LipConfig()
        remaining = HALVINGS[config.resolution][1]
        self.face_encoder_blocks = _face_encoder(config, remaining)
        condition = self._add_hearing()
        if config.motion is not None:
            self.modulations = nn.ModuleList(Modulation(condition, channels) for channels in config.decoder_channels)
        self.face_decoder_blocks = _face_decoder(config, remaining, condition)
        self._add_output(
            config.decoder_channels[-1] + config.encoder_channels[0],
            config.decoder_channels[-3] + config.encoder_channels[2],
        )

    def _decode(self, condition: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
        skips = []
        features = faces
        for block in self.face_encoder_blocks:
            features = block(features)
            skips.append(features)
        features = flow_features = condition
        for level, block in enumerate(self.face_decoder_blocks):
            features = block(features)
            if self.config.motion is not None:
                features = self.modulations[level](features, condition)
            features = torch.cat([features, skips.pop()], dim=1)
            if len(skips) == FLOW_HALVINGS:
                flow_features = features
        return features, flow_features


def _face_encoder(config: Wav2LipConfig, remaining: int) -> nn.ModuleList:
    channels = config.encoder_channels
    blocks = [
        nn.Sequential(ConvBlock(6, channels[0], 7, 1, 3), *residual_blocks(channels[0], config.encoder_residuals[0]))
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
