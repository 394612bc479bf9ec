"""Learned numbers that lie on grids: three planes through space, planes of two dimensions, and a hash grid."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_PRIMES = (1, 2_654_435_761, 805_459_861)
"""Of the hash function of Müller et al. 2022 (equation 4)."""
_START = 1e-2
"""Largest number on a plane before anything is learned."""


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
