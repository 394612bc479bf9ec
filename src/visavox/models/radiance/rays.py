"""Rays of a pinhole camera through a head, in the conventions of `visavox.face.geometry.pose`.

Camera space has x to the right of the image, y up, and the camera at its origin, looking along -z. The centre of the
pixel in the upper left corner lies at (0, 0). Lengths are centimetres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

_BEHIND = 1e-3
"""Centimetres before the camera that a point needs to be seen at all."""


@dataclass(frozen=True)
class Camera:
    """A camera that stands still."""

    focal_length: float
    """Pixels."""
    principal_point: tuple[float, float]
    """Principal point in the image, pixels."""
    size: tuple[int, int]
    """Width and height of the image, pixels."""


class Rays(NamedTuple):
    """R rays, each between two distances from the camera."""

    origins: Tensor
    """float32 (R, 3), centimetres."""
    directions: Tensor
    """float32 (R, 3) of length one."""
    near: Tensor
    """float32 (R,): where the ray begins, centimetres from its origin."""
    far: Tensor
    """float32 (R,): where it ends; not above `near` if there is nothing to see on it."""

    def points(self, ray: Tensor, distance: Tensor) -> Tensor:
        """Return the points (N, 3) at a distance (N,) on rays given by number (N,)."""
        origins, directions = self.origins.index_select(0, ray), self.directions.index_select(0, ray)
        return torch.addcmul(origins, distance[:, None], directions)


def scaled(camera: Camera, size: int) -> Camera:
    """Return the same view of a square image in one of another side: its borders stay where they are."""
    scale = size / camera.size[0]
    x, y = ((place + 0.5) * scale - 0.5 for place in camera.principal_point)
    return Camera(camera.focal_length * scale, (x, y), (size, size))


def cast_rays(camera: Camera, pixels: Tensor, rotations: Tensor, translations: Tensor) -> tuple[Tensor, Tensor]:
    """Cast rays through pixels, in the space that a pose takes to the camera.

    Args:
        camera: where they start.
        pixels: (..., R, 2) x and y.
        rotations: (..., 3, 3) head to camera.
        translations: (..., 3) centimetres.

    Returns:
        origins and directions (of length one), both (..., R, 3).
    """
    center = torch.tensor(camera.principal_point, dtype=pixels.dtype, device=pixels.device)
    plane = (pixels - center) / camera.focal_length  # (..., R, 2)
    seen = torch.stack([plane[..., 0], -plane[..., 1], -torch.ones_like(plane[..., 0])], dim=-1)
    seen = seen / seen.norm(dim=-1, keepdim=True)
    # Rows times R is R^T times columns: camera to head.
    directions = seen @ rotations
    origins = -(translations[..., None, :] @ rotations)
    return origins.expand_as(directions), directions


def project(camera: Camera, points: Tensor, rotation: Tensor, translation: Tensor) -> Tensor:
    """Project points (..., 3) of head space into the image, (..., 2) pixels: `geometry.pose.project` in torch."""
    seen = points @ rotation.mT + translation
    scale = camera.focal_length / (-seen[..., 2:]).clamp(min=_BEHIND)
    center = torch.tensor(camera.principal_point, dtype=points.dtype, device=points.device)
    return center + scale * seen[..., :2] * torch.tensor([1.0, -1.0], dtype=points.dtype, device=points.device)


def clip_to_box(origins: Tensor, directions: Tensor, low: Tensor, high: Tensor) -> Rays:
    """Let rays begin where they enter a box and end where they leave it.

    Args:
        origins: (R, 3).
        directions: (R, 3) of length one.
        low: (3,) smallest coordinates of the box.
        high: (3,) largest.
    """
    # A direction of exactly 0 would make 0 * inf on the face of the box.
    inverse = 1 / torch.where(directions.abs() < 1e-9, torch.full_like(directions, 1e-9), directions)
    one, other = (low - origins) * inverse, (high - origins) * inverse
    near = torch.minimum(one, other).amax(dim=-1).clamp(min=0)
    return Rays(origins, directions, near, torch.maximum(one, other).amin(dim=-1))


def box_region(
    camera: Camera, low: Tensor, high: Tensor, rotation: Tensor, translation: Tensor
) -> tuple[int, int, int, int]:
    """Return the pixels x0, y0, x1, y1 (half open) in which a box of head space can be seen.

    It is the whole image if the box reaches behind the camera.

    Args:
        camera: of the image.
        low: (3,) smallest coordinates of the box, centimetres.
        high: (3,) largest.
        rotation: (3, 3) head to camera.
        translation: (3,) centimetres.
    """
    width, height = camera.size
    corners = torch.cartesian_prod(*torch.stack([low, high]).unbind(dim=1))  # (8, 3)
    if ((corners @ rotation.mT + translation)[:, 2] > -_BEHIND).any():
        return 0, 0, width, height
    seen = project(camera, corners, rotation, translation)
    x0, y0 = (math.floor(value) for value in seen.amin(dim=0).tolist())
    x1, y1 = (math.ceil(value) + 1 for value in seen.amax(dim=0).tolist())
    x0, y0 = max(0, min(x0, width)), max(0, min(y0, height))
    return x0, y0, max(x0, min(x1, width)), max(y0, min(y1, height))


def pixel_grid(region: tuple[int, int, int, int], device: torch.device | None = None) -> Tensor:
    """Return the pixels of a region row by row, float32 (R, 2) x and y."""
    x0, y0, x1, y1 = region
    rows, columns = torch.arange(y0, y1, device=device), torch.arange(x0, x1, device=device)
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1).float()
