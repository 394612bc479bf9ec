"""The fast radiance field: numbers on grids and small networks (EG3D's tri-plane; RAD-NeRF; HyperNeRF).

A moving face is told in two ways, both read by a small network from coarse planes and the code of the landmarks: a
place is moved to where its matter lies on the resting face, and it gets coordinates more, the ambient ones, for what no
movement can tell, such as the inside of an opening mouth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visavox.models.radiance.encoding import (
    NUM_HARMONICS,
    ConditionedLinear,
    encoded_size,
    frequency_encoding,
    spherical_harmonics,
)
from visavox.models.radiance.field import Condition, Field, Radiance, Views, density_of
from visavox.models.radiance.grid import HashGrid, Planes, TriPlane

_DIRECTION_OCTAVES = 2
_START_LOGARITHM = -2.5
"""A box of 20 cm lets a fifth of the light through before anything is learned: enough for gradients everywhere."""


@dataclass(frozen=True)
class GridFieldConfig:
    """Dimensions of the field."""

    grid: Literal["planes", "hash"] = "planes"
    """Store of the shape: three planes (fast on every processor), or the hash grid of RAD-NeRF."""
    channels: int = 16
    """Numbers at each point of the planes."""
    resolution: int = 128
    """Points along each side of the planes."""
    motion_channels: int = 8
    """Numbers at each point of the coarse planes, from which the movement is read."""
    motion_resolution: int = 32
    """Points along each side of the coarse planes."""
    motion_width: int = 32
    """Numbers in each layer of the network of the movement."""
    reach: float = 2.0
    """Largest movement along each axis, centimetres."""
    ambient: int = 2
    """Ambient coordinates: 2, or 0 for none."""
    ambient_channels: int = 8
    """Numbers at each point of the ambient plane."""
    ambient_resolution: int = 32
    """Points along each side of the ambient plane."""
    width: int = 64
    """Numbers in each layer of density and colour."""
    shape: int = 31
    """Numbers that the colour is told of the place, beside density."""
    direction: Literal["harmonics", "frequency"] = "harmonics"
    """Encoding of a direction."""

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        if self.ambient not in (0, 2):
            raise ValueError(f"{self.ambient} ambient coordinates; give 2, or 0 for none")
        if not self.reach >= 0:
            raise ValueError(f"a reach of {self.reach} cm; give 0 or more")


class GridField(Field):
    """Grids and small networks.

    Args:
        config: dimensions.
        low: smallest coordinates of the box that the grids fill, centimetres.
        high: largest.
        motion: size of the code of the landmarks.
        appearance: size of the individual code.
    """

    def __init__(
        self,
        config: GridFieldConfig,
        low: tuple[float, float, float],
        high: tuple[float, float, float],
        motion: int,
        appearance: int,
    ) -> None:
        super().__init__(low, high)
        self.config = config
        self.grid: TriPlane | HashGrid = (
            TriPlane(config.channels, config.resolution) if config.grid == "planes" else HashGrid()
        )
        self.motion_planes = TriPlane(config.motion_channels, config.motion_resolution)
        self.motion_first = ConditionedLinear(self.motion_planes.num_outputs, motion, config.motion_width)
        self.motion_second = nn.Linear(config.motion_width, config.motion_width)
        self.motion_last = nn.Linear(config.motion_width, 3 + config.ambient)
        # At first nothing is moved.
        nn.init.uniform_(self.motion_last.weight[:3], -1e-3, 1e-3)
        nn.init.zeros_(self.motion_last.bias)
        self.ambient = Planes(1, config.ambient_channels, config.ambient_resolution) if config.ambient else None
        features = self.grid.num_outputs + (config.ambient_channels if config.ambient else 0)
        self.shape = nn.Sequential(
            nn.Linear(features, config.width), nn.ReLU(), nn.Linear(config.width, 1 + config.shape)
        )
        harmonics = config.direction == "harmonics"
        shared = (NUM_HARMONICS if harmonics else encoded_size(3, _DIRECTION_OCTAVES)) + appearance
        self.color_first = ConditionedLinear(config.shape, shared, config.width)
        self.color_last = nn.Linear(config.width, 3)

    def forward(self, points: Tensor, ray: Tensor, views: Views) -> Radiance:
        """Look at places.

        Args:
            points: (N, 3) head space, centimetres.
            ray: int64 (N,): the ray that each lies on.
            views: the rays.
        """
        shape, change = self._shape(points, views.condition, views.face_of(ray))
        told = self.prepare(views).told
        assert told is not None
        color = F.relu(self.color_first.own(shape[:, 1:]) + told.index_select(0, ray))
        return Radiance(
            density_of(shape[:, 0].float() + _START_LOGARITHM), torch.sigmoid(self.color_last(color).float()), change
        )

    def prepare(self, views: Views) -> Views:
        """Bring direction and individual code of each ray through the first layer of the colour."""
        if views.told is not None:
            return views
        return views._replace(told=self.color_first.shared(self._shared(views)))

    def density(self, points: Tensor, condition: Condition) -> Tensor:
        """Return the density (N,) of places (N, 3) of one face."""
        return density_of(self._shape(points, condition, None)[0][:, 0].float() + _START_LOGARITHM)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the grids, which learn ten times as fast, and the rest."""
        grids = [module for module in (self.grid, self.motion_planes, self.ambient) if module is not None]
        fast = [parameter for module in grids for parameter in module.parameters()]
        known = {id(parameter) for parameter in fast}
        slow = [parameter for parameter in self.parameters() if id(parameter) not in known]
        return [{"params": fast, "rate_factor": 10.0}, {"params": slow, "rate_factor": 1.0}]

    def _shape(self, points: Tensor, condition: Condition, face: Tensor | None) -> tuple[Tensor, Tensor]:
        """Logarithm of the density and what the colour is told (N, 1 + shape), and how much the motion matters (N,)."""
        place = self.place(points)
        hidden = F.relu(self.motion_first(self.motion_planes(place), condition.motion, face))
        moved = torch.tanh(self.motion_last(F.relu(self.motion_second(hidden))).float())
        features = self.grid(place + moved[:, :3] * (self.config.reach / self.half_sides))
        if self.ambient is not None:
            features = torch.cat([features, self.ambient(moved[None, :, 3:])], dim=1)
        return self.shape(features), moved.abs().mean(dim=1)

    def _shared(self, views: Views) -> Tensor:
        """Compute the features that all samples of a ray share, (R, shared)."""
        directions = views.directions
        if self.config.direction == "harmonics":
            told = spherical_harmonics(directions)
        else:
            told = frequency_encoding(directions, _DIRECTION_OCTAVES)
        return torch.cat([told, views.appearance], dim=1)
