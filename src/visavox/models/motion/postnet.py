"""Post-net, which brings the motion learned from many speakers into the speaking style of one person, and its critic.

The post-net is a residual network of one-dimensional convolutions, whose output is added to the motion that comes in
(Ye et al., "GeneFace", ICLR 2023, section 3.2). The critic scores single frames (GeneFace scores no sequences): what is
to be learned from it is where the points of this person's face lie together, while the movement stays that of the
speech.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from visavox.models.layers import TemporalBlock

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
    that has learned nothing exchanges the means, so that what has to be learned is the speaking style, not the face.
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
        """Score displacements (..., 68, 3) in centimetres: (...), near 1 for the person and near 0 for others."""
        return self.score(self.normal(displacements))

    def normal(self, displacements: Tensor) -> Tensor:
        """Bring displacements (..., 68, 3) to what is scored: (..., 204 or components), from the person's mean."""
        centred = displacements.flatten(-2) - self.mean
        return centred @ self.basis if self.config.components else centred / self.scale

    def score(self, normal: Tensor) -> Tensor:
        """Score what `normal` gives as `forward` does.

        Args:
            normal: (..., 204 or components), in standard deviations from the person's mean.

        Returns:
            (...), near 1 for the person and near 0 for others; not bounded.
        """
        return self.layers(normal).squeeze(-1)
