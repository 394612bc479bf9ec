"""Task that trains a Head-NeRF on one person's pixels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from visavox.data.radiance import PersonData, RayDataset, RaySampling, landmark_window
from visavox.errors import InputError
from visavox.losses import LpipsLoss, PatchDistance, change_outside, color_error, mask_error, opacity_entropy
from visavox.models.radiance import Condition, Head, HeadConfig, check_compiler, compile_networks
from visavox.training.divergence import RadianceMonitor
from visavox.training.radiance.person import (
    PatchLoss,
    PersonBatch,
    camera_of,
    chance,
    load_patch_loss,
    mean_known,
    psnr,
    spread_out,
    stored_frame,
)
from visavox.training.recipe import LpipsInputs
from visavox.training.task import (
    UNSTATED_LICENCE,
    Batch,
    Context,
    OptimizerStep,
    PersonTask,
    StepGate,
    Validation,
    WeightedLoss,
)
from visavox.weights import ModelCard, save_model

_HULL_FRAMES = 24
"""Frames whose masks say where the head can be."""
_HULL_MARGIN = 0.04
"""By which the masks are made wider for that, as a share of the image: a jaw moves, and a mask misses hair."""


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
    """Weight of the motion of the face outside the face."""
    appearance: float = 1e-3
    """Mean square of the individual codes."""
    patch: float = 0.0
    """Difference of the mouth to a network that knows faces."""


@dataclass(frozen=True)
class HeadSettings:
    """Network, samples and losses of the task."""

    head: HeadConfig = field(default_factory=HeadConfig)
    """The network; the number of frames is that of the data."""
    sampling: RaySampling = field(default_factory=RaySampling)
    """Sampling of the pixels."""
    losses: HeadLosses = field(default_factory=HeadLosses)
    """Weight of each loss."""
    patch_after: int = 0
    """Updates after which the loss on patches of the mouth counts: before, there is no mouth."""
    patch_frames: int = 1
    """Frames of a batch whose mouth that loss compares."""
    landmark_noise: float = 0.02
    """Standard deviation of noise on the landmarks, centimetres: what a tracker gets wrong is no motion."""
    occupancy_every: int = 16
    """Updates between two updates of the occupancy."""
    occupancy_faces: int = 16
    """Frames that the occupancy of a finished network is found with."""
    collapse_after: int = 500
    """Updates after which an empty or one-coloured head ends the run."""
    validation_frames: int = 8
    """Held-out frames of a validation."""

    def of_length(self, share: float) -> HeadSettings:
        """Give the settings for a training of another length; patches begin to count after the same share of it."""
        return replace(self, patch_after=round(self.patch_after * share))


@dataclass(frozen=True, kw_only=True)
class HeadInputs(LpipsInputs):
    """Loss on patches of mouths, and compilation, of a head's training."""

    recorded: ClassVar[tuple[str, ...]] = ("judge",)

    judge: PatchLoss | None = "face-features"
    """Network that compares mouths, for recipes with that loss: the shipped face features, or LPIPS with published
    weights."""
    compile: bool = False
    """Compile the head first, which takes a while and pays for long runs; on a CUDA device only."""


@dataclass(frozen=True)
class HeadOutputs:
    """Outputs of the forward pass, R rays."""

    seen: Any
    """Rendered rays: colour (R, 3), opacity (R,), change (R,), and colour of the coarse samples, if there are any."""
    rays: PersonBatch
    """Pixels that they are compared with."""
    condition: Condition
    """Condition of the field."""
    batch: Batch
    """The batch itself."""
    generator: torch.Generator
    """Random generator of the sampling on rays."""


