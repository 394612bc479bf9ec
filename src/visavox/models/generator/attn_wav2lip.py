"""Renderer of LPIPS-AttnWav2Lip (Chen et al. 2024, arXiv 2602.00189), as far as it is known.

Known are its parts: a U-Net of fewer levels than Wav2Lip's, residual blocks with CBAM in encoder and decoder, and
semantic alignment modules (fast Fourier convolution, then AdaIN by the speech vector). Widths, numbers of blocks and
where the alignment modules stand are ours. docs/attn-wav2lip.md draws the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from visavox.models.generator.attn_wav2lip_blocks import AttentionBlock, SemanticAlignment
from visavox.models.generator.renderer import FLOW_HALVINGS, UNetConfig, UNetRenderer
from visavox.models.generator.spec import GeneratorSpec
from visavox.models.layers import ConvBlock, TransposedConvBlock, residual_blocks


@dataclass(frozen=True)
class AttnWav2LipConfig(UNetConfig):
    """Dimensions of the renderer (`attn-wav2lip-96`).

    A level is what has one size; its number says how often the image was halved. Tuples begin at level 0, the full
    size, and end at the bottom.
    """

    encoder_channels: tuple[int, ...] = (16, 32, 64, 128, 256)
    """Channels of each level of the encoder."""
    encoder_blocks: tuple[int, ...] = (0, 1, 2, 2, 2)
    """Residual blocks of each level of the encoder."""
    decoder_channels: tuple[int, ...] = (64, 128, 256, 384, 512)
    """Channels of each level of the decoder."""
    decoder_blocks: tuple[int, ...] = (1, 1, 2, 2, 2)
    """Residual blocks of each level of the decoder."""
    attention: bool = True
    """Residual blocks have channel and spatial attention (CBAM); without, they are those of Wav2Lip."""
    attention_from: int = 0
    """First level whose blocks have attention; it costs most where the image is large."""
    attention_reduction: int = 8
    """Factor by which the channel attention narrows the channels."""
    alignment_levels: tuple[int, ...] = (3, 4)
    """Levels of the decoder with a semantic alignment module; none switches them off."""

    def __post_init__(self) -> None:
        """Check that the dimensions fit each other."""
        levels = len(self.encoder_channels)
        for name in ("encoder_blocks", "decoder_channels", "decoder_blocks"):
            if len(getattr(self, name)) != levels:
                raise ValueError(f"{name} has {len(getattr(self, name))} numbers, encoder_channels {levels}")
        if levels <= FLOW_HALVINGS:
            raise ValueError(f"{levels} levels; give at least {FLOW_HALVINGS + 1}")
        aligned = set(self.alignment_levels)
        if len(aligned) != len(self.alignment_levels) or not aligned <= set(range(levels)):
            raise ValueError(f"alignment at the levels {self.alignment_levels}; give each of 0 to {levels - 1} once")
        if self.attention_reduction < 1:
            raise ValueError(f"an attention_reduction of {self.attention_reduction}; give 1 or more")


class AttnWav2LipRenderer(UNetRenderer):
    """U-Net of residual attention blocks, whose decoder is aligned with the speech."""

    config: AttnWav2LipConfig

    def __init__(self, config: AttnWav2LipConfig, spec: GeneratorSpec, condition: int) -> None:
        """Build the network.

        Args:
            config: its dimensions.
            spec: contract of the generator.
            condition: channels of the condition.

        Raises:
            ValueError: the contract is not one for this network.
        """
        super().__init__(spec)
        self.config = config
        levels = range(len(config.encoder_channels))
        divisor = 2 ** (len(levels) - 1)
        if spec.crop.size % divisor:
            raise ValueError(
                f"a resolution of {spec.crop.size} must be a multiple of {divisor} to be halved {len(levels) - 1} times"
            )
        self.encoder = nn.ModuleList(_encoder_level(config, level, self.input_channels) for level in levels)
        self.decoder = nn.ModuleList(DecoderLevel(config, level, condition) for level in levels)
        self.add_output(
            spec.layered,
            config.decoder_channels[0] + config.encoder_channels[0],
            config.decoder_channels[FLOW_HALVINGS],
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
        for block in self.encoder:
            features = block(features)
            skips.append(features)
        # The bottom is joined by the speech, everywhere the same; each level above by what the encoder saw there.
        skips[-1] = condition.expand(-1, -1, *features.shape[-2:])
        flow_features = features
        for level in reversed(range(len(skips))):
            features = self.decoder[level](features, skips[level], condition)
            if level == FLOW_HALVINGS:
                flow_features = features
        # The full size is joined here: the output block is the convolution that mixes it.
        return torch.cat([features, skips[0]], dim=1), flow_features


class DecoderLevel(nn.Module):
    """One level of the decoder: enlarge, join, align with the speech, refine."""

    def __init__(self, config: AttnWav2LipConfig, level: int, condition: int) -> None:
        super().__init__()
        channels, skip = config.decoder_channels[level], config.encoder_channels[level]
        if level == len(config.encoder_channels) - 1:
            self.enlarge: nn.Module = nn.Identity()
            self.join: nn.Module | None = ConvBlock(skip + condition, channels, 3, 1, 1)
        else:
            self.enlarge = TransposedConvBlock(config.decoder_channels[level + 1], channels, 3, 2, 1, 1)
            self.join = ConvBlock(channels + skip, channels, 1) if level else None
        aligned = level in config.alignment_levels
        self.alignment = SemanticAlignment(channels, condition) if aligned else None
        self.blocks = _blocks(config, level, channels, config.decoder_blocks[level])

    def forward(self, features: Tensor, skip: Tensor, condition: Tensor) -> Tensor:
        """Map the features of the level below, (B, C', H/2, W/2), to (B, channels, H, W).

        Args:
            features: what the level below made; at the bottom what the encoder made, (B, C', H, W).
            skip: (B, C'', H, W), what is joined with it; unused on level 0.
            condition: (B, condition, 1, 1).
        """
        features = self.enlarge(features)
        if self.join is not None:
            features = self.join(torch.cat([features, skip], dim=1))
        if self.alignment is not None:
            features = self.alignment(features, condition)
        return self.blocks(features)


def _encoder_level(config: AttnWav2LipConfig, level: int, inputs: int) -> nn.Sequential:
    channels = config.encoder_channels[level]
    if level == 0:
        first = ConvBlock(inputs, channels, 7, 1, 3)
    else:
        first = ConvBlock(config.encoder_channels[level - 1], channels, 3, 2, 1)
    return nn.Sequential(first, _blocks(config, level, channels, config.encoder_blocks[level]))


def _blocks(config: AttnWav2LipConfig, level: int, channels: int, count: int) -> nn.Sequential:
    if not config.attention or level < config.attention_from:
        return nn.Sequential(*residual_blocks(channels, count))
    return nn.Sequential(*(AttentionBlock(channels, config.attention_reduction) for _ in range(count)))
