"""The Head-NeRF: a radiance field of a head, conditioned by landmarks, and how images are made of it.

Two fields behind one interface: `grid`, which skips what is empty or hidden, and `frequency`, the paper's, which is
sampled coarsely and then finely. The background, still or with the torso rendered on it, is what the light comes from
that passes the head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from visavox.models.radiance.field import Condition, Field, Radiance, Views
from visavox.models.radiance.frequency_field import FrequencyField, FrequencyFieldConfig
from visavox.models.radiance.grid_field import GridField, GridFieldConfig
from visavox.models.radiance.landmark_encoder import LandmarkEncoder, LandmarkEncoderConfig
from visavox.models.radiance.occupancy import OccupancyGrid
from visavox.models.radiance.rays import Camera, Rays, box_region, cast_rays, clip_to_box, pixel_grid
from visavox.models.radiance.volume import (
    Composite,
    Samples,
    composite,
    composite_dense,
    lengths_of,
    resample,
    stratified,
    sum_by_ray,
)
from visavox.runtime.device import multiplies_bfloat16

SLAB = 4
"""Samples of a ray between two looks at whether any light still comes through."""
PORTION = 1024
"""Samples and rays are looked at in multiples of this many: the library that multiplies matrices on a processor builds,
and keeps, a kernel for every number of rows that it meets, and no two frames have the same."""
STOP = 1 / 255
"""Share of the light below which a ray ends: no colour of an image is off by more than one step of eight bits."""


@dataclass(frozen=True)
class HeadConfig:
    """Dimensions of a Head-NeRF."""

    kind: Literal["grid", "frequency"] = "grid"
    """Field of the head."""
    grid: GridFieldConfig = field(default_factory=GridFieldConfig)
    """The field of this kind."""
    frequency: FrequencyFieldConfig = field(default_factory=FrequencyFieldConfig)
    """The field of that kind."""
    landmarks: LandmarkEncoderConfig = field(default_factory=LandmarkEncoderConfig)
    """Encoder of the landmarks."""
    low: tuple[float, float, float] = (-12.0, -15.0, -17.0)
    """Smallest coordinates of the box in head space that holds the head, centimetres."""
    high: tuple[float, float, float] = (12.0, 16.0, 7.0)
    """Largest coordinates."""
    step: float = 0.3
    """Centimetres between samples of the field `grid`."""
    max_samples: int = 16
    """Most samples of a ray through the field `grid`."""
    cells: int = 64
    """Cells along each side of the occupancy grid."""
    num_frames: int = 1
    """Frames that have an individual code."""
    appearance: int = 4
    """Numbers of an individual code, which takes up what changes from frame to frame for no reason; 0 for none."""

    def __post_init__(self) -> None:
        """Refuse boxes without inside, and steps that lead nowhere."""
        if any(low >= high for low, high in zip(self.low, self.high, strict=True)):
            raise ValueError(f"the box from {self.low} to {self.high} has no inside")
        if not self.step > 0 or self.max_samples < 1 or self.num_frames < 1 or self.appearance < 0:
            raise ValueError(
                "give a step above 0 cm, at least one sample and one frame, and 0 or more numbers of a code"
            )


class HeadView(NamedTuple):
    """Rendering of R rays."""

    color: Tensor
    """float32 (R, 3) in [0, 1], background included."""
    opacity: Tensor
    """float32 (R,): how much of it is head."""
    change: Tensor
    """float32 (R,): how much the motion of the face matters, averaged over what is seen."""
    coarse: Tensor | None
    """float32 (R, 3): the same colour by the coarse samples alone, for the field `frequency`."""
    num_samples: int
    """Samples that were taken."""


class HeadImage(NamedTuple):
    """A rendered frame."""

    color: Tensor
    """float32 (H, W, 3) in [0, 1], over the background."""
    opacity: Tensor
    """float32 (H, W): how much of it is head."""
    num_rays: int
    """Rays that were cast."""
    num_samples: int
    """Samples that were taken."""
    torso: Tensor | None = None
    """float32 (H, W): how much of what is not head is torso; None where no torso was rendered."""


class Head(nn.Module):
    """One person's head.

    Args:
        config: what it is made of.
    """

    def __init__(self, config: HeadConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or HeadConfig()
        self.landmarks = LandmarkEncoder(config.landmarks)
        sizes = (config.low, config.high, config.landmarks.size, config.appearance)
        if config.kind == "grid":
            self.field: Field = GridField(config.grid, *sizes)
            self.occupancy = OccupancyGrid(config.low, config.high, config.cells)
        else:
            self.field = FrequencyField(config.frequency, *sizes)
            self.coarse = FrequencyField(config.frequency, *sizes)
        self.appearance = nn.Parameter(torch.zeros(config.num_frames, config.appearance))

    def condition(self, windows: Tensor, frames: Tensor | None = None) -> Condition:
        """Encode what faces do.

        Args:
            windows: float32 (F, window, 68, 3) centimetres, displacements from the canonical face.
            frames: int64 (F,) numbers of the frames whose individual codes are taken; their mean where None.
        """
        codes = self.appearance.mean(dim=0).expand(len(windows), -1) if frames is None else self.appearance[frames]
        return Condition(self.landmarks(windows), codes)

    def rays(self, origins: Tensor, directions: Tensor) -> Rays:
        """Let rays (R, 3) begin and end at the box that holds the head."""
        return clip_to_box(origins, directions, self.field.low, self.field.high)

    def forward(
        self, rays: Rays, views: Views, background: Tensor, generator: torch.Generator | None = None
    ) -> HeadView:
        """Render rays; gradients flow.

        Args:
            rays: R rays.
            views: how they see the faces.
            background: (R, 3) in [0, 1].
            generator: shakes the samples, which is needed for learning; they lie evenly where None.
        """
        if self.config.kind == "frequency":
            return self._hierarchical(rays, views, background, generator)
        samples = self.occupancy.march(rays, self.config.step, self.config.max_samples, generator)
        radiance = self.field(rays.points(samples.ray, samples.distance), samples.ray, views)
        seen = composite(samples, radiance.density, radiance.color, background)
        # The motion is not to be taken back by becoming transparent.
        change = sum_by_ray(samples, seen.weights.detach() * radiance.change)
        return HeadView(seen.color, seen.opacity, change, None, len(samples.ray))

    def _hierarchical(
        self, rays: Rays, views: Views, background: Tensor, generator: torch.Generator | None
    ) -> HeadView:
        settings = self.config.frequency
        assert isinstance(self.coarse, FrequencyField)
        distance, length = stratified(rays.near, rays.far, settings.coarse_samples, generator)
        coarse = render_dense(self.coarse, rays, views, distance, length, background)
        more = resample(distance, coarse.weights, settings.fine_samples, generator)
        distance = torch.sort(torch.cat([distance, more], dim=1), dim=1).values
        length = lengths_of(distance, rays.near, torch.maximum(rays.near, rays.far))
        seen = render_dense(self.field, rays, views, distance, length, background)
        taken = len(rays.near) * (2 * settings.coarse_samples + settings.fine_samples)
        return HeadView(seen.color, seen.opacity, torch.zeros_like(seen.opacity), coarse.color, taken)

    @torch.no_grad()
    def render_rays(self, rays: Rays, views: Views, background: Tensor, stop: float = STOP) -> HeadView:
        """Render rays without gradients: front to back, and only as far as light comes through.

        Args:
            rays: R rays.
            views: how they see the faces.
            background: (R, 3) in [0, 1].
            stop: share of the light below which a ray ends; no colour is further from that of `forward` than this.
        """
        if self.config.kind == "frequency":
            return self._hierarchical(rays, views, background, None)
        samples = self.occupancy.march(rays, self.config.step, self.config.max_samples)
        views = self.field.prepare(views)
        color, change = torch.zeros_like(background), torch.zeros_like(rays.near)
        light = torch.ones_like(rays.near)
        taken = 0
        for slab in _slabs(samples, SLAB):
            slab = slab[light[samples.ray[slab]] > stop]
            if not len(slab):
                break
            whole = _padded(slab)
            ray = samples.ray[whole]
            radiance = self.field(rays.points(ray, samples.distance[whole]), ray, views)
            radiance, ray = Radiance(*(values[: len(slab)] for values in radiance)), ray[: len(slab)]
            part = Samples(ray, samples.distance[slab], samples.length[slab], samples.num_rays)
            seen = composite(part, radiance.density, radiance.color, torch.zeros_like(background))
            color += light[:, None] * seen.color
            change += light * sum_by_ray(part, seen.weights * radiance.change)
            light *= 1 - seen.opacity
            taken += len(slab)
        return HeadView(color + light[:, None] * background, 1 - light, change, None, taken)

    @torch.no_grad()
    def render_frame(
        self, camera: Camera, rotation: Tensor, translation: Tensor, window: Tensor, background: Tensor
    ) -> HeadImage:
        """Render an image.

        Args:
            camera: of the image.
            rotation: (3, 3) head to camera.
            translation: (3,) centimetres.
            window: (window, 68, 3) centimetres: the landmarks of the frame and of those around it.
            background: (H, W, 3) in [0, 1].
        """
        device = background.device
        low, high = self.field.low, self.field.high
        if self.config.kind == "grid":
            low, high = self.occupancy.bounds(self.config.step)
        x0, y0, x1, y1 = region = box_region(camera, low, high, rotation, translation)
        color, opacity = background.clone(), background.new_zeros(background.shape[:2])
        if x0 >= x1 or y0 >= y1:
            return HeadImage(color, opacity, 0, 0)
        origins, directions = cast_rays(camera, pixel_grid(region, device), rotation, translation)
        rays = self.rays(origins, directions)
        with fast_numbers(device):
            views = Views(directions[_padded(torch.arange(len(directions)))], None, self.condition(window[None]))
            seen = self.render_rays(rays, views, background[y0:y1, x0:x1].reshape(-1, 3))
        shape = (y1 - y0, x1 - x0)
        color[y0:y1, x0:x1] = seen.color.view(*shape, 3)
        opacity[y0:y1, x0:x1] = seen.opacity.view(shape)
        return HeadImage(color, opacity, len(directions), seen.num_samples)

    @torch.no_grad()
    def refresh_occupancy(self, windows: Tensor, seed: int = 0) -> None:
        """Evaluate every cell again with each of some faces (F, window, 68, 3) that do all that this one can."""
        if self.config.kind != "grid":
            return
        generator = torch.Generator().manual_seed(seed)
        with fast_numbers(windows.device):
            conditions = [self.condition(window[None]) for window in windows]
            self.occupancy.rebuild([_density_with(self.field, condition) for condition in conditions], generator)

    @torch.no_grad()
    def update_occupancy(self, condition: Condition, generator: torch.Generator) -> None:
        """Evaluate some of the cells with the faces of a batch, each at its share of them."""
        if self.config.kind != "grid":
            return
        faces = len(condition.motion)
        share = self.config.cells**3 // (4 * faces)
        for number in range(faces):
            one = Condition(*(part[number : number + 1] for part in condition))
            self.occupancy.update(_density_with(self.field, one), share, generator)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return groups for an optimiser, each with its `rate_factor`."""
        groups = self.field.parameter_groups()
        if self.config.kind == "frequency":
            groups += self.coarse.parameter_groups()
        return [*groups, {"params": [*self.landmarks.parameters(), self.appearance], "rate_factor": 1.0}]


