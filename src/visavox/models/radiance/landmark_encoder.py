"""From the landmarks of a few frames to the code that a radiance field is conditioned by (GeneFace, section 3.3).

Landmarks come in centimetres, as displacements from the canonical face, and are told in the person's own deviations.
Each frame is encoded alone; attention over the window (AD-NeRF's) then takes away what trembles from frame to frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

LANDMARK_SETS = {"all": range(68), "mouth_eyes": range(17, 68)}
"""Landmarks of the 68 that are encoded: all, or all but the jaw line, which a chin hidden in a collar misleads."""
_LEAST_DEVIATION = 0.01
"""Centimetres: what moves less than this is noise, and is not told louder."""


@dataclass(frozen=True)
class LandmarkEncoderConfig:
    """Dimensions of the encoder."""

    points: Literal["all", "mouth_eyes"] = "all"
    """Landmarks that are encoded."""
    window: int = 5
    """Frames that are looked at, the middle one being the one that is rendered; 1 leaves the attention out."""
    width: int = 64
    """Numbers in each layer."""
    size: int = 64
    """Numbers of the code."""
    limit: float = 4.0
    """Deviations from the person's mean beyond which a landmark says no more."""

    def __post_init__(self) -> None:
        """Check that there is a frame in the middle."""
        if self.window < 1 or self.window % 2 == 0:
            raise ValueError(f"a window of {self.window} frames; give an odd number")


class LandmarkEncoder(nn.Module):
    """Encodes landmarks; it holds the mean and the deviation of the person's."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: LandmarkEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.points = list(LANDMARK_SETS[config.points])
        self.register_buffer("mean", torch.zeros(68, 3))
        self.register_buffer("deviation", torch.ones(68, 3))
        width = config.width
        self.frames = nn.Sequential(
            nn.Linear(3 * len(self.points), width),
            nn.LeakyReLU(0.02),
            nn.Linear(width, width),
            nn.LeakyReLU(0.02),
            nn.Linear(width, config.size),
        )
        last = nn.Linear(4 * config.window, config.window)
        # At first the frame in the middle counts most, and the others the less the further away they are.
        nn.init.uniform_(last.weight, -1e-2, 1e-2)
        with torch.no_grad():
            last.bias.copy_(-((torch.arange(config.window) - config.window // 2).abs().float()))
        self.attention = nn.Sequential(
            nn.Conv1d(config.size, 16, 3, padding=1),
            nn.LeakyReLU(0.02),
            nn.Conv1d(16, 4, 3, padding=1),
            nn.LeakyReLU(0.02),
            nn.Flatten(),
            last,
        )

    def set_statistics(self, displacements: Tensor) -> None:
        """Take mean and deviation from the person's landmarks, (T, 68, 3) centimetres."""
        self.mean.copy_(displacements.mean(dim=0))
        self.deviation.copy_(displacements.std(dim=0).clamp(min=_LEAST_DEVIATION))

    def forward(self, windows: Tensor) -> Tensor:
        """Encode windows of landmarks.

        Args:
            windows: float32 (F, window, 68, 3) centimetres, displacements from the canonical face.

        Returns:
            (F, size).
        """
        normal = ((windows - self.mean) / self.deviation).clamp(-self.config.limit, self.config.limit)
        codes = self.frames(normal[:, :, self.points].flatten(2)).float()  # (F, window, size)
        if self.config.window == 1:
            return codes[:, 0]
        weights = torch.softmax(self.attention(codes.transpose(1, 2)).float(), dim=1)  # (F, window)
        return (weights[..., None] * codes).sum(dim=1)
