"""Occupancy grid: cells where a head can be, and where it hides what lies behind; rays skip nearly all others.

A grid of cells keeps, for the poses of the face that were seen, the largest density of each cell, which says that a
cell is not always empty, and the smallest, which says that it is never transparent. Samples are taken only in cells
that are not always empty, and only as long as the smallest densities before them let light through. Lips that part
have a smallest density of zero, so what is behind them is sampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visavox.models.radiance.rays import Camera, Rays, clip_to_box, project
from visavox.models.radiance.volume import LARGEST_THICKNESS, Samples

FORGETTING = (0.2, 0.02)
"""Share by which the largest and the smallest density of a cell move towards one between them, each time that it is
looked at. What may hide something is believed more slowly: lips that are shut in ten frames part in the eleventh."""
UNKNOWN = 1e4
"""Largest density of a cell that was never looked at."""
_MAX_CANDIDATES = 1 << 21
"""Places on rays that are looked up at a time, which bounds the memory."""


class OccupancyGrid(nn.Module):
    """Smallest and largest density of the cells of a box.

    Args:
        low: smallest coordinates of the box, centimetres.
        high: largest.
        cells: cells along each side.
        empty: a sample whose share of the light stays below this is not worth taking.
        hidden: share of the light below which what lies behind is not worth taking.
    """

    highest: Tensor
    lowest: Tensor
    possible: Tensor
    low: Tensor
    high: Tensor

    def __init__(
        self,
        low: tuple[float, float, float],
        high: tuple[float, float, float],
        cells: int = 64,
        empty: float = 0.005,
        hidden: float = 1e-3,
    ) -> None:
        super().__init__()
        self.cells, self.empty, self.hidden = cells, empty, hidden
        self.register_buffer("low", torch.tensor(low))
        self.register_buffer("high", torch.tensor(high))
        # Nothing is known: any cell may hold something, none hides anything.
        self.register_buffer("highest", torch.full((cells,) * 3, UNKNOWN))
        self.register_buffer("lowest", torch.zeros((cells,) * 3))
        self.register_buffer("possible", torch.ones((cells,) * 3, dtype=torch.bool))
        self._tables: _Tables | None = None
        self.register_load_state_dict_post_hook(lambda module, _keys: module.forget_tables())  # type: ignore[no-untyped-call]

    def forget_tables(self) -> None:
        """Say that the extremes have changed."""
        self._tables = None

    @torch.no_grad()
    def carve(self, camera: Camera, rotations: Tensor, translations: Tensor, masks: Tensor) -> None:
        """Leave out for good what is seen beside the head in most images, or is never in the image.

        The visual hull (Laurentini 1994), by votes: a mask may be wrong in a frame.

        Args:
            camera: of the images.
            rotations: (F, 3, 3), head to camera.
            translations: (F, 3), centimetres.
            masks: bool (F, H, W): head, and as much around it as it may move or be missed by.
        """
        height, width = masks.shape[1:]
        number = torch.arange(self.cells**3, device=self.low.device)
        centers = self.low + (self._index(number) + 0.5) / self.cells * (self.high - self.low)
        inside, seen = torch.zeros(len(number)), torch.zeros(len(number))
        for rotation, translation, mask in zip(rotations, translations, masks, strict=True):
            column, row = project(camera, centers, rotation, translation).round().long().unbind(dim=1)
            in_image = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            hit = mask[row.clamp(0, height - 1), column.clamp(0, width - 1)] & in_image
            seen, inside = seen + in_image.cpu(), inside + hit.cpu()
        self.possible.copy_((inside > 0.5 * seen).view_as(self.possible))
        self.forget_tables()

    def _index(self, number: Tensor) -> Tensor:
        """Place of cells in the grid, x, y and z, (N, 3), by their numbers (N,)."""
        return torch.stack([number % self.cells, number // self.cells % self.cells, number // self.cells**2], dim=1)

    @torch.no_grad()
    def update(self, density: Callable[[Tensor], Tensor], count: int, generator: torch.Generator) -> None:
        """Evaluate a random place in each of some cells, drawn at random.

        Args:
            density: gives the density (N,) at points (N, 3), for a face as it was seen.
            count: cells to evaluate.
            generator: chance.
        """
        total = self.cells**3
        cell = torch.randint(total, (min(count, total),), generator=generator, device=generator.device)
        self._evaluate(cell.to(self.low.device), density, generator)
        self.forget_tables()

    @torch.no_grad()
    def rebuild(self, densities: list[Callable[[Tensor], Tensor]], generator: torch.Generator) -> None:
        """Evaluate all cells again, once for each face, and forget what was known before.

        Args:
            densities: for each face what gives the density (N,), per centimetre, at points (N, 3), centimetres.
            generator: chance.
        """
        self.highest.fill_(UNKNOWN)
        for density in densities:
            for cell in torch.arange(self.cells**3, device=self.low.device).split(1 << 16):
                self._evaluate(cell, density, generator, (0.0, 0.0))
        self.forget_tables()

    def _evaluate(
        self,
        cell: Tensor,
        density: Callable[[Tensor], Tensor],
        generator: torch.Generator,
        forgetting: tuple[float, float] = FORGETTING,
    ) -> None:
        index = self._index(cell)
        place = torch.rand(index.shape, generator=generator, device=generator.device).to(self.low.device)
        seen = density(self.low + (index + place) / self.cells * (self.high - self.low)).float()
        new = self.highest.view(-1)[cell] == UNKNOWN
        limits = (torch.maximum, torch.minimum)
        for extremes, limit, share in zip((self.highest, self.lowest), limits, forgetting, strict=True):
            known = extremes.view(-1)[cell]
            extremes.view(-1)[cell] = torch.where(new, seen, limit(known + share * (seen - known), seen))

    @torch.no_grad()
    def march(self, rays: Rays, step: float, max_samples: int, generator: torch.Generator | None = None) -> Samples:
        """Take samples where there can be something to see.

        Args:
            rays: inside the box.
            step: centimetres between samples.
            max_samples: most samples of a ray; a ray that needs more takes them further apart.
            generator: moves the samples of each ray by up to a step, and chooses among those that are too many; the
                middle where None.

        Returns:
            The samples, at most `max_samples` of each ray.
        """
        tables = self._lookup(step)
        tight = clip_to_box(rays.origins, rays.directions, tables.low, tables.high)
        near, far = torch.maximum(rays.near, tight.near), torch.minimum(rays.far, tight.far)
        hit = torch.nonzero(far > near)[:, 0]
        if not len(hit):
            return Samples(hit, rays.near[hit], rays.near[hit], len(rays.near))
        rays = Rays(rays.origins[hit], rays.directions[hit], near[hit], far[hit])
        count = math.ceil(float((rays.far - rays.near).max()) / step)
        place = torch.full_like(rays.near, 0.5) if generator is None else _uniform(len(hit), generator, rays.near)
        parts = []
        for chunk in torch.arange(len(hit), device=hit.device).split(max(1, _MAX_CANDIDATES // count)):
            part = Rays(*(column[chunk] for column in rays))
            kept = self._worth_taking(tables, part, place[chunk], step, count)
            number, distance, length = _thin_out(kept, max_samples, place[chunk])
            start = part.near[number] + place[chunk][number] * step
            parts.append((hit[chunk][number], start + distance * step, length * step))
        ray, distance, length = (torch.cat(column) for column in zip(*parts, strict=True))
        return Samples(ray, distance, length, len(near))

    def _worth_taking(self, tables: _Tables, rays: Rays, place: Tensor, step: float, count: int) -> Tensor:
        """Tell which of `count` places on each ray can be seen and not be empty: bool (R, count)."""
        scale = self.cells / (self.high - self.low)
        begin = (rays.origins + (rays.near + place * step)[:, None] * rays.directions - self.low) * scale  # (R, 3)
        stride = rays.directions * step * scale
        steps = torch.arange(count, device=begin.device, dtype=begin.dtype)
        index: Tensor | None = None
        for axis in (2, 1, 0):
            cell = torch.addcmul(begin[:, axis, None], stride[:, axis, None], steps).clamp_(0, self.cells - 1).int()
            index = cell if index is None else index.mul_(self.cells).add_(cell)
        assert index is not None
        # (R, count), below 0 where it is empty
        thickness = tables.thickness.index_select(0, index.flatten()).view_as(index)
        kept = (thickness >= 0) & (steps * step < (rays.far - rays.near - place * step)[:, None])
        if tables.hides:
            before = torch.cumsum(thickness.clamp_(min=0), dim=1)
            # Before a sample means without itself: shifted by one.
            kept[:, 1:] &= before[:, :-1] < -math.log(self.hidden)
        return kept

    def _lookup(self, step: float) -> _Tables:
        """Prepare what `march` looks up: cells with their neighbours, as a cell was looked at in single places."""
        if self._tables is None or self._tables.step != step:
            highest = F.max_pool3d(self.highest[None, None], 3, stride=1, padding=1)[0, 0]
            lowest = -F.max_pool3d(-self.lowest[None, None], 3, stride=1, padding=1)[0, 0]
            occupied = (highest * step > self.empty) & self.possible
            thickness = torch.where(occupied, (lowest * step).clamp(max=LARGEST_THICKNESS), -1.0)
            low, high = self._bounds(occupied)
            self._tables = _Tables(step, thickness.flatten(), bool((thickness > 0).any()), low, high)
        return self._tables

    def _bounds(self, occupied: Tensor) -> tuple[Tensor, Tensor]:
        """Smallest box around the occupied cells; one without size if there are none."""
        cells = torch.nonzero(occupied).flip(1)  # x, y, z
        if not len(cells):
            return self.low, self.low
        size = (self.high - self.low) / self.cells
        return self.low + cells.amin(dim=0) * size, self.low + (cells.amax(dim=0) + 1) * size

    def bounds(self, step: float) -> tuple[Tensor, Tensor]:
        """Smallest box around everything that samples of this step would be taken in: low and high, (3,)."""
        tables = self._lookup(step)
        return tables.low, tables.high

    @property
    def share_occupied(self) -> float:
        """Share of the cells that are not always empty, at the step that was last marched by."""
        return 1.0 if self._tables is None else float((self._tables.thickness >= 0).float().mean())


class _Tables(NamedTuple):
    step: float
    """Centimetres between samples."""
    thickness: Tensor
    """float32 (cells ** 3,): least optical thickness of a step in each cell; -1 where it is always empty."""
    hides: bool
    """Tell whether any cell is never transparent."""
    low: Tensor
    high: Tensor
    """Box around the cells that are not always empty."""


def _thin_out(kept: Tensor, max_samples: int, place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """List what is kept, (R, count), and of a ray with too many evenly spaced ones.

    Returns:
        ray: int64 (N,). number of the place on the ray: float32 (N,). length in steps: float32 (N,).
    """
    counts = kept.sum(dim=1)  # (R,)
    taken = counts.clamp(max=max_samples)
    ray = torch.repeat_interleave(torch.arange(len(kept), device=kept.device), taken)
    first_taken = torch.cumsum(taken, dim=0) - taken
    first_kept = torch.cumsum(counts, dim=0) - counts
    number = torch.arange(len(ray), device=kept.device) - first_taken[ray]
    stride = counts[ray] / taken[ray].clamp(min=1)
    selected = first_kept[ray] + torch.minimum((number + place[ray]) * stride, counts[ray] - 1).long()
    column = torch.nonzero(kept.flatten())[:, 0] % kept.shape[1]
    return ray, column[selected].float(), stride


def _uniform(count: int, generator: torch.Generator, like: Tensor) -> Tensor:
    return torch.rand(count, generator=generator, device=generator.device).to(like.device, like.dtype)