@contextmanager
def fast_numbers(device: torch.device) -> Iterator[None]:
    """Multiply in bfloat16 where the processor does so faster, while the block runs; sums along rays stay float32."""
    if device.type == "cpu" and not multiplies_bfloat16():
        yield
        return
    with torch.autocast(device.type, torch.bfloat16):
        yield


def _density_with(field: Field, condition: Condition) -> Callable[[Tensor], Tensor]:
    return lambda points: field.density(points, condition)


def render_dense(
    field: Field, rays: Rays, views: Views, distance: Tensor, length: Tensor, background: Tensor
) -> Composite:
    """Render samples at distances (R, S) that stand for lengths (R, S), over a background (R, 3)."""
    shape = distance.shape
    ray = torch.arange(shape[0], device=distance.device).repeat_interleave(shape[1])
    radiance = field(rays.points(ray, distance.flatten()), ray, views)
    return composite_dense(radiance.density.view(shape), radiance.color.view(*shape, 3), length, background)


def _padded(numbers: Tensor) -> Tensor:
    """Repeat the last of some numbers (N,) until there is a multiple of PORTION of them."""
    return torch.cat([numbers, numbers[-1:].expand(-len(numbers) % PORTION)])


def _slabs(samples: Samples, size: int) -> Iterator[Tensor]:
    """Yield the numbers of the first `size` samples of every ray, then of the next, and so on."""
    count = torch.bincount(samples.ray, minlength=samples.num_rays)
    order = torch.arange(len(samples.ray), device=count.device) - (torch.cumsum(count, dim=0) - count)[samples.ray]
    for start in range(0, int(count.max()) if len(samples.ray) else 0, size):
        yield torch.nonzero((order >= start) & (order < start + size))[:, 0]
