"""The Torso-NeRF: neck and shoulders, which know what the head does and what is rendered of it in the same pixel.

Two forms behind one interface. `deformation` (RAD-NeRF): pixels are moved on a learned image by a small network that
knows the head's pose; the head lies in front. `radiance` (GeneFace, section 3.4): a radiance field in the space of the
camera, conditioned by landmarks, pose and the head's colour; the torso lies in front and lets the head through.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visavox.models.radiance.field import Condition, ConditionedLinear, Views, encoded_size, frequency_encoding
from visavox.models.radiance.frequency_field import FrequencyField, FrequencyFieldConfig
from visavox.models.radiance.grid_field import Planes
from visavox.models.radiance.head import Head, HeadImage, fast_numbers, render_dense
from visavox.models.radiance.landmark_encoder import LandmarkEncoder, LandmarkEncoderConfig
from visavox.models.radiance.rays import Camera, cast_rays, clip_to_box, pixel_grid
from visavox.models.radiance.volume import Composite, lengths_of, resample, stratified

_REACH = 0.3
"""Largest movement of a pixel by the deformation, in halves of the image."""
_SUPPORT = 32
"""Cells along each side of the map of where a torso was ever seen."""


@dataclass(frozen=True)
class DeformationConfig:
    """Dimensions of the form `deformation`."""

    place_octaves: int = 6
    """Frequencies that a pixel is encoded in, for the movement."""
    pose_octaves: int = 3
    """Frequencies that the pose is encoded in."""
    width: int = 64
    """Numbers in each layer of the movement."""
    channels: int = 16
    """Numbers at each point of the learned image."""
    resolution: int = 192
    """Points along each side of the learned image."""
    margin: float = 0.15
    """By which the learned image is larger than the frame on every side, in halves of the frame: where the person
    sits higher than usual, more of the torso is seen."""
    color_width: int = 32
    """Numbers in each layer of the colour."""


@dataclass(frozen=True)
class TorsoConfig:
    """Dimensions of a Torso-NeRF."""

    kind: Literal["deformation", "radiance"] = "deformation"
    """Form of the torso."""
    deformation: DeformationConfig = field(default_factory=DeformationConfig)
    """The form of this kind."""
    radiance: FrequencyFieldConfig = field(default_factory=FrequencyFieldConfig)
    """The field of that kind."""
    landmarks: LandmarkEncoderConfig = field(default_factory=LandmarkEncoderConfig)
    """Encoder of the landmarks, of the form `radiance`."""
    head_aware: bool = True
    """Tell the head's colour and opacity in the same pixel."""
    head_code: int = 16
    """Numbers that the head's colour is encoded in."""
    head_dropout: float = 0.5
    """Share of training steps in which the head's colour is withheld, so that the torso does not hang on it alone."""
    low: tuple[float, float, float] = (-40.0, -45.0, -90.0)
    """Smallest coordinates of the box in camera space that holds the torso, centimetres; for the form `radiance`."""
    high: tuple[float, float, float] = (40.0, 15.0, -35.0)
    """Largest coordinates."""
    num_frames: int = 1
    """Frames that have an individual code."""
    appearance: int = 8
    """Numbers of an individual code."""


class TorsoQuery(NamedTuple):
    """N pixels of F faces to render a torso in."""

    pixels: Tensor
    """float32 (N, 2): x and y, pixels."""
    face: Tensor | None
    """int64 (N,): which face's image a pixel belongs to; None if there is only one."""
    rotations: Tensor
    """float32 (F, 3, 3), head to camera."""
    translations: Tensor
    """float32 (F, 3), centimetres."""
    windows: Tensor
    """float32 (F, window, 68, 3): landmarks, centimetres."""
    frames: Tensor | None
    """int64 (F,): numbers of the frames whose individual codes are taken; their mean where None."""
    head: Tensor
    """float32 (N, 4): the head's colour, times its opacity, and its opacity; all 0 where it is not to be known."""


class TorsoView(NamedTuple):
    """Colour and opacity of N pixels."""

    color: Tensor
    """float32 (N, 3): the torso alone, not multiplied by its opacity."""
    opacity: Tensor
    """float32 (N,): the torso's own."""
    coarse: TorsoView | None = None
    """The same by the coarse samples alone, for the form `radiance`."""


