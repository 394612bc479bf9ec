"""The fast radiance field: features on grids and small networks (EG3D's tri-plane; RAD-NeRF; HyperNeRF).

Features are learned on three planes through space, on planes of two dimensions, and on a hash grid. The field follows a
moving face in two ways, both predicted by a small network from coarse planes and the code of the landmarks: a
place is moved to where its matter lies on the resting face, and it gets further coordinates, the ambient ones, for what
no movement can express, such as the inside of an opening mouth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visavox.models.radiance.field import (
    NUM_HARMONICS,
    Condition,
    ConditionedLinear,
    Field,
    Radiance,
    Views,
    density_of,
    encoded_size,
    frequency_encoding,
    spherical_harmonics,
)

_PRIMES = (1, 2_654_435_761, 805_459_861)
"""Of the hash function of Müller et al. 2022 (equation 4)."""
_START = 1e-2
"""Largest number on a plane before anything is learned."""
_DIRECTION_OCTAVES = 2
_START_LOGARITHM = -2.5
"""A box of 20 cm lets a fifth of the light through before anything is learned: enough for gradients everywhere."""


class Planes(nn.Module):
    """Planes of learned numbers, read between their points.

    Stored with the channels last: reading is several times faster so.

    Args:
        count: planes.
        channels: numbers at each point.
        resolution: points along each side.
    """

    def __init__(self, count: int, channels: int, resolution: int) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.empty(count, resolution, resolution, channels).uniform_(-_START, _START))

    def forward(self, places: Tensor) -> Tensor:
        """Read places (count, N, 2) in [-1, 1], each on its plane; return (N, count * channels) float32."""
        planes = self.values.permute(0, 3, 1, 2)
        read = F.grid_sample(planes, places[:, None].float(), padding_mode="border", align_corners=True)
        return read[:, :, 0].permute(2, 0, 1).flatten(1)


class TriPlane(nn.Module):
    """Three planes that space is projected on (Chan et al. 2022): the numbers of all three, side by side.

    Args:
        channels: numbers at each point.
        resolution: points along each side.
    """

    def __init__(self, channels: int, resolution: int) -> None:
        super().__init__()
        self.planes = Planes(3, channels, resolution)
        self.num_outputs = 3 * channels

    def forward(self, places: Tensor) -> Tensor:
        """Read places (N, 3) in [-1, 1]; return (N, num_outputs)."""
        # Lines of numbers are put together, and not pairs, which takes many times as long.
        x, y, z = places.t().contiguous()
        return self.planes(torch.stack([x, y, x, z, z, y]).view(3, 2, -1).mT)


class HashGrid(nn.Module):
    """Grids of rising fineness whose points share the rows of a table (instant-ngp, Müller et al. 2022).

    Args:
        levels: grids.
        channels: numbers at each point.
        coarsest: points along each side of the first grid.
        finest: of the last.
        table: rows of each table, a power of two.
    """

    def __init__(
        self, levels: int = 16, channels: int = 2, coarsest: int = 16, finest: int = 2048, table: int = 2**16
    ) -> None:
        super().__init__()
        growth = (finest / coarsest) ** (1 / max(1, levels - 1))
        self.resolutions = [math.floor(coarsest * growth**level + 1e-6) for level in range(levels)]
        self.table = table
        self.values = nn.Parameter(torch.empty(levels * table, channels).uniform_(-1e-4, 1e-4))
        self.num_outputs = levels * channels

    def forward(self, places: Tensor) -> Tensor:
        """Read places (N, 3) in [-1, 1]; return (N, num_outputs)."""
        unit = (places.float() + 1) / 2
        return torch.cat([self._level(number, unit) for number in range(len(self.resolutions))], dim=1)

    def _level(self, number: int, unit: Tensor) -> Tensor:
        resolution = self.resolutions[number]
        scaled = unit.clamp(0, 1) * (resolution - 1)
        corner = scaled.detach().floor().clamp(max=max(0, resolution - 2)).long()  # (N, 3)
        part = scaled - corner
        rows, shares = [], []
        for bits in range(8):
            offset = torch.tensor([bits & 1, bits >> 1 & 1, bits >> 2], device=unit.device)
            rows.append(self._row(corner + offset, resolution) + number * self.table)
            shares.append(torch.where(offset.bool(), part, 1 - part).prod(dim=1))
        return F.embedding_bag(
            torch.stack(rows, dim=1), self.values, per_sample_weights=torch.stack(shares, dim=1), mode="sum"
        )

    def _row(self, index: Tensor, resolution: int) -> Tensor:
        """Row of the table of each point of a grid (N, 3): its number where they all have one of their own."""
        if resolution**3 <= self.table:
            return index[:, 0] + resolution * (index[:, 1] + resolution * index[:, 2])
        mixed = index * torch.tensor(_PRIMES, device=index.device)
        return (mixed[:, 0] ^ mixed[:, 1] ^ mixed[:, 2]) % self.table


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
        """Evaluate places.

        Args:
            points: (N, 3) head space, centimetres.
            ray: int64 (N,): the ray that each lies on.
            views: the rays.
        """
        shape, change = self._shape(points, views.condition, views.face_of(ray))
        ray_features = self.prepare(views).ray_features
        assert ray_features is not None
        color = F.relu(self.color_first.own(shape[:, 1:]) + ray_features.index_select(0, ray))
        return Radiance(
            density_of(shape[:, 0].float() + _START_LOGARITHM), torch.sigmoid(self.color_last(color).float()), change
        )

    def prepare(self, views: Views) -> Views:
        """Bring direction and individual code of each ray through the first layer of the colour."""
        if views.ray_features is not None:
            return views
        return views._replace(ray_features=self.color_first.shared(self._shared(views)))

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
        """Logarithm of the density and the input of the colour (N, 1 + shape), and how much the motion matters (N,)."""
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
            encoded = spherical_harmonics(directions)
        else:
            encoded = frequency_encoding(directions, _DIRECTION_OCTAVES)
        return torch.cat([encoded, views.appearance], dim=1)
