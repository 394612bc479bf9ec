"""What all networks that repaint a mouth have in common: what they are told, how they hear, what they give.

Dubbing, training and benchmarks use a `Generator` without knowing which one it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from visavox.models.generator.audio_encoder import audio_encoder
from visavox.models.generator.blocks import ConvBlock
from visavox.models.generator.reference_warp import Layers, ReferenceWarp
from visavox.models.generator.speech_branch import MotionCondition, MotionConfig, MotionPredictor

RESOLUTIONS = (96, 128, 192, 256)
"""Allowed resolutions."""
SPEECH_BRANCH = "motion_predictor."
"""What the names of the weights begin with that any generator can take from any other."""


@dataclass(frozen=True)
class GeneratorConfig:
    """Dimensions that every generator has."""

    resolution: int = 96
    """Side of the face crop in pixels: 96, 128, 192 or 256."""
    mel_window: int = 16
    """Mel frames heard for one video frame."""
    mel_lead: int = 0
    """Mel frames that the window begins before the video frame."""
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


class Generator(nn.Module, ABC):
    """Repaints the lower half of a face so that it says what is heard."""

    config: GeneratorConfig
    audio_encoder: nn.Module
    """Only without a speech branch."""
    motion_predictor: MotionPredictor
    """Only with a speech branch."""
    motion_condition: MotionCondition
    """Only with a speech branch."""
    reference_warp: ReferenceWarp
    """Only in networks that bend the reference."""
    output_block: nn.Sequential

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
        """Hear: mel windows (B, 1, 80, W) to the 1x1 picture (B, C, 1, 1) that says what to paint."""
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

    @abstractmethod
    def _decode(self, condition: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of the last level, and of the level at a quarter of the resolution."""

    def _add_hearing(self) -> int:
        """Build what makes the condition of the sound; return the channels of the condition."""
        config = self.config
        if config.motion is None:
            self.audio_encoder = audio_encoder(config.audio_channels, mel_window=config.mel_window, last_residuals=1)
            return config.audio_channels[-1]
        self.motion_predictor = MotionPredictor(config.motion, config.mel_window)
        self.motion_condition = MotionCondition(config.motion)
        return config.motion.condition

    def _add_output(self, channels: int, flow_channels: int) -> None:
        """Build what makes pictures of the two features that `_decode` returns."""
        config = self.config
        if config.warp_reference:
            self.reference_warp = ReferenceWarp(flow_channels)
        self.output_block = nn.Sequential(
            ConvBlock(channels, config.output_channels, 3, 1, 1),
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