class Torso(nn.Module):
    """One person's torso.

    Args:
        config: what it is made of.
    """

    pose_mean: Tensor
    pose_deviation: Tensor
    support: Tensor

    def __init__(self, config: TorsoConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or TorsoConfig()
        self.register_buffer("pose_mean", torch.zeros(12))
        self.register_buffer("pose_deviation", torch.ones(12))
        self.register_buffer("support", torch.ones(_SUPPORT, _SUPPORT))
        code = config.head_code if config.head_aware else 0
        if config.head_aware:
            self.head_code = nn.Sequential(
                nn.Linear(4, 16), nn.LeakyReLU(0.02), nn.Linear(16, 32), nn.LeakyReLU(0.02), nn.Linear(32, code)
            )
        self.appearance = nn.Parameter(torch.zeros(config.num_frames, config.appearance))
        if config.kind == "deformation":
            self._build_deformation(config.deformation, code)
        else:
            self.landmarks = LandmarkEncoder(config.landmarks)
            motion = config.landmarks.size + 12 + code
            sizes = (config.low, config.high, motion, config.appearance)
            self.coarse = FrequencyField(config.radiance, *sizes)
            self.field = FrequencyField(config.radiance, *sizes)

    def _build_deformation(self, sizes: DeformationConfig, code: int) -> None:
        place = encoded_size(2, sizes.place_octaves) + code
        shared = encoded_size(12, sizes.pose_octaves) + self.config.appearance
        self.move_first = ConditionedLinear(place, shared, sizes.width)
        self.move_rest = nn.Sequential(
            nn.Linear(sizes.width, sizes.width), nn.ReLU(), nn.Linear(sizes.width, sizes.width), nn.ReLU()
        )
        self.move_last = nn.Linear(sizes.width, 2)
        nn.init.uniform_(self.move_last.weight, -1e-3, 1e-3)
        nn.init.zeros_(self.move_last.bias)
        self.picture = Planes(1, sizes.channels, sizes.resolution)
        self.color_first = ConditionedLinear(sizes.channels + code, shared, sizes.color_width)
        self.color_last = nn.Sequential(
            nn.Linear(sizes.color_width, sizes.color_width), nn.ReLU(), nn.Linear(sizes.color_width, 4)
        )

    def set_statistics(self, rotations: Tensor, translations: Tensor, displacements: Tensor) -> None:
        """Take mean and deviation from the person's poses (T, 3, 3), (T, 3) and landmarks (T, 68, 3)."""
        poses = _pose(rotations, translations)
        self.pose_mean.copy_(poses.mean(dim=0))
        self.pose_deviation.copy_(poses.std(dim=0).clamp(min=0.02))
        if self.config.kind == "radiance":
            self.landmarks.set_statistics(displacements)

    def set_support(self, masks: Tensor) -> None:
        """Remember where a torso was ever seen, in masks (T, H, W) in [0, 1]; elsewhere none is rendered."""
        seen = F.adaptive_max_pool2d(masks.amax(dim=0)[None, None].float(), _SUPPORT)
        self.support.copy_((F.max_pool2d(seen, 3, stride=1, padding=1)[0, 0] > 0.1).float())

    def forward(self, query: TorsoQuery, camera: Camera, generator: torch.Generator | None = None) -> TorsoView:
        """Render the torso alone.

        Args:
            query: which pixels, and what the head is like there.
            camera: of the images.
            generator: chance, for learning; None for images.
        """
        codes = self._head_code(query.head)
        if self.config.kind == "deformation":
            return self._deformed(query, camera, codes)
        return self._radiated(query, camera, codes, generator)

    def withhold(self, head: Tensor) -> Tensor:
        """Blacken what is encoded of the head, (N, 4), as often as the settings say; for learning."""
        withheld = self.config.head_aware and float(torch.rand(())) < self.config.head_dropout
        return torch.zeros_like(head) if withheld else head

    def compose(self, seen: TorsoView, head: Tensor, background: Tensor) -> Tensor:
        """Put head, torso and background together.

        Args:
            seen: the torso in N pixels.
            head: (N, 4) colour times opacity, and opacity.
            background: (N, 3).

        Returns:
            (N, 3) in [0, 1].
        """
        share = seen.opacity[:, None]
        if self.config.kind == "deformation":
            return head[:, :3] + (1 - head[:, 3:]) * (share * seen.color + (1 - share) * background)
        return share * seen.color + (1 - share) * (head[:, :3] + (1 - head[:, 3:]) * background)

    @torch.no_grad()
    def render_frame(
        self, head: Head, camera: Camera, rotation: Tensor, translation: Tensor, window: Tensor, background: Tensor
    ) -> HeadImage:
        """Render head and torso over a background (H, W, 3); takes what `Head.render_frame` takes."""
        black = torch.zeros_like(background)
        image = head.render_frame(camera, rotation, translation, window, black)
        layers = torch.cat([image.color, image.opacity[..., None]], dim=2).view(-1, 4)
        width, height = camera.size
        inside = F.interpolate(self.support[None, None], size=(height, width), mode="bilinear") > 0
        supported = torch.nonzero(inside.flatten())[:, 0]
        pixels = pixel_grid((0, 0, width, height), background.device)[supported]
        flat = background.reshape(-1, 3)
        color = layers[:, :3] + (1 - layers[:, 3:]) * flat
        with fast_numbers(background.device):
            query = TorsoQuery(pixels, None, rotation[None], translation[None], window[None], None, layers[supported])
            seen = self(query, camera)
        color[supported] = self.compose(seen, layers[supported], flat[supported])
        opacity = torch.zeros_like(layers[:, 3])
        opacity[supported] = seen.opacity
        return image._replace(color=color.view(height, width, 3), torso=opacity.view(height, width))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the learned image, which learns ten times as fast, and the rest."""
        fast = list(self.picture.parameters()) if self.config.kind == "deformation" else []
        known = {id(parameter) for parameter in fast}
        slow = {"params": [one for one in self.parameters() if id(one) not in known], "rate_factor": 1.0}
        return [{"params": fast, "rate_factor": 10.0}, slow] if fast else [slow]

    def _head_code(self, head: Tensor) -> Tensor | None:
        return self.head_code(head) if self.config.head_aware else None

    def _individual(self, query: TorsoQuery) -> Tensor:
        if query.frames is None:
            return self.appearance.mean(dim=0).expand(len(query.rotations), -1)
        return self.appearance[query.frames]

    def _poses(self, query: TorsoQuery) -> Tensor:
        return (_pose(query.rotations, query.translations) - self.pose_mean) / self.pose_deviation

    def _deformed(self, query: TorsoQuery, camera: Camera, codes: Tensor | None) -> TorsoView:
        sizes = self.config.deformation
        place = 2 * (query.pixels + 0.5) / torch.tensor(camera.size, device=query.pixels.device) - 1
        # Deviations are given as a share of what is usual, or the sines would turn round and round.
        poses = frequency_encoding(self._poses(query) / 4, sizes.pose_octaves)
        shared = torch.cat([poses, self._individual(query)], dim=1)
        encoded = frequency_encoding(place, sizes.place_octaves)
        hidden = F.relu(self.move_first(_beside(encoded, codes), shared, query.face))
        moved = _REACH * torch.tanh(self.move_last(self.move_rest(hidden)).float())
        read = self.picture((place + moved)[None] / (1 + sizes.margin))
        rendered = self.color_last(F.relu(self.color_first(_beside(read, codes), shared, query.face)))
        rendered = torch.sigmoid(rendered.float())
        return TorsoView(rendered[:, :3], rendered[:, 3])

    def _radiated(
        self, query: TorsoQuery, camera: Camera, codes: Tensor | None, generator: torch.Generator | None
    ) -> TorsoView:
        """Volume rendering in the space of the camera, over black."""
        pixels, settings = query.pixels, self.config.radiance
        upright = torch.eye(3, device=pixels.device)
        origins, directions = cast_rays(camera, pixels, upright, torch.zeros(3, device=pixels.device))
        rays = clip_to_box(origins, directions, self.field.low, self.field.high)
        faces = torch.cat([self.landmarks(query.windows), self._poses(query)], dim=1)
        individual = self._individual(query)
        owner = query.face if query.face is not None else torch.zeros_like(pixels[:, 0]).long()
        # The head's colour differs from pixel to pixel: every ray is encoded of a face of its own.
        views = Views(
            directions,
            torch.arange(len(pixels), device=pixels.device),
            Condition(_beside(faces[owner], codes), individual[owner]),
        )
        distance, length = stratified(rays.near, rays.far, settings.coarse_samples, generator)
        black = torch.zeros_like(directions)
        coarse = render_dense(self.coarse, rays, views, distance, length, black)
        more = resample(distance, coarse.weights, settings.fine_samples, generator)
        distance = torch.sort(torch.cat([distance, more], dim=1), dim=1).values
        length = lengths_of(distance, rays.near, torch.maximum(rays.near, rays.far))
        fine = render_dense(self.field, rays, views, distance, length, black)
        return _undivided(fine)._replace(coarse=_undivided(coarse))


def _undivided(seen: Composite) -> TorsoView:
    """Colour without opacity, of what was composited over black."""
    return TorsoView(seen.color / seen.opacity[:, None].clamp(min=1e-4), seen.opacity)


def _pose(rotations: Tensor, translations: Tensor) -> Tensor:
    """Pose in twelve numbers without jumps, (F, 12): the rotation matrix and decimetres."""
    return torch.cat([rotations.flatten(1), translations / 10], dim=1)


def _beside(values: Tensor, codes: Tensor | None) -> Tensor:
    return values if codes is None else torch.cat([values, codes.to(values.dtype)], dim=1)
