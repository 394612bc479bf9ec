"""Task that trains the motion SyncNet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from visavox.audio.features.mel import MEL_MAX, MEL_MIN
from visavox.data.motion import (
    NO_MOTION_AUGMENTATION,
    MotionAugmentation,
    MotionStore,
    MotionSyncDataset,
    MotionSyncSampling,
    motion_from_rest,
)
from visavox.errors import InputError
from visavox.face.geometry.motion import fit_opening_mode
from visavox.losses import Comparison
from visavox.metrics.motion import found_offset
from visavox.models.sync import MotionSyncNet, MotionSyncNetConfig
from visavox.training.divergence import warn_if_stuck
from visavox.training.motion.speech import find_features, load_motions
from visavox.training.recipe import Inputs
from visavox.training.task import (
    UNSTATED_LICENCE,
    Batch,
    Context,
    Losses,
    OptimizerStep,
    StepGate,
    TrainingTask,
    Validation,
    WeightedLoss,
)
from visavox.weights import ModelCard, load_model, save_model


@dataclass(frozen=True)
class MotionSyncSettings:
    """Network and samples of the task."""

    network: MotionSyncNetConfig
    """The network."""
    num_windows: int = 8
    """Windows of each clip of a batch; every one is wrong speech for the others, near or far."""
    augmentation: MotionAugmentation = field(default_factory=MotionAugmentation)
    """Augmentation of the mouths."""
    level: float = 0.4
    """Deviation of a change of the level, where the features tell it, in units of 12.5 dB."""
    feature_noise: float = 0.3
    """Deviation of the noise on the speech, in deviations of the features."""
    feature_shift: float = 0.3
    """Deviation of a shift of each feature that lasts for the window: other voices, other microphones."""
    masked: float = 0.2
    """Largest share of neighbouring features, and of rows, that is hidden from each window."""
    contrast: float = 1.0
    """Weight of a contrastive loss beside the published one: which of its own and the wrong speech is each mouth's?"""
    motion: float = 0.5
    """Weight of an auxiliary task, for small data: both embeddings must tell the motion of the mouth."""
    num_motions: int = 8
    """Principal components of the mouth that are told."""
    motion_first: int = 0
    """Steps in which that task alone is learned."""
    weight_decay: float = 0.01
    """AdamW's."""
    validation_samples: int = 384
    """Clips of a validation, drawn with repetition."""
    offset_reach: int = 15
    """Frames by which speech is moved, either way, when the offset of validation clips is looked for."""
    patience: int = 1000
    """Steps after which a network at the level of chance is warned about."""

    @property
    def sampling(self) -> MotionSyncSampling:
        """Size of a sample."""
        net = self.network
        return MotionSyncSampling(net.num_frames, net.num_rows, net.lead_rows, self.num_windows)


@dataclass(frozen=True, kw_only=True)
class MotionSyncNetInputs(Inputs):
    """Weights that a motion SyncNet begins with."""

    only_new: ClassVar[tuple[str, ...]] = ("start",)

    start: str | None = None
    """Motion SyncNet to begin with: a name, or the best.safetensors of an earlier run; a new one by default."""


@dataclass(frozen=True)
class SyncOutputs:
    """Outputs of the forward pass."""

    compared: Comparison
    """Speech and mouths of the batch, each compared with every other."""
    pairs: Losses
    """Losses of right and wrong pairs."""
    predicted: tuple[Tensor, Tensor]
    """Motion that the embeddings of speech and of mouths predict, each (B W, M)."""
    motion: Tensor
    """True motion, (B W, M)."""


