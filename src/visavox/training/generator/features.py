"""Task that trains face features: an autoencoder that also reads the motion of the mouth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from visavox.data.generator import NO_AUGMENTATION, CropAugmentation, FaceDataset, FaceSampling
from visavox.face.geometry.crop import CropSpec
from visavox.losses import weighted_gradient_l1
from visavox.models.generator import LOWER_HALF
from visavox.models.perceptual import FaceDecoder, MouthPerceptualNet, MouthPerceptualNetConfig
from visavox.training.divergence import correlation
from visavox.training.generator.clips import ClipSplits, side_by_side
from visavox.training.recipe import Inputs
from visavox.training.run_folder import RunFolder
from visavox.training.task import (
    UNSTATED_LICENCE,
    Batch,
    Context,
    OptimizerStep,
    TrainingTask,
    Validation,
    WeightedLoss,
    to_channels_last,
)
from visavox.weights import ModelCard, save_model


@dataclass(frozen=True)
class FeaturesSettings:
    """Network and samples of the task."""

    features: MouthPerceptualNetConfig = field(default_factory=MouthPerceptualNetConfig)
    """The network."""
    augmentation: CropAugmentation = field(default_factory=CropAugmentation)
    """Augmentation of the images."""
    noise: float = 0.03
    """Largest standard deviation of noise added to an image, so that the motion cannot be written in noise."""
    reconstruction: float = 1.0
    """Weight of the image that is decoded from the features."""
    motion: float = 0.3
    """Weight of the motion that is read."""
    validation_samples: int = 384
    """Samples of a validation."""


@dataclass(frozen=True, kw_only=True)
class FeaturesInputs(Inputs):
    """Weights whose motion basis is taken over."""

    only_new: ClassVar[tuple[str, ...]] = ("start",)

    start: str | None = None
    """The best.safetensors of the task `speech`, to describe mouths in the same motion basis; one of its own by
    default."""


@dataclass(frozen=True)
class FeaturesOutputs:
    """Outputs of the forward pass."""

    decoded: Tensor
    """(B, 3, H / 2, W) in [0, 1], lower half of the face as it is decoded from the features."""
    truth: Tensor
    """(B, 3, H / 2, W) in [0, 1]."""
    motion: Tensor
    """(B, K), motion that is read from the face."""
    true_motion: Tensor
    """(B, K)."""


class FeaturesTask(TrainingTask):
    """Trains face features."""

    inputs = FeaturesInputs

    def __init__(self, settings: FeaturesSettings, clips: ClipSplits, *, device: torch.device, seed: int) -> None:
        torch.manual_seed(seed)
        self.settings, self.clips, self.seed, self.device = settings, clips, seed, device
        self.features = to_channels_last(MouthPerceptualNet(settings.features), device)
        self.decoder = to_channels_last(FaceDecoder(settings.features), device)
        self.modules: dict[str, nn.Module] = {"features": self.features, "decoder": self.decoder}
        parameters = [*self.features.parameters(), *self.decoder.parameters()]
        self.optimizers = {"features": torch.optim.Adam(parameters, lr=0.0)}
        self.sampling = FaceSampling(settings.features.resolution, audio=False)

    @classmethod
    def create(cls, settings: FeaturesSettings, data: Any, inputs: FeaturesInputs, context: Context) -> FeaturesTask:
        """Load the clips and build the networks.

        Raises:
            InputError: the data set cannot be used.
        """
        clips = ClipSplits.load(data, settings.features.num_motions, context, start=inputs.start)
        return cls(settings, clips, device=context.device, seed=context.seed)

    def begin_run(self, run: RunFolder) -> None:
        """Keep the motion basis in the run."""
        self.clips.save_basis(run)

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless samples of the training clips."""
        return FaceDataset(self.clips.train, self.sampling, self.settings.augmentation, seed=seed, length=length)

    def averaged(self) -> nn.Module:
        """Return the face features."""
        return self.features

    def optimizer_steps(self) -> list[OptimizerStep[FeaturesOutputs]]:
        """Return the one step."""
        settings = self.settings
        losses = [
            WeightedLoss("reconstruction", settings.reconstruction, _reconstruction),
            WeightedLoss[FeaturesOutputs](
                "motion", settings.motion, lambda out: F.mse_loss(out.motion.float(), out.true_motion)
            ),
        ]
        return [OptimizerStep("features", self.optimizers["features"], self._forward, losses)]

    def _forward(self, batch: Batch) -> FeaturesOutputs:
        self.features.train()
        self.decoder.train()
        faces = _faces(batch)
        # The loop has seeded the default generator with this step's number.
        spread = self.settings.noise * torch.rand(len(faces), 1, 1, 1, device=faces.device)
        features, motion = self.features(faces + spread * torch.randn_like(faces))
        decoded = self.decoder(features[-1]).float()
        truth = LOWER_HALF.crop(faces)
        return FeaturesOutputs(decoded, truth, motion, batch["motion"].flatten(0, 1))

    def validate(self) -> Validation:
        """Read the motion of validation speakers; the score is minus the correlation of the opening."""
        data = FaceDataset(
            self.clips.validation,
            self.sampling,
            NO_AUGMENTATION,
            seed=self.seed,
            length=self.settings.validation_samples,
        )
        read, true = [], []
        for start in range(0, len(data), 48):
            samples = [data[number] for number in range(start, min(start + 48, len(data)))]
            batch = {name: torch.stack([s[name] for s in samples]).to(self.device) for name in samples[0]}
            faces = _faces(batch)
            features, motion = self.features(faces)
            read.append(motion.float().cpu().numpy())
            true.append(batch["motion"].flatten(0, 1).cpu().numpy())
        rows = correlation(np.concatenate(read), np.concatenate(true))
        metrics = {f"r_{number}": float(value) for number, value in enumerate(rows)}
        # The decoder is not averaged: its image is to be looked at, not measured.
        self.decoder.eval()
        strip = side_by_side([LOWER_HALF.crop(faces), self.decoder(features[-1])])
        return Validation(metrics, -metrics["r_0"], strip)

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the face features as a weights file."""
        crop = CropSpec(size=self.settings.features.resolution)
        card = ModelCard(
            "face features trained with visavox",
            training,
            UNSTATED_LICENCE,
            quality,
        )
        save_model(path, self.features, card, crop=crop)


def _reconstruction(out: FeaturesOutputs) -> Tensor:
    """L1 of the decoded image, and of its finite differences."""
    weight = torch.ones_like(out.truth[:, :1])
    return F.l1_loss(out.decoded, out.truth) + weighted_gradient_l1(out.decoded, out.truth, weight)


def _faces(batch: Batch) -> Tensor:
    faces = batch["faces"].flatten(0, 1).float() / 255
    return faces.contiguous(memory_format=torch.channels_last)
