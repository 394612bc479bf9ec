"""The stage that trains a Head-NeRF on one person's pixels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from visavox.data.radiance.person_data import PersonData
from visavox.data.radiance.ray_dataset import RayDataset, RaySampling, landmark_window
from visavox.face.geometry.crop import CropSpec
from visavox.losses.radiance import PatchJudge, change_outside, color_error, mask_error, opacity_entropy
from visavox.models.radiance.head import Head, HeadConfig
from visavox.training.radiance.person_batch import (
    PersonBatch,
    camera_of,
    chance,
    mean_known,
    psnr,
    spread_out,
    stored_frame,
)
from visavox.training.radiance.radiance_watch import RadianceWatch
from visavox.training.stage import UNSTATED_LICENCE, Batch, Losses, Stage, Turn, Validation
from visavox.weights.checkpoint import save_model
from visavox.weights.weights_file import ModelCard

_HULL_FRAMES = 24
"""Frames whose masks say where the head can be."""
_HULL_MARGIN = 0.04
"""By which the masks are made wider for that, as a share of the picture: a jaw moves, and a mask misses hair."""


@dataclass(frozen=True)
class HeadLosses:
    """Weight of each loss."""

    color: float = 1.0
    """Squared error of the colour."""
    mask: float = 0.02
    """Squared error of the opacity where the mask is sure; it keeps the shoulders out of the head."""
    entropy: float = 1e-3
    """Entropy of the opacity: a ray passes, or does not."""
    change: float = 1e-3
    """How much the motion of the face matters outside the face."""
    appearance: float = 1e-3
    """Mean square of the individual codes."""
    patch: float = 0.0
    """How different the mouth looks to a network that knows faces."""


@dataclass(frozen=True)
class HeadSettings:
    """What to train, on what samples."""

    head: HeadConfig = field(default_factory=HeadConfig)
    """The network; the number of frames is that of the data."""
    sampling: RaySampling = field(default_factory=RaySampling)
    """How pixels are drawn."""
    losses: HeadLosses = field(default_factory=HeadLosses)
    """Weight of each loss."""
    patch_after: int = 0
    """Updates after which the look of the mouth counts: before, there is none."""
    patch_frames: int = 1
    """Frames of a batch whose mouth is looked at."""
    landmark_noise: float = 0.02
    """Standard deviation of noise on the landmarks, centimetres: what a tracker gets wrong is no motion."""
    occupancy_every: int = 16
    """Updates between two looks at the occupancy."""
    occupancy_faces: int = 16
    """Frames that the occupancy of a finished network is found with."""
    collapse_after: int = 500
    """Updates after which an empty or one-coloured head ends the run."""
    validation_frames: int = 8
    """Held-out frames of a validation."""


class HeadStage(Stage):
    """Trains a Head-NeRF.

    Args:
        settings: what to train.
        data: the person.
        judge: looks at patches of mouths, if the losses ask for it.
        device: where to compute.
        seed: where all chance comes from.
    """

    def __init__(
        self, settings: HeadSettings, data: PersonData, *, judge: PatchJudge | None, device: torch.device, seed: int
    ) -> None:
        torch.manual_seed(seed)
        self.settings = replace(settings, head=replace(settings.head, num_frames=data.num_frames))
        self.data, self.judge, self.device, self.camera = data, judge, device, camera_of(data)
        self.head = Head(self.settings.head)
        known = data.indices("train")
        self.head.landmarks.set_statistics(torch.from_numpy(data.displacements[known]))
        self._carve(known)
        self.head.to(device)
        self.modules: dict[str, nn.Module] = {"head": self.head}
        # Grids are seen in few places at a time; eps as in instant-ngp, or tiny gradients would count for nothing.
        self.optimizers = {"head": torch.optim.Adam(self.head.parameter_groups(), lr=0.0, betas=(0.9, 0.99), eps=1e-15)}
        self.watch = RadianceWatch("head", settings.collapse_after)

    def _carve(self, known: np.ndarray) -> None:
        """Look for the head nowhere but where the masks show it."""
        if self.settings.head.kind != "grid":
            return
        chosen, data = spread_out(known, _HULL_FRAMES), self.data
        masks = torch.from_numpy(np.stack([data.head_mask[int(frame)] for frame in chosen])).float()
        reach = max(1, round(_HULL_MARGIN * data.size))
        wide = F.max_pool2d(masks[:, None], 2 * reach + 1, stride=1, padding=reach)[:, 0] > 25
        rotations, translations = (torch.from_numpy(part[chosen]) for part in (data.rotations, data.translations))
        self.head.occupancy.carve(self.camera, rotations, translations, wide)

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless pixels of the training frames."""
        return RayDataset(self.data, self.settings.sampling, "head", seed=seed, length=length)

    def averaged(self) -> nn.Module:
        """Return the head."""
        return self.head

    def turns(self) -> list[Turn]:
        """Return the one turn."""
        return [Turn("head", self.optimizers["head"], self._losses, self._weights)]

    def _weights(self) -> dict[str, float]:
        losses = self.settings.losses
        weights = {name: getattr(losses, name) for name in ("color", "mask", "entropy", "change", "appearance")}
        if self.settings.head.kind == "frequency":
            weights["coarse"] = losses.color
        if losses.patch:
            # The turn that is weighted here has been counted already.
            weights["patch"] = losses.patch if self.watch.updates > self.settings.patch_after else 0.0
        return weights

    def _losses(self, batch: Batch) -> Losses:
        settings, head = self.settings, self.head.train()
        generator = chance()
        if self.watch.updates % settings.occupancy_every == 0:
            head.update_occupancy(head.condition(batch["window"], batch["frame"]), generator)
        noisy = batch["window"] + settings.landmark_noise * torch.randn_like(batch["window"])
        condition = head.condition(noisy, batch["frame"])
        rays = PersonBatch.of(batch, slice(0, settings.sampling.rays))
        seen = head(*rays.cast(head, self.camera, condition), rays.scene, generator)
        self.watch.look(seen.color, seen.opacity, rays.color, rays.head)
        losses = {
            "color": color_error(seen.color, rays.color),
            "mask": mask_error(seen.opacity, rays.head),
            "entropy": opacity_entropy(seen.opacity),
            "change": change_outside(seen.change, rays.in_face),
            "appearance": (condition.appearance**2).mean() if settings.head.appearance else seen.color.sum() * 0,
        }
        if seen.coarse is not None:
            losses["coarse"] = color_error(seen.coarse, rays.color)
        if settings.losses.patch:
            patched = self.watch.updates > settings.patch_after
            losses["patch"] = self._patch_loss(batch, generator) if patched else seen.color.sum() * 0
        return losses

    def _patch_loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        assert self.judge is not None
        side = self.settings.sampling.patch
        few = {name: tensor[: self.settings.patch_frames] for name, tensor in batch.items()}
        rays = PersonBatch.of(few, slice(self.settings.sampling.rays, None))
        condition = self.head.condition(few["window"], few["frame"])
        seen = self.head(*rays.cast(self.head, self.camera, condition), rays.scene, generator)
        painted, truth = (flat.unflatten(0, (-1, side, side)).permute(0, 3, 1, 2) for flat in (seen.color, rays.color))
        return self.judge(painted, truth).mean()

    @torch.no_grad()
    def validate(self) -> Validation:
        """Render held-out frames from their own landmarks, over their own torso; the score is minus the head's PSNR."""
        window, data = self.settings.head.landmarks.window, self.data
        self.head.eval()
        self._refresh_occupancy()
        frames = data.indices("test")
        chosen = spread_out(frames if len(frames) else data.indices("train"), self.settings.validation_frames)
        in_head, in_all, strips, samples = [], [], [], []
        for frame in chosen:
            stored = stored_frame(data, int(frame), window, self.device)
            picture = self.head.render_frame(
                self.camera, stored["rotation"], stored["translation"], stored["window"], stored["scene"]
            )
            in_head.append(psnr(picture.color, stored["color"], stored["head"]))
            in_all.append(psnr(picture.color, stored["color"]))
            samples.append(picture.num_samples / max(1, picture.num_rays))
            strips.append(torch.cat([stored["color"], picture.color.clamp(0, 1)]))
        figures = {
            "psnr_head": mean_known(in_head),
            "psnr": mean_known(in_all),
            "samples_a_ray": mean_known(samples),
            "occupied": self.head.occupancy.share_occupied if self.settings.head.kind == "grid" else 1.0,
        }
        strip = (torch.cat(strips, dim=1).cpu().numpy() * 255).round().astype(np.uint8)
        return Validation(figures, -figures["psnr_head"], strip)

    def _refresh_occupancy(self) -> None:
        """Find anew where the averaged head can be, with faces as different as the person's are."""
        known = spread_out(self.data.indices("train"), self.settings.occupancy_faces)
        opening = self.data.displacements[:, 57, 1] - self.data.displacements[:, 51, 1]
        train = self.data.indices("train")
        extremes = train[[np.argmin(opening[train]), np.argmax(opening[train])]]
        window = self.settings.head.landmarks.window
        windows = [landmark_window(self.data, int(frame), window) for frame in (*known, *extremes)]
        self.head.refresh_occupancy(torch.from_numpy(np.stack(windows)).to(self.device))

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the head as a weights file."""
        config = self.settings.head
        crop = CropSpec(size=self.data.size)
        card = ModelCard(crop, "the head of one person, trained with visavox", training, UNSTATED_LICENCE, quality)
        save_model(path, self.head, network="head", config=config, card=card)

    def extra_state(self) -> dict[str, Any]:
        """Return what the watch has seen."""
        return {"watch": self.watch.state()}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        """Take back what `extra_state` gave."""
        self.watch.load(state["watch"])