class MotionSyncNetTask(TrainingTask):
    """Trains a motion SyncNet to tell speech that belongs to a mouth from speech that does not."""

    inputs = MotionSyncNetInputs

    def __init__(
        self,
        settings: MotionSyncSettings,
        train: MotionStore,
        validation: MotionStore,
        *,
        level_columns: int = 0,
        start: MotionSyncNet | None = None,
        device: torch.device,
        seed: int,
    ) -> None:
        torch.manual_seed(seed)
        self.settings, self.train, self.validation, self.seed, self.device = settings, train, validation, seed, device
        self.level_columns = level_columns
        self.network = MotionSyncNet(settings.network).to(device)
        if start is None:
            set_scales(self.network, train)
        else:
            self.network.load_state_dict(start.state_dict())
        self._mode = self.network.opening_mode.cpu().numpy()
        self.components = _principal_components(self.network, train, settings.num_motions).to(device)
        size = settings.network.num_frames * settings.num_motions
        embedding = settings.network.mouth_channels[-1]
        self.motion_heads = nn.ModuleDict(
            {"speech": nn.Linear(embedding, size), "mouths": nn.Linear(embedding, size)}
        ).to(device)
        self.modules: dict[str, nn.Module] = {"network": self.network, "tellers": self.motion_heads}
        parameters = [*self.network.parameters(), *self.motion_heads.parameters()]
        self.optimizers = {"network": torch.optim.AdamW(parameters, lr=0.0, weight_decay=settings.weight_decay)}

    @classmethod
    def create(
        cls, settings: MotionSyncSettings, data: Any, inputs: MotionSyncNetInputs, context: Context
    ) -> MotionSyncNetTask:
        """Load clips and weights and build the network.

        Raises:
            InputError: the data set, the features or the start cannot be used.
        """
        network = settings.network
        start = load_model(inputs.start, MotionSyncNet) if inputs.start is not None else None
        if start is not None and start.config != network:
            raise InputError(
                f"{inputs.start} has other dimensions than the recipe's network; give weights of the same recipe"
            )
        features = find_features(network.features, network.feature_size)
        return cls(
            settings,
            *load_motions(data, features, context.progress),
            level_columns=features.level_columns,
            start=start,
            device=context.device,
            seed=context.seed,
        )

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless samples of the training clips."""
        settings = self.settings
        return MotionSyncDataset(
            self.train, settings.sampling, settings.augmentation, opening_mode=self._mode, seed=seed, length=length
        )

    def averaged(self) -> nn.Module:
        """Return the network."""
        return self.network

    def optimizer_steps(self) -> list[OptimizerStep[SyncOutputs]]:
        """Return the one step; the first updates learn the auxiliary task alone."""
        settings, gate = self.settings, StepGate(self, self.settings.motion_first)
        losses: list[WeightedLoss[SyncOutputs]] = [
            WeightedLoss("together", 1.0, lambda out: out.pairs["together"], after=gate, measured=True),
            WeightedLoss("apart", 1.0, lambda out: out.pairs["apart"], after=gate, measured=True),
            WeightedLoss("contrast", settings.contrast, lambda out: out.compared.contrast(), after=gate, measured=True),
            WeightedLoss("motion", settings.motion, _motion_error),
        ]
        return [OptimizerStep("syncnet", self.optimizers["network"], self._forward, losses)]

    def _forward(self, batch: Batch) -> SyncOutputs:
        self.network.train()
        speech = self.network.embed_speech(self._changed(batch["speech"].flatten(0, 1)))
        mouths = self.network.take_points(batch["motion"].flatten(0, 1))
        seen = self.network.embed_mouths(mouths)
        compared = Comparison(speech, seen, batch["starts"], batch["speaker"])
        true = self._motion(mouths)
        predicted = (self.motion_heads["speech"](speech), self.motion_heads["mouths"](seen))
        return SyncOutputs(compared, compared.verdicts(), predicted, true)

    def _changed(self, speech: Tensor) -> Tensor:
        """Change windows of speech (B, R, C) as other voices, rooms and microphones would, and hide some of them."""
        # The loop has seeded the default generator with this step's number.
        settings, scale = self.settings, self.network.feature_scale
        windows, rows, size = speech.shape
        speech = self._louder(speech)
        speech = speech + torch.randn_like(speech) * scale * settings.feature_noise
        speech = speech + torch.randn(windows, 1, size, device=speech.device) * scale * settings.feature_shift
        for length, shape in ((size, (windows, 1, size)), (rows, (windows, rows, 1))):
            hidden = _random_stretches(windows, length, settings.masked, speech.device).view(shape)
            speech = torch.where(hidden, self.network.feature_mean, speech)
        return speech

    def _louder(self, speech: Tensor) -> Tensor:
        """Change the level of windows of speech (B, R, C), each as a whole; silence stays silence."""
        levels = speech[..., : self.level_columns]
        change = torch.randn(len(speech), 1, 1, device=speech.device) * self.settings.level
        changed = torch.where(levels > MEL_MIN, (levels + change).clamp(MEL_MIN, MEL_MAX), levels)
        return torch.cat([changed, speech[..., self.level_columns :]], dim=-1)

    def _motion(self, mouths: Tensor) -> Tensor:
        """Principal components (B, frames * num_motions) of unit variance of mouths (B, frames, 3 * points)."""
        return (mouths @ self.components).flatten(1)

    def validate(self) -> Validation:
        """Evaluate pairs of validation speakers; the score is the published loss: half right pairs, half wrong ones."""
        settings = self.settings
        data = MotionSyncDataset(
            self.validation,
            settings.sampling,
            NO_MOTION_AUGMENTATION,
            opening_mode=self._mode,
            seed=self.seed,
            length=settings.validation_samples,
        )
        samples = [data[number] for number in range(len(data))]
        batch = {name: torch.stack([s[name] for s in samples]).to(self.device) for name in samples[0]}
        speech = torch.cat(
            [self.network.embed_speech(part) for part in torch.split(batch["speech"].flatten(0, 1), 1024)]
        )
        seen = self.network.embed_mouths(self.network.take_points(batch["motion"].flatten(0, 1)))
        compared = Comparison(speech, seen, batch["starts"], batch["speaker"])
        metrics = {name: float(value) for name, value in compared.verdicts().items()}
        metrics["loss"] = (metrics["together"] + metrics["apart"]) / 2
        metrics |= compared.accuracies()
        offsets = [found_offset(self.network, clips, settings.offset_reach) for clips in _by_speaker(self.validation)]
        metrics["offset"] = float(np.mean(np.abs(offsets)))
        metrics["offset_within_1"] = float(np.mean(np.abs(offsets) <= 1))
        warn_if_stuck(metrics["loss"], self.step, settings.patience)
        return Validation(metrics, metrics["loss"])

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the network as a weights file."""
        card = ModelCard("motion SyncNet trained with visavox", training, UNSTATED_LICENCE, quality)
        save_model(path, self.network, card)


