"""The stage that trains face features: an autoencoder that also reads the motion of the mouth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from visavox.data.generator.clip_store import ClipStore
from visavox.data.generator.picture_augmentation import NO_AUGMENTATION, PictureAugmentation
from visavox.data.generator.picture_dataset import PictureDataset, PictureSampling
from visavox.face.geometry.crop import CropSpec
from visavox.losses.reconstruction import weighted_gradient_l1
from visavox.models.perceptual.face_features import FaceDecoder, FaceFeatures, FaceFeaturesConfig
from visavox.training.generator.prepared_batch import side_by_side
from visavox.training.generator.speech import correlation
from visavox.training.stage import UNSTATED_LICENCE, Batch, Losses, Stage, Turn, Validation, to_channels_last
from visavox.weights.checkpoint import save_model
from visavox.weights.weights_file import ModelCard


@dataclass(frozen=True)
class FeaturesSettings:
    """What to train, on what samples."""

    features: FaceFeaturesConfig = field(default_factory=FaceFeaturesConfig)
    """The network."""
    augmentation: PictureAugmentation = field(default_factory=PictureAugmentation)
    """How the pictures are changed."""
    noise: float = 0.03
    """Largest standard deviation of noise added to a picture, so that the motion cannot be written in noise."""
    reconstruction: float = 1.0
    """Weight of the picture that is painted from the features."""
    motion: float = 0.3
    """Weight of the motion that is read."""
    validation_samples: int = 384
    """Samples of a validation."""


class FeaturesStage(Stage):
    """Trains face features."""

    def __init__(
        self, settings: FeaturesSettings, train: ClipStore, validation: ClipStore, *, device: torch.device, seed: int
    ) -> None:
        torch.manual_seed(seed)
        self.settings, self.train, self.validation, self.seed, self.device = settings, train, validation, seed, device
        self.features = to_channels_last(FaceFeatures(settings.features), device)
        self.decoder = to_channels_last(FaceDecoder(settings.features), device)
        self.modules: dict[str, nn.Module] = {"features": self.features, "decoder": self.decoder}
        parameters = [*self.features.parameters(), *self.decoder.parameters()]
        self.optimizers = {"features": torch.optim.Adam(parameters, lr=0.0)}
        self.sampling = PictureSampling(settings.features.resolution, mel_window=1, mel_lead=0)

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless samples of the training clips."""
        return PictureDataset(self.train, self.sampling, self.settings.augmentation, seed=seed, length=length)

    def averaged(self) -> nn.Module:
        """Return the face features."""
        return self.features

    def turns(self) -> list[Turn]:
        """Return the one turn."""
        return [Turn("features", self.optimizers["features"], self._losses, self._weights)]

    def _weights(self) -> dict[str, float]:
        return {"reconstruction": self.settings.reconstruction, "motion": self.settings.motion}

    def _losses(self, batch: Batch) -> Losses:
        self.features.train()
        self.decoder.train()
        faces = _faces(batch)
        # The loop has seeded the default generator with this step's number.
        spread = self.settings.noise * torch.rand(len(faces), 1, 1, 1, device=faces.device)
        features, motion = self.features(faces + spread * torch.randn_like(faces))
        painted = self.decoder(features[-1]).float()
        truth = faces[..., faces.shape[-2] // 2 :, :]
        weight = torch.ones_like(truth[:, :1])
        return {
            "reconstruction": F.l1_loss(painted, truth) + weighted_gradient_l1(painted, truth, weight),
            "motion": F.mse_loss(motion.float(), batch["motion"].flatten(0, 1)),
        }

    def validate(self) -> Validation:
        """Read the motion of validation speakers; the score is minus the correlation of the opening."""
        data = PictureDataset(
            self.validation,
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
        figures = {f"r_{number}": float(value) for number, value in enumerate(rows)}
        # The decoder is not averaged: its picture is to be looked at, not measured.
        self.decoder.eval()
        strip = side_by_side([faces[..., faces.shape[-2] // 2 :, :], self.decoder(features[-1])])
        return Validation(figures, -figures["r_0"], strip)

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the face features as a weights file."""
        config = self.settings.features
        card = ModelCard(
            CropSpec(size=config.resolution),
            "face features trained with visavox",
            training,
            UNSTATED_LICENCE,
            quality,
        )
        save_model(path, self.features, network="face_features", config=config, card=card)


def _faces(batch: Batch) -> Tensor:
    faces = batch["faces"].flatten(0, 1).float() / 255
    return faces.contiguous(memory_format=torch.channels_last)
