"""The critic of the post-net: is a frame of landmarks one of the person?

It judges single frames (GeneFace has no judge of sequences): what is to be learned from it is where the points of
this person's face lie together, while the movement is to stay that of the speech.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from visavox.models.motion.postnet import MOTION_SIZE


@dataclass(frozen=True)
class MotionCriticConfig:
    """Dimensions of the critic; the defaults are the published ones."""

    components: int = 0
    """Sees the frames by so many components of the motion that comes in; 0 sees the points themselves."""
    channels: tuple[int, ...] = (128, 256, 256, 128)
    """Widths of the hidden layers."""
    dropout: float = 0.25
    """Share of their outputs that is dropped in training."""


class MotionCritic(nn.Module):
    """Tells the person's frames (1) from others (0), by least squares (Mao et al. 2017, LSGAN).

    `mean` and `scale` are those of the person's frames, the columns of `basis` bring deviations from the mean to
    components of unit variance of the motion that comes in; they are set once from the training data.
    """

    mean: Tensor
    scale: Tensor
    basis: Tensor

    def __init__(self, config: MotionCriticConfig | None = None) -> None:
        super().__init__()
        self.config = config or MotionCriticConfig()
        layers: list[nn.Module] = []
        widths = (self.config.components or MOTION_SIZE, *self.config.channels)
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.LeakyReLU(0.2), nn.Dropout(self.config.dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))
        self.register_buffer("mean", torch.zeros(MOTION_SIZE))
        self.register_buffer("scale", torch.ones(MOTION_SIZE))
        self.register_buffer("basis", torch.zeros(MOTION_SIZE, self.config.components))

    def forward(self, displacements: Tensor) -> Tensor:
        """Judge displacements (..., 68, 3) in centimetres: (...), near 1 for the person and near 0 for others."""
        return self.judge(self.normal(displacements))

    def normal(self, displacements: Tensor) -> Tensor:
        """Bring displacements (..., 68, 3) to what is judged: (..., 204 or components), from the person's mean."""
        centred = displacements.flatten(-2) - self.mean
        return centred @ self.basis if self.config.components else centred / self.scale

    def judge(self, normal: Tensor) -> Tensor:
        """Judge what `normal` gives as `forward` does.

        Args:
            normal: (..., 204 or components), in standard deviations from the person's mean.

        Returns:
            (...), near 1 for the person and near 0 for others; not bounded.
        """
        return self.layers(normal).squeeze(-1)
