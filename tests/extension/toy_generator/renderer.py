"""The toy renderer: two convolutions over everything that is shown, as many frames at a time as the contract says."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visavox.models.generator.renderer import Renderer
from visavox.models.generator.spec import GeneratorSpec


@dataclass(frozen=True)
class ToyConfig:
    """Dimensions of the renderer."""

    channels: int = 4
    """Channels between the two convolutions."""


class ToyRenderer(Renderer):
    """Two convolutions over the stacked targets and references; the condition scales the channels between them."""

    def __init__(self, config: ToyConfig, spec: GeneratorSpec, condition: int) -> None:
        """Build the network.

        Args:
            config: its dimensions.
            spec: contract of the generator.
            condition: channels of the condition of one frame.
        """
        super().__init__()
        self.config, self.frames = config, spec.context
        self.input_layer = nn.Conv2d(3 * spec.context + 3 * spec.references, config.channels, 3, padding=1)
        self.scale = nn.Linear(condition * spec.context, config.channels)
        self.output_layer = nn.Conv2d(config.channels, 3 * spec.context, 3, padding=1)

    def forward(self, condition: Tensor, targets: Tensor, references: Tensor) -> Tensor:
        """Render faces, as `Renderer.forward` says."""
        size = targets.shape[-2:]
        seen = torch.cat([targets.reshape(-1, 3 * self.frames, *size), references], dim=1)
        scale = self.scale(condition.reshape(-1, self.scale.in_features))
        features = F.silu(self.input_layer(seen) * (1 + scale[:, :, None, None]))
        return torch.sigmoid(self.output_layer(features)).reshape(-1, 3, *size)
