"""Conditioners: from what drives a generator (audio features or mouth motion) to the condition of its renderer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from visavox.constants import NUM_MEL_BANDS
from visavox.models.generator.motion_basis import StoredBasis
from visavox.models.generator.mouth_code import MouthCode
from visavox.models.generator.spec import AudioSpec
from visavox.models.generator.speech_branch import MotionPredictor, SpeechBranchConfig
from visavox.models.layers import MEL_WINDOWS, mel_encoder


class Conditioner(nn.Module, ABC):
    """Base of all conditioners."""

    config: Any
    """Its dimensions."""
    channels: int
    """Channels C of the condition."""

    @abstractmethod
    def forward(self, drive: Tensor) -> Tensor:
        """Map what drives the face in B frames to conditions (B, C, 1, 1).

        Args:
            drive: audio features (B, `size`, `window`) where the contract has audio, else mouth motion (B, K).
        """


class MotionConditioner(Conditioner):
    """Base of the conditioners that describe a mouth by its motion before they make the condition of it.

    Mouth motion is K numbers of unit variance (`visavox.models.generator.motion_basis`); between motion and condition a
    drive may scale them, or bring them to rest.
    """

    num_motions: int
    """Numbers K that describe a mouth."""

    def __init__(self, num_motions: int, channels: int) -> None:
        super().__init__()
        self.num_motions, self.channels = num_motions, channels
        self.motion_basis = StoredBasis(num_motions)
        self.motion_condition = MotionCondition(num_motions, channels)

    def from_motion(self, motion: Tensor) -> Tensor:
        """Map mouth motion (B, K) to conditions (B, C, 1, 1)."""
        return self.motion_condition(motion)


@dataclass(frozen=True)
class AudioEncoderConfig:
    """Dimensions of the audio encoder; the defaults are the published ones."""

    audio_channels: tuple[int, ...] = (32, 64, 128, 256, 512)
    """Channels of the stages."""


class AudioEncoder(Conditioner):
    """Mel encoder of the published Wav2Lip: from audio features to the condition, with nothing to name in between.

    Features of another size than a mel's 80 bands are first mapped to 80 numbers, and windows of another length than
    the mel's are resampled to the next one that the encoder has.
    """

    def __init__(self, config: AudioEncoderConfig, audio: AudioSpec) -> None:
        super().__init__()
        self.config, self.channels = config, config.audio_channels[-1]
        self.window = min((w for w in MEL_WINDOWS if w >= audio.window), default=max(MEL_WINDOWS))
        self.projection = nn.Identity() if audio.size == NUM_MEL_BANDS else nn.Conv1d(audio.size, NUM_MEL_BANDS, 1)
        self.layers = mel_encoder(config.audio_channels, mel_window=self.window, last_residuals=1)

    def forward(self, drive: Tensor) -> Tensor:
        """Map audio features (B, `size`, `window`) to conditions (B, C, 1, 1)."""
        features = self.projection(drive)
        if features.shape[-1] != self.window:
            features = F.interpolate(features, size=self.window, mode="linear", align_corners=False)
        return self.layers(features[:, None])


class SpeechBranch(MotionConditioner):
    """Speech branch: audio features → mouth motion → condition."""

    def __init__(self, config: SpeechBranchConfig, audio: AudioSpec) -> None:
        super().__init__(config.num_motions, config.condition)
        self.config = config
        self.predictor = MotionPredictor(config, audio)

    def forward(self, drive: Tensor) -> Tensor:
        """Map audio features (B, `size`, `window`) to conditions (B, C, 1, 1)."""
        return self.from_motion(self.predictor(drive))


@dataclass(frozen=True)
class MouthMotionConfig:
    """Dimensions of a conditioner without audio."""

    num_motions: int = 8
    """Numbers that describe a mouth: its opening, and components of the shape of lips and chin."""
    condition: int = 128
    """Channels of the condition that the decoder starts from."""


class MouthMotion(MotionConditioner):
    """Mouth motion → condition, of a generator that is driven by 68 landmarks instead of audio."""

    def __init__(self, config: MouthMotionConfig, audio: AudioSpec | None = None) -> None:
        if audio is not None:
            raise ValueError("a conditioner of mouth motion takes no audio features; leave `audio` out of the contract")
        super().__init__(config.num_motions, config.condition)
        self.config = config
        self.mouth_code = MouthCode(config.num_motions)

    def forward(self, drive: Tensor) -> Tensor:
        """Map mouth motion (B, K), from `mouth_code`, to conditions (B, C, 1, 1)."""
        return self.from_motion(drive)


class MotionCondition(nn.Module):
    """Turns mouth motion into the 1x1 image that the decoder starts from."""

    def __init__(self, num_motions: int, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(num_motions, channels),
            nn.SiLU(),
            nn.Linear(channels, channels),
            nn.SiLU(),
        )

    def forward(self, motion: Tensor) -> Tensor:
        """Map (B, K) to (B, channels, 1, 1)."""
        return self.layers(motion)[:, :, None, None]


ConditionerConfig = AudioEncoderConfig | SpeechBranchConfig | MouthMotionConfig
