"""Places and directions in numbers that a small network can tell apart."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

NUM_HARMONICS = 9
"""Spherical harmonics up to degree 2."""


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
