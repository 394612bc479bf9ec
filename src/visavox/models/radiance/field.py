"""Radiance field: density and colour of a place in head space, seen from a direction, of a moving face.

Also the encoding of places and directions in numbers that a small network can tell apart.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

NUM_HARMONICS = 9
"""Spherical harmonics up to degree 2."""
LARGEST_LOGARITHM = 8.0
"""Of a density per centimetre: light is gone after a hundredth of a millimetre."""


def frequency_encoding(values: Tensor, octaves: int) -> Tensor:
    """Sines and cosines of rising frequency (NeRF, equation 4), with the values themselves in front.

    Args:
        values: (..., D) in about [-1, 1].
        octaves: number of frequencies pi, 2 pi, 4 pi, ...

    Returns:
        (..., D * (1 + 2 * octaves)).
    """
    frequencies = math.pi * 2.0 ** torch.arange(octaves, device=values.device, dtype=values.dtype)
    angles = (values[..., None] * frequencies).flatten(-2)
    return torch.cat([values, torch.sin(angles), torch.cos(angles)], dim=-1)


def encoded_size(dimensions: int, octaves: int) -> int:
    """Numbers that `frequency_encoding` makes of so many."""
    return dimensions * (1 + 2 * octaves)


def spherical_harmonics(directions: Tensor) -> Tensor:
    """Real spherical harmonics of degrees 0 to 2, (..., 9), of directions (..., 3) of length one."""
    x, y, z = directions.unbind(dim=-1)
    return torch.stack(
        [
            torch.full_like(x, 0.5 / math.sqrt(math.pi)),
            math.sqrt(0.75 / math.pi) * y,
            math.sqrt(0.75 / math.pi) * z,
            math.sqrt(0.75 / math.pi) * x,
            0.5 * math.sqrt(15 / math.pi) * x * y,
            0.5 * math.sqrt(15 / math.pi) * y * z,
            0.25 * math.sqrt(5 / math.pi) * (3 * z * z - 1),
            0.5 * math.sqrt(15 / math.pi) * x * z,
            0.25 * math.sqrt(15 / math.pi) * (x * x - y * y),
        ],
        dim=-1,
    )


class ConditionedLinear(nn.Module):
    """A linear layer of a sample's own numbers and of numbers that many samples share.

    The same as one layer of both side by side, but what is shared is multiplied once, not for every sample.

    Args:
        own: size of what each sample has.
        shared: size of what is shared.
        outputs: size of the result.
    """

    def __init__(self, own: int, shared: int, outputs: int) -> None:
        super().__init__()
        self.own = nn.Linear(own, outputs)
        self.shared = nn.Linear(shared, outputs, bias=False)

    def forward(self, own: Tensor, shared: Tensor, owner: Tensor | None) -> Tensor:
        """Map samples.

        Args:
            own: (N, own).
            shared: (G, shared).
            owner: int64 (N,) row of `shared` of each sample; None if there is one row for all.

        Returns:
            (N, outputs).
        """
        common = self.shared(shared)
        return self.own(own) + (common if owner is None else common.index_select(0, owner))


class Condition(NamedTuple):
    """State of F faces at their moments: motion and light."""

    motion: Tensor
    """float32 (F, K): code of the landmarks."""
    appearance: Tensor
    """float32 (F, A): individual code of the frame."""


class Views(NamedTuple):
    """R rays and the faces that they see."""

    directions: Tensor
    """float32 (R, 3) of length one, head space."""
    face: Tensor | None
    """int64 (R,): which face a ray sees; None if there is only one."""
    condition: Condition
    """The faces."""
    ray_features: Tensor | None = None
    """Features of each ray, (R, K), from `Field.prepare`; None where the field is to compute them itself."""

    @property
    def appearance(self) -> Tensor:
        """Individual code that each ray sees its face with, (R, A)."""
        codes = self.condition.appearance
        return codes.expand(len(self.directions), -1) if self.face is None else codes[self.face]

    def face_of(self, ray: Tensor) -> Tensor | None:
        """Return the faces, int64 (N,), of rays given by number, int64 (N,); None if there is only one face."""
        return None if self.face is None else self.face[ray]


class Radiance(NamedTuple):
    """Density and colour of N places."""

    density: Tensor
    """float32 (N,), 0 or more, per centimetre."""
    color: Tensor
    """float32 (N, 3) RGB in [0, 1]."""
    change: Tensor
    """float32 (N,), 0 or more: how much the motion of the face matters here; what is regularised outside the face."""


class Field(nn.Module, ABC):
    """A radiance field F(x, d, landmarks) -> colour, density (GeneFace, equation 5).

    Args:
        low: smallest coordinates of the box that it fills, centimetres.
        high: largest.
    """

    low: Tensor
    """(3,) smallest coordinates of the box, centimetres."""
    high: Tensor
    """(3,) largest coordinates."""

    def __init__(self, low: tuple[float, float, float], high: tuple[float, float, float]) -> None:
        super().__init__()
        self.register_buffer("low", torch.tensor(low))
        self.register_buffer("high", torch.tensor(high))

    @property
    def half_sides(self) -> Tensor:
        """(3,) half of the box's sides, centimetres."""
        return (self.high - self.low) / 2

    def place(self, points: Tensor) -> Tensor:
        """Bring points (N, 3) of the box into [-1, 1]."""
        return (points - self.low) / self.half_sides - 1

    def prepare(self, views: Views) -> Views:
        """Work out, once, what all samples of a ray share; worth it where the same views are looked along in parts."""
        return views

    @abstractmethod
    def forward(self, points: Tensor, ray: Tensor, views: Views) -> Radiance:
        """Look at places.

        Args:
            points: (N, 3) head space, centimetres.
            ray: int64 (N,): the ray that each lies on.
            views: the rays.
        """

    @abstractmethod
    def density(self, points: Tensor, condition: Condition) -> Tensor:
        """Return the density (N,) of places (N, 3) of one face (F = 1)."""

    @abstractmethod
    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return groups for an optimiser, each with its `rate_factor`."""


def density_of(logarithm: Tensor) -> Tensor:
    """Density of its logarithm, whose gradient never explodes (the `trunc_exp` of torch-ngp).

    Args:
        logarithm: float (any shape), natural logarithm of a density per centimetre; larger than `LARGEST_LOGARITHM`
            counts as that.

    Returns:
        float32 (same shape), 0 or more, per centimetre.
    """
    return torch.exp(logarithm.float().clamp(max=LARGEST_LOGARITHM))