class HeadTask(PersonTask):
    """Trains a Head-NeRF.

    Args:
        settings: network, samples and losses.
        data: the person.
        patch_loss: compares patches of mouths, if the losses ask for it.
        device: device that computes.
        seed: seed of everything that is drawn.
    """

    inputs = HeadInputs
    restarts = 3
    single_process = True

    def __init__(
        self,
        settings: HeadSettings,
        data: PersonData,
        *,
        patch_loss: PatchDistance | None,
        device: torch.device,
        seed: int,
    ) -> None:
        torch.manual_seed(seed)
        self.settings = replace(settings, head=replace(settings.head, num_frames=data.num_frames))
        self.data, self.patch_loss, self.device, self.camera = data, patch_loss, device, camera_of(data)
        self.head = Head(self.settings.head)
        known = data.indices("train")
        self.head.landmarks.set_statistics(torch.from_numpy(data.displacements[known]))
        self._carve(known)
        self.head.to(device)
        self.modules: dict[str, nn.Module] = {"head": self.head}
        # Grids are seen in few places at a time; eps as in instant-ngp, or tiny gradients would count for nothing.
        self.optimizers = {"head": torch.optim.Adam(self.head.parameter_groups(), lr=0.0, betas=(0.9, 0.99), eps=1e-15)}
        self.monitor = RadianceMonitor("head", settings.collapse_after)
        self._occupancy_step = 0

    @classmethod
    def check(cls, settings: HeadSettings, inputs: HeadInputs, *, device: str, resume: bool) -> HeadInputs:
        """Refuse to compile where that cannot be done; leave out the loss on patches where it has no weight.

        Raises:
            InputError: nothing is compiled for this device.
        """
        if inputs.compile:
            check_compiler(device)
        return inputs if settings.losses.patch else replace(inputs, judge=None)

    @classmethod
    def create(cls, settings: HeadSettings, data: Any, inputs: HeadInputs, context: Context) -> HeadTask:
        """Load the person and build the network.

        Raises:
            InputError: the data set cannot be used.
        """
        person = PersonData.load(data)
        if settings.sampling.patch > person.size:
            raise InputError(
                f"this recipe takes squares of {settings.sampling.patch} pixels, and the images of {data} have "
                f"{person.size}; choose a smaller recipe, or prepare the person larger"
            )
        patch_loss = None if inputs.judge is None else load_patch_loss(inputs.judge, inputs)
        if isinstance(patch_loss, LpipsLoss):
            patch_loss = patch_loss.to(context.device)
        task = cls(settings, person, patch_loss=patch_loss, device=context.device, seed=context.seed)
        if inputs.compile:
            compile_networks(task.head)
        return task

    def _carve(self, known: np.ndarray) -> None:
        """Restrict the occupancy to where the masks show the head."""
        if self.settings.head.kind != "grid":
            return
        selected, data = spread_out(known, _HULL_FRAMES), self.data
        masks = torch.from_numpy(np.stack([data.head_mask[int(frame)] for frame in selected])).float()
        reach = max(1, round(_HULL_MARGIN * data.size))
        wide = F.max_pool2d(masks[:, None], 2 * reach + 1, stride=1, padding=reach)[:, 0] > 25
        rotations, translations = (torch.from_numpy(part[selected]) for part in (data.rotations, data.translations))
        self.head.occupancy.carve(self.camera, rotations, translations, wide)

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless pixels of the training frames."""
        return RayDataset(self.data, self.settings.sampling, "head", seed=seed, length=length)

    def averaged(self) -> nn.Module:
        """Return the head."""
        return self.head

    def optimizer_steps(self) -> list[OptimizerStep[HeadOutputs]]:
        """Return the one step."""
        settings, weights = self.settings, self.settings.losses
        losses: list[WeightedLoss[HeadOutputs]] = [
            WeightedLoss("color", weights.color, lambda out: color_error(out.seen.color, out.rays.color)),
            WeightedLoss("mask", weights.mask, lambda out: mask_error(out.seen.opacity, out.rays.head)),
            WeightedLoss("entropy", weights.entropy, lambda out: opacity_entropy(out.seen.opacity)),
            WeightedLoss("change", weights.change, lambda out: change_outside(out.seen.change, out.rays.in_face)),
        ]
        if settings.head.appearance:
            losses.append(
                WeightedLoss("appearance", weights.appearance, lambda out: (out.condition.appearance**2).mean())
            )
        if settings.head.kind == "frequency":
            losses.append(
                WeightedLoss("coarse", weights.color, lambda out: color_error(out.seen.coarse, out.rays.color))
            )
        if weights.patch:
            gate = StepGate(self, settings.patch_after)
            losses.append(WeightedLoss("patch", weights.patch, self._patch_error, after=gate))
        return [OptimizerStep("head", self.optimizers["head"], self._forward, losses)]

    def _forward(self, batch: Batch) -> HeadOutputs:
        settings, head = self.settings, self.head.train()
        generator = chance()
        # Once an update, in its first micro-batch.
        if (self.step - 1) % settings.occupancy_every == 0 and self.step != self._occupancy_step:
            self._occupancy_step = self.step
            head.update_occupancy(head.condition(batch["window"], batch["frame"]), generator)
        noisy = batch["window"] + settings.landmark_noise * torch.randn_like(batch["window"])
        condition = head.condition(noisy, batch["frame"])
        rays = PersonBatch.of(batch, slice(0, settings.sampling.rays))
        seen = head(*rays.cast(head, self.camera, condition), rays.scene, generator)
        self.monitor.update(seen.color, seen.opacity, rays.color, rays.head, step=self.step)
        return HeadOutputs(seen, rays, condition, batch, generator)

    def _patch_error(self, out: HeadOutputs) -> Tensor:
        assert self.patch_loss is not None
        side = self.settings.sampling.patch
        few = {name: tensor[: self.settings.patch_frames] for name, tensor in out.batch.items()}
        rays = PersonBatch.of(few, slice(self.settings.sampling.rays, None))
        condition = self.head.condition(few["window"], few["frame"])
        seen = self.head(*rays.cast(self.head, self.camera, condition), rays.scene, out.generator)
        rendered, truth = (flat.unflatten(0, (-1, side, side)).permute(0, 3, 1, 2) for flat in (seen.color, rays.color))
        return self.patch_loss(rendered, truth).mean()

    @torch.no_grad()
    def validate(self) -> Validation:
        """Render held-out frames from their own landmarks, over their own torso; the score is minus the head's PSNR."""
        window, data = self.settings.head.landmarks.window, self.data
        self.head.eval()
        self._refresh_occupancy()
        frames = data.indices("test")
        selected = spread_out(frames if len(frames) else data.indices("train"), self.settings.validation_frames)
        in_head, in_all, strips, samples = [], [], [], []
        for frame in selected:
            stored = stored_frame(data, int(frame), window, self.device)
            image = self.head.render_frame(
                self.camera, stored["rotation"], stored["translation"], stored["window"], stored["scene"]
            )
            in_head.append(psnr(image.color, stored["color"], stored["head"]))
            in_all.append(psnr(image.color, stored["color"]))
            samples.append(image.num_samples / max(1, image.num_rays))
            strips.append(torch.cat([stored["color"], image.color.clamp(0, 1)]))
        metrics = {
            "psnr_head": mean_known(in_head),
            "psnr": mean_known(in_all),
            "samples_a_ray": mean_known(samples),
            "occupied": self.head.occupancy.share_occupied if self.settings.head.kind == "grid" else 1.0,
        }
        strip = (torch.cat(strips, dim=1).cpu().numpy() * 255).round().astype(np.uint8)
        return Validation(metrics, -metrics["psnr_head"], strip)

    def _refresh_occupancy(self) -> None:
        """Find where the averaged head can be, with faces as different as the person's are."""
        known = spread_out(self.data.indices("train"), self.settings.occupancy_faces)
        opening = self.data.displacements[:, 57, 1] - self.data.displacements[:, 51, 1]
        train = self.data.indices("train")
        extremes = train[[np.argmin(opening[train]), np.argmax(opening[train])]]
        window = self.settings.head.landmarks.window
        windows = [landmark_window(self.data, int(frame), window) for frame in (*known, *extremes)]
        self.head.refresh_occupancy(torch.from_numpy(np.stack(windows)).to(self.device))

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the head as a weights file."""
        card = ModelCard("the head of one person, trained with visavox", training, UNSTATED_LICENCE, quality)
        save_model(path, self.head, card)

    def extra_state(self) -> dict[str, Any]:
        """Return the state of the monitor of divergence."""
        return {"watch": self.monitor.state()}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        """Take back the result of `extra_state`."""
        self.monitor.load(state["watch"])
