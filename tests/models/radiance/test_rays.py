from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from visavox.face.geometry import pose
from visavox.models.radiance.rays import Camera, box_region, cast_rays, clip_to_box, pixel_grid, project, scaled

SIZE = (120, 90)
CAMERA = Camera(pose.focal_length(SIZE), ((SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2), SIZE)


def a_pose(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    rotation = Rotation.from_rotvec(0.4 * rng.standard_normal(3)).as_matrix()
    return torch.from_numpy(rotation), torch.from_numpy(np.array([3.0, -2.0, -55.0]) + rng.standard_normal(3))


def test_a_ray_through_the_picture_of_a_point_hits_the_point() -> None:
    points = torch.randn(20, 3, dtype=torch.float64) * 5
    for seed in range(3):
        rotation, translation = a_pose(seed)
        seen = pose.project(points.numpy(), rotation.numpy()[None], translation.numpy()[None], SIZE)[0]
        origins, directions = cast_rays(CAMERA, torch.from_numpy(seen), rotation, translation)
        distance = ((points - origins) * directions).sum(dim=1, keepdim=True)
        assert (distance > 40).all()
        assert torch.allclose(origins + distance * directions, points, atol=1e-9)
        assert torch.allclose(directions.norm(dim=1), torch.ones(20, dtype=torch.float64))


def test_project_is_that_of_the_pose_module() -> None:
    points = torch.randn(7, 3, dtype=torch.float64) * 5
    rotation, translation = a_pose(5)
    expected = pose.project(points.numpy(), rotation.numpy()[None], translation.numpy()[None], SIZE)[0]
    np.testing.assert_allclose(project(CAMERA, points, rotation, translation).numpy(), expected, atol=1e-9)


def test_several_poses_at_once() -> None:
    pixels = torch.rand(2, 5, 2, dtype=torch.float64) * 80
    poses = [a_pose(seed) for seed in (1, 2)]
    together = cast_rays(CAMERA, pixels, *(torch.stack(part) for part in zip(*poses, strict=True)))
    for number, one in enumerate(poses):
        for whole, alone in zip(together, cast_rays(CAMERA, pixels[number], *one), strict=True):
            assert torch.allclose(whole[number], alone)


def test_rays_begin_and_end_at_the_box() -> None:
    origins = torch.tensor([[0.0, 0.0, 10.0], [0.0, 5.0, 10.0], [0.0, 0.0, 0.5]])
    directions = torch.tensor([[0.0, 0.0, -1.0]]).expand(3, 3)
    rays = clip_to_box(origins, directions, torch.tensor([-1.0, -1, -1]), torch.tensor([1.0, 1, 1]))
    assert torch.allclose(rays.near[[0, 2]], torch.tensor([9.0, 0.0]))
    assert torch.allclose(rays.far[[0, 2]], torch.tensor([11.0, 1.5]))
    assert rays.far[1] <= rays.near[1]  # goes past


def test_the_region_holds_every_pixel_whose_ray_meets_the_box() -> None:
    low, high = torch.tensor([-5.0, -6.0, -7.0]), torch.tensor([4.0, 6.0, 2.0])
    rotation, translation = (part.float() for part in a_pose(3))
    x0, y0, x1, y1 = box_region(CAMERA, low, high, rotation, translation)
    assert 0 < x0 < x1 < SIZE[0]
    pixels = pixel_grid((0, 0, *SIZE))
    rays = clip_to_box(*cast_rays(CAMERA, pixels, rotation, translation), low, high)
    hit = pixels[rays.far > rays.near]
    assert len(hit) > 100
    assert (hit >= torch.tensor([x0, y0])).all()
    assert (hit < torch.tensor([x1, y1])).all()


def test_a_box_around_the_camera_is_seen_everywhere() -> None:
    assert box_region(CAMERA, torch.full((3,), -9.0), torch.full((3,), 9.0), torch.eye(3), torch.zeros(3)) == (
        0,
        0,
        *SIZE,
    )


def test_a_scaled_view_keeps_the_borders_of_the_picture() -> None:
    camera = Camera(40.0, (20.0, 11.5), (32, 32))
    points = torch.tensor([[3.0, 2.0, 1.0], [-5.0, -6.0, 2.0]])
    upright = (torch.eye(3), torch.tensor([0.0, 0.0, -50.0]))
    small, large = (project(scaled(camera, size), points, *upright) for size in (32, 64))
    assert torch.allclose((large + 0.5) / 2, small + 0.5, atol=1e-4)
    assert scaled(camera, 32) == camera
