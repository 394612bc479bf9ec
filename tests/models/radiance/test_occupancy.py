from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy.spatial.transform import Rotation

from visavox.models.radiance.occupancy import OccupancyGrid
from visavox.models.radiance.rays import Camera, Rays, cast_rays, clip_to_box, pixel_grid
from visavox.models.radiance.volume import composite

LOW, HIGH = (-10.0, -10.0, -10.0), (10.0, 10.0, 10.0)
STEP = 0.25


def ball(points: torch.Tensor) -> torch.Tensor:
    """A ball of radius 4 that is opaque within a centimetre."""
    return 30.0 * (points.square().sum(dim=1) < 4**2)


def some_rays(count: int = 400, seed: int = 0) -> Rays:
    generator = torch.Generator().manual_seed(seed)
    target = (torch.rand(count, 3, generator=generator) - 0.5) * 14
    origins = torch.tensor([0.0, 0.0, 50.0]).expand(count, 3)
    directions = torch.nn.functional.normalize(target - origins, dim=1)
    return clip_to_box(origins, directions, torch.tensor(LOW), torch.tensor(HIGH))


def picture(
    grid: OccupancyGrid, rays: Rays, density: Callable[..., torch.Tensor] = ball, **changes: Any
) -> tuple[torch.Tensor, int]:
    """Render the ball, coloured by place, over white."""
    samples = grid.march(rays, **({"step": STEP, "max_samples": 1000} | changes))
    points = rays.points(samples.ray, samples.distance)
    seen = composite(samples, density(points), (points / 20 + 0.5).clamp(0, 1), torch.ones(len(rays.near), 3))
    return seen.color, len(samples.ray)


def known(density: Callable[..., Any] = ball, cells: int = 40) -> OccupancyGrid:
    grid = OccupancyGrid(LOW, HIGH, cells)
    grid.rebuild([density], torch.Generator().manual_seed(1))
    return grid


def test_skipping_changes_nothing_visible() -> None:
    rays = some_rays()
    everything, all_samples = picture(OccupancyGrid(LOW, HIGH, 40), rays)
    skipped, samples = picture(known(), rays)
    assert samples < all_samples / 8
    # Samples do not lie in the same places, so borders differ by a step at most.
    assert float((skipped - everything).abs().mean()) < 0.01


def test_where_samples_coincide_so_do_the_colors() -> None:
    rays = some_rays()
    grid = known()
    low, high = grid.bounds(STEP)
    tight = clip_to_box(rays.origins, rays.directions, low, high)
    hit = torch.nonzero(tight.far > tight.near)[:, 0]
    rays = Rays(*(part[hit] for part in tight))
    everything, all_samples = picture(OccupancyGrid(LOW, HIGH, 40), rays)
    skipped, samples = picture(grid, rays)
    assert samples < all_samples / 2
    assert torch.allclose(skipped, everything, atol=2e-3)


def test_the_box_of_what_is_there_is_tight() -> None:
    low, high = known().bounds(STEP)
    assert (low < -4).all()
    assert (high > 4).all()
    assert (low > -6).all()
    assert (high < 6).all()


def test_what_moves_is_neither_empty_nor_hiding() -> None:
    def elsewhere(points: torch.Tensor) -> torch.Tensor:
        return ball(points - torch.tensor([0.0, 0.0, 3.0]))

    grid = OccupancyGrid(LOW, HIGH, 40)
    grid.rebuild([ball, elsewhere], torch.Generator().manual_seed(1))
    for density in (ball, elsewhere):
        whole, _ = picture(OccupancyGrid(LOW, HIGH, 40), some_rays(), density)
        skipped, _ = picture(grid, some_rays(), density)
        assert float((skipped - whole).abs().mean()) < 0.01


def test_nothing_is_known_of_a_new_grid() -> None:
    rays = some_rays(20)
    samples = OccupancyGrid(LOW, HIGH, 8).march(rays, 1.0, 1000)
    covered = torch.zeros(20).index_add(0, samples.ray, samples.length)
    assert torch.allclose(covered, (rays.far - rays.near).clamp(min=0), atol=1.0)


@pytest.mark.parametrize("seed", [None, 3])
def test_too_many_samples_are_spread_out(seed: int | None) -> None:
    rays = some_rays(50)
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    samples = OccupancyGrid(LOW, HIGH, 8).march(rays, 0.1, 16, generator)
    assert (torch.bincount(samples.ray, minlength=50) == 16).all()
    covered = torch.zeros(50).index_add(0, samples.ray, samples.length)
    assert torch.allclose(covered, rays.far - rays.near, atol=0.2)
    assert (samples.ray[1:] >= samples.ray[:-1]).all()
    same = samples.ray[1:] == samples.ray[:-1]
    assert (samples.distance[1:] > samples.distance[:-1])[same].all()


def test_rays_past_the_box_and_empty_grids_give_no_samples() -> None:
    grid = known(lambda points: torch.zeros(len(points)))
    assert len(grid.march(some_rays(), STEP, 16).ray) == 0
    rays = some_rays(5)
    nowhere = Rays(rays.origins, -rays.directions, rays.near, torch.zeros(5))
    assert len(known().march(nowhere, STEP, 16).ray) == 0


def test_extremes_follow_what_is_seen() -> None:
    grid = known()
    generator = torch.Generator().manual_seed(2)
    for _ in range(60):
        grid.update(lambda points: torch.zeros(len(points)), 40**3, generator)
    assert float(grid.highest.max()) < 30
    assert float(grid.lowest.max()) == 0
    grid.update(lambda points: torch.full((len(points),), 50.0), 40**3, generator)
    assert float(grid.highest.max()) == 50


def test_the_hull_of_the_masks_holds_the_head_and_little_more() -> None:
    camera = Camera(60.0, (31.5, 31.5), (64, 64))
    turns = [torch.tensor(Rotation.from_euler("y", angle).as_matrix()).float() for angle in (-0.6, 0.0, 0.6)]
    rotations, translations = torch.stack([*turns, turns[0]]), torch.tensor([0.0, 0.0, -50.0]).expand(4, 3)
    masks = []
    for rotation, translation in zip(rotations[:3], translations[:3], strict=True):
        rays = clip_to_box(
            *cast_rays(camera, pixel_grid((0, 0, 64, 64)), rotation, translation),
            torch.tensor(LOW),
            torch.tensor(HIGH),
        )
        middle = -(rays.origins * rays.directions).sum(dim=1, keepdim=True)
        masks.append(((rays.origins + middle * rays.directions).norm(dim=1) < 4.5).view(64, 64))
    masks.append(torch.zeros(64, 64, dtype=torch.bool))  # a mask that missed the head is outvoted
    grid = OccupancyGrid(LOW, HIGH, 40)
    grid.carve(camera, rotations, translations, torch.stack(masks))
    place = (torch.arange(40) + 0.5) / 2 - 10
    radius = torch.stack(torch.meshgrid(place, place, place, indexing="ij")).norm(dim=0)
    assert grid.possible[radius < 4].all()
    assert float(grid.possible.float().mean()) < 0.15
    whole, all_samples = picture(OccupancyGrid(LOW, HIGH, 40), some_rays())
    carved, samples = picture(grid, some_rays())
    assert samples < all_samples / 4
    assert float((carved - whole).abs().mean()) < 0.01


def test_loaded_numbers_take_effect() -> None:
    grid, other = known(), OccupancyGrid(LOW, HIGH, 40)
    other.bounds(STEP)
    other.load_state_dict(grid.state_dict())
    assert torch.equal(other.bounds(STEP)[0], grid.bounds(STEP)[0])
