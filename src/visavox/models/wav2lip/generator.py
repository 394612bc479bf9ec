"""The generator of Wav2Lip (Prajwal et al. 2020, section 3.4), and the compact variant of it.

`Wav2LipConfig()` is the published network, key for key. The same class takes other widths, resolutions
and mel windows, and, when `motion` is set, a speech branch in place of the audio encoder (`motion.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from visavox.models.wav2lip.audio_encoder import audio_encoder
from visavox.models.wav2lip.blocks import ConvBlock, TransposedConvBlock, residual_blocks
from visavox.models.wav2lip.motion import Modulation, MotionCondition, MotionConfig, MotionPredictor
from visavox.models.wav2lip.reference_warp import FLOW_HALVINGS, Layers, ReferenceWarp

RESOLUTIONS = {96: (5, 3), 128: (5, 4), 192: (6, 3), 256: (6, 4)}
"""Allowed resolutions: how often each is halved, and what side is left then."""


@dataclass(frozen=True)
class Wav2LipConfig:
    """Dimensions of the generator; the defaults are the published ones (`wav2lip-96`)."""

    resolution: int = 96
    """Side of the face crop in pixels: 96, 128, 192 or 256."""
    mel_window: int = 16
    """Mel frames heard for one video frame."""
    mel_lead: int = 0
    """Mel frames that the window begins before the video frame."""
    encoder_channels: tuple[int, ...] = (16, 32, 64, 128, 256, 512, 512)
    """Channels of the stages of the face encoder: full size, one for each halving, and the 1x1 bottom."""
    encoder_residuals: tuple[int, ...] = (0, 2, 3, 2, 2, 1)
    """Residual blocks of each stage of the face encoder but the last."""
    decoder_channels: tuple[int, ...] = (512, 512, 512, 384, 256, 128, 64)
    """Channels of the stages of the face decoder, from the 1x1 bottom up."""
    decoder_residuals: tuple[int, ...] = (0, 1, 2, 2, 2, 2, 2)
    """Residual blocks of each stage of the face decoder."""
    audio_channels: tuple[int, ...] = (32, 64, 128, 256, 512)
    """Channels of the stages of the audio encoder; not used when `motion` is set."""
    output_channels: int = 32
    """Channels before the last layer."""
    motion: MotionConfig | None = None
    """The speech branch, in place of the audio encoder."""
    warp_reference: bool = False
    """Bend the reference into shape and paint only what it lacks, in place of painting every pixel anew."""

    def __post_init__(self) -> None:
        """Check that the dimensions fit each other."""
        if self.resolution not in RESOLUTIONS:
            raise ValueError(f"a resolution of {self.resolution}; allowed are {sorted(RESOLUTIONS)}")
        stages = RESOLUTIONS[self.resolution][0] + 2
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


class Wav2Lip(nn.Module):
    """Repaints the lower half of a face so that it says what is heard."""

    def __init__(self, config: Wav2LipConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or Wav2LipConfig()
        remaining = RESOLUTIONS[config.resolution][1]
        self.face_encoder_blocks = _face_encoder(config, remaining)
        if config.motion is None:
            self.audio_encoder: nn.Module = audio_encoder(
                config.audio_channels, mel_window=config.mel_window, last_residuals=1
            )
            bottom = config.audio_channels[-1]
        else:
            self.motion_predictor = MotionPredictor(config.motion, config.mel_window)
            bottom = config.motion.condition
            self.motion_condition = MotionCondition(config.motion)
            self.modulations = nn.ModuleList(Modulation(bottom, channels) for channels in config.decoder_channels)
        self.face_decoder_blocks = _face_decoder(config, remaining, bottom)
        if config.warp_reference:
            self.reference_warp = ReferenceWarp(config.decoder_channels[-3] + config.encoder_channels[2])
        self.output_block = nn.Sequential(
            ConvBlock(config.decoder_channels[-1] + config.encoder_channels[0], config.output_channels, 3, 1, 1),
            # Three colours, and with a bent reference how much of them to lay over it.
            nn.Conv2d(config.output_channels, 4 if config.warp_reference else 3, 1),
            nn.Sigmoid(),
        )
        if config.warp_reference:
            # Begin with the reference as it is: one part in eight of the colours over it.
            last = self.output_block[1]
            assert isinstance(last, nn.Conv2d)
            assert last.bias is not None
            nn.init.constant_(last.bias[3:], -2.0)

    def forward(self, mel: Tensor, faces: Tensor, motion: Tensor | None = None) -> Tensor:
        """Paint faces.

        Args:
            mel: (B, 1, 80, W) in [-4, 4].
            faces: (B, 6, H, H) RGB in [0, 1]: the target with rows from H/2 down set to zero, then the reference.
            motion: (B, num_motions) to paint in place of what is heard; only when the network has a speech branch.

        Returns:
            (B, 3, H, H) RGB in [0, 1].
        """
        condition = self.condition(mel) if motion is None else self.motion_condition(motion)
        return self.paint(condition, faces)

    def condition(self, mel: Tensor) -> Tensor:
        """Hear: mel windows (B, 1, 80, W) to the 1x1 picture (B, C, 1, 1) that the decoder starts from."""
        if self.config.motion is None:
            return self.audio_encoder(mel)
        return self.motion_condition(self.motion_predictor(mel))

    def paint(self, condition: Tensor, faces: Tensor) -> Tensor:
        """Paint what `condition` says onto faces: (B, C, 1, 1) and (B, 6, H, H) to (B, 3, H, H)."""
        if self.config.warp_reference:
            return self.layers(condition, faces).flatten(faces[:, 3:])
        return self.output_block(self._decode(condition, faces)[0])

    def layers(self, condition: Tensor, faces: Tensor) -> Layers:
        """Paint without laying the layers over each other, for networks that bend the reference.

        Raises:
            ValueError: this network paints every pixel anew and has no layers.
        """
        if not self.config.warp_reference:
            raise ValueError("this network paints every pixel anew; only one with `warp_reference` has layers")
        features, flow_features = self._decode(condition, faces)
        painted = self.output_block(features)
        return Layers(self.reference_warp(flow_features), painted[:, :3], painted[:, 3:])

    def _decode(self, condition: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of the last level, and of the level at a quarter of the resolution."""
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
