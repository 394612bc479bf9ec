"""Task that trains a Torso-NeRF under a finished head."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from visavox.data.radiance import PersonData, RayDataset, RaySampling
from visavox.losses import color_error, mask_error, opacity_entropy
from visavox.models.radiance import Head, Torso, TorsoConfig, TorsoQuery, check_compiler, compile_networks
from visavox.training.divergence import RadianceMonitor
from visavox.training.radiance.person import (
    PersonBatch,
    camera_of,
    chance,
    mean_known,
    psnr,
    spread_out,
    stored_frame,
)
from visavox.training.recipe import Inputs
from visavox.training.task import (
    UNSTATED_LICENCE,
    Batch,
    Context,
    OptimizerStep,
    PersonTask,
    Validation,
    WeightedLoss,
)
from visavox.weights import ModelCard, load_model, save_model

_SEAM = 0.03
"""Width of the band around the border of head and torso that is measured, as a share of the image."""


@dataclass(frozen=True)
class TorsoLosses:
    """Weight of each loss."""

    color: float = 1.0
    """Squared error of the colour of head, torso and background together."""
    hidden: float = 0.2
    """Squared error of torso and background against the torso whose head was inpainted: for what a head hides now
    and shows another time."""
    mask: float = 0.02
    """Squared error of the opacity where the head is not, and the mask is sure."""
    entropy: float = 1e-3
    """Entropy of the opacity."""
    appearance: float = 1e-3
    """Mean square of the individual codes."""


@dataclass(frozen=True)
class TorsoSettings:
    """Network, samples and losses of the task."""

    torso: TorsoConfig = field(default_factory=TorsoConfig)
    """The network; the number of frames is that of the data."""
    sampling: RaySampling = field(default_factory=lambda: RaySampling(mouth=0.0, margin=0.04))
    """Sampling of the pixels."""
    losses: TorsoLosses = field(default_factory=TorsoLosses)
    """Weight of each loss."""
    collapse_after: int = 500
    """Updates after which an empty or one-coloured torso ends the run."""
    validation_frames: int = 24
    """Held-out frames of a validation. Eight of them chose weights that were half a decibel worse on two hundred."""


@dataclass(frozen=True, kw_only=True)
class TorsoInputs(Inputs):
    """Head under which a torso is trained."""

    weights: ClassVar[tuple[str, ...]] = ("head",)

    head: str
    """The best.safetensors of `visavox train head`."""
    compile: bool = False
    """Compile head and torso first, which takes a while and pays for long runs; on a CUDA device only."""


@dataclass(frozen=True)
class TorsoOutputs:
    """Outputs of the forward pass, R pixels."""

    seen: Any
    """Rendered torso: colour (R, 3), opacity (R,), and colour of the coarse samples, if there are any."""
    layers: Tensor
    """(R, 4), colour times opacity and opacity of the head."""
    rendered: Tensor
    """(R, 3), head, torso and background together."""
    alone: Tensor
    """(R, 3), torso over background, without the head."""
    pixels: PersonBatch
    """Pixels that they are compared with."""


class TorsoTask(PersonTask):
    """Trains a Torso-NeRF.

    Args:
        settings: network, samples and losses.
        data: the person.
        head: their head, which stays as it is.
        device: device that computes.
        seed: seed of everything that is drawn.
    """

    inputs = TorsoInputs
    restarts = 3
    single_process = True

    def __init__(
        self, settings: TorsoSettings, data: PersonData, *, head: Head, device: torch.device, seed: int
    ) -> None:
        torch.manual_seed(seed)
        window = head.config.landmarks.window
        self.settings = replace(
            settings,
            torso=replace(settings.torso, num_frames=data.num_frames),
            sampling=replace(settings.sampling, window=window, patch=0),
        )
        self.data, self.device, self.camera = data, device, camera_of(data)
        self.head = head.to(device).eval().requires_grad_(False)
        self.torso = Torso(self.settings.torso)
        known = data.indices("train")
        self.torso.set_statistics(
            *(torch.from_numpy(part[known]) for part in (data.rotations, data.translations, data.displacements))
        )
        masks = np.stack([data.torso[int(frame)][..., 3] for frame in spread_out(known, 64)])
        self.torso.set_support(torch.from_numpy(masks).float() / 255)
        self.torso.to(device)
        self.modules: dict[str, nn.Module] = {"torso": self.torso}
        self.optimizers = {
            "torso": torch.optim.Adam(self.torso.parameter_groups(), lr=0.0, betas=(0.9, 0.99), eps=1e-15)
        }
        self.monitor = RadianceMonitor("torso", settings.collapse_after)

    @classmethod
    def check(cls, settings: TorsoSettings, inputs: TorsoInputs, *, device: str, resume: bool) -> TorsoInputs:
        """Refuse to compile where that cannot be done.

        Raises:
            InputError: nothing is compiled for this device.
        """
        if inputs.compile:
            check_compiler(device)
        return inputs

    @classmethod
    def create(cls, settings: TorsoSettings, data: Any, inputs: TorsoInputs, context: Context) -> TorsoTask:
        """Load person and head and build the network.

        Raises:
            InputError: the data set or the head cannot be used.
        """
        person, head = PersonData.load(data), load_model(inputs.head, Head)
        assert isinstance(head, Head)
        task = cls(settings, person, head=head, device=context.device, seed=context.seed)
        if inputs.compile:
            compile_networks(task.head, task.torso)
        return task

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless pixels of the training frames."""
        return RayDataset(self.data, self.settings.sampling, "torso", seed=seed, length=length)

    def averaged(self) -> nn.Module:
        """Return the torso."""
        return self.torso

    def optimizer_steps(self) -> list[OptimizerStep[TorsoOutputs]]:
        """Return the one step."""
        torso, weights = self.torso, self.settings.losses
        losses: list[WeightedLoss[TorsoOutputs]] = [
            WeightedLoss("color", weights.color, lambda out: color_error(out.rendered, out.pixels.color)),
            WeightedLoss("hidden", weights.hidden, lambda out: color_error(out.alone, out.pixels.scene)),
            WeightedLoss("mask", weights.mask, lambda out: mask_error(out.seen.opacity, _known_torso(out.pixels))),
            WeightedLoss("entropy", weights.entropy, lambda out: opacity_entropy(out.seen.opacity)),
            WeightedLoss(
                "appearance", weights.appearance, lambda out: (torso.appearance[out.pixels.frames] ** 2).mean()
            ),
        ]
        if self.settings.torso.kind == "radiance":
            losses.append(WeightedLoss("coarse", weights.color, self._coarse_error))
        return [OptimizerStep("torso", self.optimizers["torso"], self._forward, losses)]

    def _forward(self, batch: Batch) -> TorsoOutputs:
        torso, pixels = self.torso.train(), PersonBatch.of(batch, slice(None))
        layers = self._head_layers(pixels)
        generator = chance()
        query = TorsoQuery(
            pixels.pixels,
            pixels.face,
            pixels.rotations,
            pixels.translations,
            pixels.windows,
            pixels.frames,
            torso.withhold(layers),
        )
        seen = torso(query, self.camera, generator)
        rendered = torso.compose(seen, layers, pixels.background)
        alone = torso.compose(seen, torch.zeros_like(layers), pixels.background)
        self.monitor.update(alone, seen.opacity, pixels.color, pixels.torso, step=self.step)
        return TorsoOutputs(seen, layers, rendered, alone, pixels)

    def _coarse_error(self, out: TorsoOutputs) -> Tensor:
        rendered = self.torso.compose(out.seen.coarse, out.layers, out.pixels.background)
        return color_error(rendered, out.pixels.color)

    def _head_layers(self, pixels: PersonBatch) -> Tensor:
        """Colour times opacity and opacity of the head in each pixel, (N, 4)."""
        with torch.no_grad():
            condition = self.head.condition(pixels.windows)
            rays, views = pixels.cast(self.head, self.camera, condition)
            seen = self.head.render_rays(rays, views, torch.zeros_like(pixels.background))
        return torch.cat([seen.color, seen.opacity[:, None]], dim=1)

    @torch.no_grad()
    def validate(self) -> Validation:
        """Render held-out frames whole; the score is minus the PSNR of the image."""
        data, window = self.data, self.head.config.landmarks.window
        self.torso.eval()
        frames = data.indices("test")
        selected = spread_out(frames if len(frames) else data.indices("train"), self.settings.validation_frames)
        found: dict[str, list[float]] = {"psnr": [], "psnr_torso": [], "psnr_seam": []}
        strips = []
        for frame in selected:
            stored = stored_frame(data, int(frame), window, self.device)
            pose = (stored["rotation"], stored["translation"], stored["window"])
            image = self.torso.render_frame(self.head, self.camera, *pose, stored["background"])
            found["psnr"].append(psnr(image.color, stored["color"]))
            found["psnr_torso"].append(psnr(image.color, stored["color"], stored["torso"]))
            found["psnr_seam"].append(psnr(image.color, stored["color"], seam(stored["head"], stored["torso"])))
            strips.append(torch.cat([stored["color"], image.color.clamp(0, 1)]))
        metrics = {name: mean_known(values) for name, values in found.items()}
        strip = (torch.cat(strips, dim=1).cpu().numpy() * 255).round().astype(np.uint8)
        return Validation(metrics, -metrics["psnr"], strip)

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the torso as a weights file."""
        card = ModelCard("the torso of one person, trained with visavox", training, UNSTATED_LICENCE, quality)
        save_model(path, self.torso, card)

    def extra_state(self) -> dict[str, Any]:
        """Return the state of the monitor of divergence."""
        return {"watch": self.monitor.state()}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        """Take back the result of `extra_state`."""
        self.monitor.load(state["watch"])


def _known_torso(pixels: PersonBatch) -> Tensor:
    """Mask of the torso (R,), undecided where the head is: there, nothing is known but what was inpainted."""
    return torch.where(pixels.head > 0.1, 0.5, pixels.torso)


def seam(head: Tensor, torso: Tensor) -> Tensor:
    """Pixels near both head and torso: float32 (H, W), 1 inside the band, of two masks (H, W) in [0, 1]."""
    reach = max(1, round(_SEAM * head.shape[0]))

    def widened(mask: Tensor) -> Tensor:
        return F.max_pool2d((mask > 0.5).float()[None, None], 2 * reach + 1, stride=1, padding=reach)[0, 0]

    return widened(head) * widened(torso)
