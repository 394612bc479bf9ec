"""Volume rendering (Max 1995; NeRF, Mildenhall et al. 2020, equation 3): density and colour along rays to pixels.

A sample stands for a piece of its ray, of `length` centimetres, in which density and colour do not change. Light comes
through it in the share exp(-density * length); what comes through all samples shows the background, which is the last
sample of AD-NeRF and GeneFace.

Samples are laid out either densely, (R, S), or one after the other, (N,), each with the number of its ray. The latter
costs nothing for rays that need few samples.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

LARGEST_THICKNESS = 40.0
"""Of one sample: exp(-40) is nothing, and sums over many samples stay exact."""


class Samples(NamedTuple):
    """N samples on R rays: those of the first ray from front to back, then those of the second, and so on."""

    ray: Tensor
    """int64 (N,): number of the ray, never falling."""
    distance: Tensor
    """float32 (N,): centimetres from the origin of the ray."""
    length: Tensor
    """float32 (N,): centimetres that the sample stands for."""
    num_rays: int
    """Number of rays R."""


class Composite(NamedTuple):
    """Rendering of R rays."""

    color: Tensor
    """float32 (R, 3) in [0, 1], background included."""
    opacity: Tensor
    """float32 (R,) in [0, 1]: share of the light that does not come from the background."""
    weights: Tensor
    """float32, a number for each sample: its share of the light."""


def optical_thickness(density: Tensor, length: Tensor) -> Tensor:
    """Density times length, at most `LARGEST_THICKNESS`.

    Args:
        density: float (any shape), 0 or more, per centimetre.
        length: float (same shape), 0 or more, centimetres.

    Returns:
        float (same shape) in [0, `LARGEST_THICKNESS`], without a unit.
    """
    return (density * length).clamp(max=LARGEST_THICKNESS)


def composite_dense(density: Tensor, color: Tensor, length: Tensor, background: Tensor) -> Composite:
    """Composite samples from front to back.

    Args:
        density: (R, S) per centimetre.
        color: (R, S, 3).
        length: (R, S) centimetres.
        background: (R, 3).

    Returns:
        What the rays see; weights (R, S).
    """
    thickness = optical_thickness(density, length)
    transmittance = torch.exp(-(torch.cumsum(thickness, dim=1) - thickness))  # of what lies before each sample
    weights = transmittance * -torch.expm1(-thickness)
    remaining = torch.exp(-thickness.sum(dim=1))
    seen = (weights[..., None] * color).sum(dim=1) + remaining[:, None] * background
    return Composite(seen, 1 - remaining, weights)


def composite(samples: Samples, density: Tensor, color: Tensor, background: Tensor) -> Composite:
    """Composite samples that lie one after the other; the same numbers as `composite_dense`.

    Args:
        samples: where they are.
        density: (N,) per centimetre.
        color: (N, 3).
        background: (R, 3).

    Returns:
        What the rays see; weights (N,).
    """
    thickness = optical_thickness(density, samples.length)
    before, total = _sums_before(samples, thickness)
    weights = torch.exp(-before) * -torch.expm1(-thickness)
    remaining = torch.exp(-total)
    seen = remaining[:, None] * background
    return Composite(seen.index_add(0, samples.ray, weights[:, None] * color), 1 - remaining, weights)


def sum_by_ray(samples: Samples, values: Tensor) -> Tensor:
    """Sum a number of each sample (N,) over its ray, (R,)."""
    return values.new_zeros(samples.num_rays).index_add(0, samples.ray, values)


def _sums_before(samples: Samples, thickness: Tensor) -> tuple[Tensor, Tensor]:
    """Thickness of what lies before each sample on its ray (N,), and of each whole ray (R,).

    One running sum over all rays less that at the ray's beginning: in doubles, or the rays before would drown it.
    """
    running = torch.cumsum(thickness.double(), dim=0)
    ends = torch.cumsum(torch.bincount(samples.ray, minlength=samples.num_rays), dim=0)
    padded = torch.cat([running.new_zeros(1), running])  # sum of the first n samples
    at_end = padded[ends]
    at_start = torch.cat([running.new_zeros(1), at_end[:-1]])
    before = running - thickness.double() - at_start[samples.ray]
    return before.to(thickness.dtype), (at_end - at_start).to(thickness.dtype)


def stratified(near: Tensor, far: Tensor, count: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Place `count` samples on each ray, one in each of as many equal pieces.

    Args:
        near: (R,) where the rays begin.
        far: (R,) where they end.
        count: samples a ray.
        generator: draws the place in each piece; the middle of it where None.

    Returns:
        distance and length, both (R, count).
    """
    shape = (len(near), count)
    place = torch.full(shape, 0.5, device=near.device) if generator is None else _uniform(shape, generator, near)
    length = ((far - near).clamp(min=0) / count)[:, None].expand(shape)
    pieces = torch.arange(count, device=near.device)
    return near[:, None] + (pieces + place) * length, length


def resample(distance: Tensor, weights: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """Draw distances where the light comes from (NeRF, section 5.2), by the inverse of the cumulated weights.

    Args:
        distance: (R, S) of the coarse samples, rising.
        weights: (R, S) theirs; no gradient flows through them.
        count: samples a ray.
        generator: chance; evenly spaced quantiles where None.

    Returns:
        (R, count), rising.
    """
    middles = 0.5 * (distance[:, 1:] + distance[:, :-1])  # borders of the inner samples
    share = weights[:, 1:-1].detach() + 1e-5
    cumulated = torch.cumsum(share / share.sum(dim=1, keepdim=True), dim=1)
    cumulated = torch.cat([torch.zeros_like(cumulated[:, :1]), cumulated], dim=1).contiguous()  # (R, S - 1)
    shape = (len(distance), count)
    place = torch.full(shape, 0.5, device=distance.device)
    if generator is not None:
        place = _uniform(shape, generator, distance)
    quantile = ((torch.arange(count, device=distance.device) + place) / count).to(cumulated.dtype)
    above = torch.searchsorted(cumulated, quantile, right=True).clamp(1, cumulated.shape[1] - 1)
    low, high = cumulated.gather(1, above - 1), cumulated.gather(1, above)
    begin, end = middles.gather(1, above - 1), middles.gather(1, above)
    part = ((quantile - low) / (high - low).clamp(min=1e-8)).clamp(0, 1)
    return begin + part * (end - begin)


def lengths_of(distance: Tensor, near: Tensor, far: Tensor) -> Tensor:
    """Length that each of unevenly spaced samples (R, S) stands for: to half-way between its neighbours."""
    borders = 0.5 * (distance[:, 1:] + distance[:, :-1])
    borders = torch.cat([near[:, None], borders, far[:, None]], dim=1)
    return (borders[:, 1:] - borders[:, :-1]).clamp(min=0)


def _uniform(shape: tuple[int, int], generator: torch.Generator, like: Tensor) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device).to(like.device, like.dtype)
