"""The post-net: brings motion that many speakers taught into the manner of one person.

A residual network of one-dimensional convolutions, whose output is added to the motion that comes in (Ye et al.,
"GeneFace", ICLR 2023, section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from visavox.models.motion.temporal import TemporalBlock

MOTION_SIZE = 68 * 3
"""Numbers in a frame of motion."""


@dataclass(frozen=True)
class PostNetConfig:
    """Dimensions of the post-net; the defaults are as wide as the published one."""

    channels: tuple[int, ...] = (128, 128, 128, 256, 256, 256, 128)
    """Channels of the convolutions."""
    kernel: int = 3
    """Frames that each of them sees, odd."""
    dropout: float = 0.0
    """Share of the channels of the last one that is dropped in training."""

    def __post_init__(self) -> None:
        """Refuse dimensions that mean nothing."""
        if not self.channels or self.kernel % 2 == 0:
            raise ValueError("a post-net has at least one convolution, and they see an odd number of frames")


class PostNet(nn.Module):
    """Moves motion into the domain of one person.

    `source_mean` is the mean of the motion that comes in, `person_mean` that of the person, `person_scale` the size of
    the person's deviations from it; they are set once from the training data and travel with the weights. A network
    that has learned nothing exchanges the means, so that what has to be learned is the manner, not the face.
    """

    source_mean: Tensor
    person_mean: Tensor
    person_scale: Tensor

    def __init__(self, config: PostNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or PostNetConfig()
        self.blocks = nn.Sequential(
            *(
                TemporalBlock(before, after, self.config.kernel, slope=0.2)
                for before, after in pairwise((MOTION_SIZE, *self.config.channels))
            ),
            nn.Dropout1d(self.config.dropout),
        )
        self.last = nn.Conv1d(self.config.channels[-1], MOTION_SIZE, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]
        self.register_buffer("source_mean", torch.zeros(MOTION_SIZE))
        self.register_buffer("person_mean", torch.zeros(MOTION_SIZE))
        self.register_buffer("person_scale", torch.ones(MOTION_SIZE))

    @property
    def reach(self) -> int:
        """Frames to either side of a frame that change what becomes of it."""
        return len(self.config.channels) * (self.config.kernel // 2)

    @property
    def neutral(self) -> Tensor:
        """The person's mean displacement (68, 3), centimetres."""
        return self.person_mean.unflatten(0, (68, 3))

    def forward(self, displacements: Tensor) -> Tensor:
        """Map displacements from the canonical face, (B, T, 68, 3) in centimetres, to those of the person."""
        centred = displacements.flatten(-2) - self.source_mean
        change = self.last(self.blocks((centred / self.person_scale).transpose(1, 2))).transpose(1, 2)
        return (self.person_mean + centred + change * self.person_scale).unflatten(-1, (68, 3))
