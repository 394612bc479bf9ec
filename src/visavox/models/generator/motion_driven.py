"""The painter of Wav2Lip without its ears: it paints the mouth that a motion of 68 landmarks describes.

What a mouth does comes from elsewhere: from a motion model that heard speech, or from a performance. The painter
learns from the true motion of every frame, so nothing is left to average away.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from visavox.models.generator.mouth_reader import MouthReader
from visavox.models.generator.speech_branch import MotionCondition
from visavox.models.generator.wav2lip import Wav2Lip, Wav2LipConfig


@dataclass(frozen=True)
class MotionDubConfig(Wav2LipConfig):
    """Dimensions of the painter; of `motion`, only the numbers of a mouth and the width of the condition count."""

    mel_window: int = 0
    """It hears nothing."""
    mel_lead: int = 0
    """It hears nothing."""

    def __post_init__(self) -> None:
        """Check that the dimensions fit each other."""
        super().__post_init__()
        if self.motion is None or self.mel_window or self.mel_lead:
            raise ValueError("a painter that is told the motion needs `motion`, and a mel window of 0")


class MotionDub(Wav2Lip):
    """Repaints the lower half of a face so that its mouth looks as a motion says."""

    config: MotionDubConfig
    mouth_reader: MouthReader
    """Turns landmarks into the numbers that it paints."""

    def forward(self, mel: Tensor, faces: Tensor, motion: Tensor | None = None) -> Tensor:
        """Paint faces (B, 6, H, H) as `Wav2Lip` does; `motion` (B, num_motions) is needed, `mel` is not looked at."""
        if motion is None:
            raise ValueError("this network does not hear; give the motion")
        return self.paint(self.motion_condition(motion), faces)

    def condition(self, mel: Tensor) -> Tensor:
        """Say that it does not hear."""
        raise ValueError("this network does not hear; give the motion")

    def _add_hearing(self) -> int:
        motion = self.config.motion
        assert motion is not None
        self.mouth_reader = MouthReader(motion.num_motions)
        self.motion_condition = MotionCondition(motion)
        return motion.condition
