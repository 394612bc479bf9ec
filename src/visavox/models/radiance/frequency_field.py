"""The radiance field of the paper: a large network of sines and cosines (NeRF; AD-NeRF; GeneFace, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visavox.models.radiance.field import (
    Condition,
    ConditionedLinear,
    Field,
    Radiance,
    Views,
    density_of,
    encoded_size,
    frequency_encoding,
)


@dataclass(frozen=True)
class FrequencyFieldConfig:
    """Dimensions of the field; the defaults are the paper's."""

    place_octaves: int = 10
    """Frequencies that a place is told in."""
    direction_octaves: int = 4
    """Frequencies that a direction is told in."""
    width: int = 256
    """Numbers in each layer."""
    layers: int = 8
    """Layers up to the density; place and landmarks come in again in the middle."""
    color_width: int = 128
    """Numbers in each layer of the colour."""
    color_layers: int = 3
    """Layers of the colour."""
    coarse_samples: int = 64
    """Evenly spaced samples of a ray, which find where the light comes from."""
    fine_samples: int = 128
    """Samples more, where it comes from."""

    def __post_init__(self) -> None:
        """Refuse sizes that no network has."""
        if self.layers < 2 or self.color_layers < 1 or self.coarse_samples < 4 or self.fine_samples < 1:
            raise ValueError("give 2 layers or more, a layer of colour, 4 coarse samples and a fine one or more")


class FrequencyField(Field):
    """One multilayer perceptron for density and colour.

    Args:
        config: dimensions.
        low: smallest coordinates of the box that is told in [-1, 1], centimetres.
        high: largest.
        motion: size of the code of the landmarks.
        appearance: size of the individual code.
    """

    def __init__(
        self,
        config: FrequencyFieldConfig,
        low: tuple[float, float, float],
        high: tuple[float, float, float],
        motion: int,
        appearance: int,
    ) -> None:
        super().__init__(low, high)
        self.config = config
        place = encoded_size(3, config.place_octaves)
        self.first = ConditionedLinear(place, motion, config.width)
        self.early = _layers(config.width, config.layers // 2 - 1)
        self.again = ConditionedLinear(config.width + place, motion, config.width)
        self.late = _layers(config.width, config.layers - config.layers // 2 - 1)
        self.logarithm = nn.Linear(config.width, 1)
        shared = encoded_size(3, config.direction_octaves) + appearance
        self.color_first = ConditionedLinear(config.width, shared, config.color_width)
        self.color_layers = _layers(config.color_width, config.color_layers - 1)
        self.color = nn.Linear(config.color_width, 3)

    def forward(self, points: Tensor, ray: Tensor, views: Views) -> Radiance:
        """Evaluate places; nothing is known of how much the motion matters, so `change` is 0.

        Args:
            points: (N, 3) head space, centimetres.
            ray: int64 (N,): the ray that each lies on.
            views: the rays.
        """
        hidden = self._trunk(points, views.condition, views.face_of(ray))
        direction = frequency_encoding(views.directions, self.config.direction_octaves)
        shared = torch.cat([direction, views.appearance], dim=1)
        color = F.relu(self.color_first(hidden, shared, ray))
        for layer in self.color_layers:
            color = F.relu(layer(color))
        density = density_of(self.logarithm(hidden)[:, 0])
        return Radiance(density, torch.sigmoid(self.color(color).float()), torch.zeros_like(density))

    def density(self, points: Tensor, condition: Condition) -> Tensor:
        """Return the density (N,) of places (N, 3) of one face."""
        return density_of(self.logarithm(self._trunk(points, condition, None))[:, 0])

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the one group."""
        return [{"params": list(self.parameters()), "rate_factor": 1.0}]

    def _trunk(self, points: Tensor, condition: Condition, face: Tensor | None) -> Tensor:
        place = frequency_encoding(self.place(points), self.config.place_octaves)
        hidden = F.relu(self.first(place, condition.motion, face))
        for layer in self.early:
            hidden = F.relu(layer(hidden))
        hidden = F.relu(self.again(torch.cat([hidden, place.to(hidden.dtype)], dim=1), condition.motion, face))
        for layer in self.late:
            hidden = F.relu(layer(hidden))
        return hidden


def _layers(width: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(nn.Linear(width, width) for _ in range(count))