def _motion_error(out: SyncOutputs) -> Tensor:
    """Error of the motion of the mouth as both embeddings predict it."""
    errors = (((each.float() - out.motion) ** 2).mean() for each in out.predicted)
    return sum(errors, start=out.motion.new_zeros(()))


def set_scales(network: MotionSyncNet, train: MotionStore) -> None:
    """Set how faces open, and what brings speech and mouths to unit variance, from training clips."""
    mode = fit_opening_mode([clip.displacements for clip in train.clips])
    network.opening_mode.copy_(torch.from_numpy(mode))
    rows = np.concatenate([clip.features for clip in train.clips])
    frames = torch.from_numpy(np.concatenate([motion_from_rest(clip, mode) for clip in train.clips]))
    network.feature_mean.copy_(torch.from_numpy(rows.mean(axis=0)))
    network.feature_scale.copy_(torch.from_numpy(rows.std(axis=0).clip(min=1e-3)))
    # One scale for all points: how much a point moves says what it is worth.
    network.mouth_scale.fill_(float(network.take_points(frames).std()))


def _principal_components(network: MotionSyncNet, train: MotionStore, number: int) -> Tensor:
    """Columns (3 * points, number) that turn a mouth into components of unit variance."""
    mode = network.opening_mode.cpu().numpy()
    frames = torch.from_numpy(np.concatenate([motion_from_rest(clip, mode) for clip in train.clips])[::3])
    points = network.take_points(frames).double()
    points -= points.mean(dim=0)
    values, vectors = torch.linalg.eigh(points.T @ points / len(points))
    basis: Tensor = vectors[:, -number:] / values[-number:].clamp(min=1e-12).sqrt()
    return basis.float()


def _random_stretches(number: int, length: int, largest: float, device: torch.device) -> Tensor:
    """Draw a stretch of at most `largest` of the length in each of several rows: bool (number, length)."""
    widths = torch.rand(number, 1, device=device) * largest * length
    starts = torch.rand(number, 1, device=device) * (length - widths)
    places = torch.arange(length, device=device)
    return (places >= starts) & (places < starts + widths)


def _by_speaker(store: MotionStore) -> list[MotionStore]:
    return [store.of_speaker(speaker) for speaker in store.speakers()]
