"""Task that trains the expert (Wav2Lip, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from visavox.data.generator import (
    NO_AUGMENTATION,
    CropAugmentation,
    ExpertDataset,
    ExpertSampling,
    MelAugmentation,
    augment_mels,
)
from visavox.face.geometry.crop import CropSpec
from visavox.losses import contrastive, cosine_bce
from visavox.models.sync import Expert, ExpertConfig
from visavox.training.divergence import warn_if_stuck
from visavox.training.generator.clips import NUM_MOTIONS, ClipSplits
from visavox.training.run_folder import RunFolder
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
    to_channels_last,
)
from visavox.weights import ModelCard, save_model


@dataclass(frozen=True)
class ExpertSettings:
    """Network and samples of the task."""

    expert: ExpertConfig
    """The network."""
    image_augmentation: CropAugmentation = field(default_factory=CropAugmentation)
    """Augmentation of the images."""
    audio_augmentation: MelAugmentation = field(default_factory=MelAugmentation)
    """Augmentation of the audio."""
    num_wrong: int = 1
    """Windows of wrong audio that each window of mouths is compared with."""
    batch_pairs: bool = True
    """Compare it with the right audio of the other samples of the batch too, which costs nothing more."""
    motion: float = 0.5
    """Weight of the auxiliary task, for small data: both embeddings must tell the motion of the mouth; 0 leaves
    the published loss alone."""
    motion_first: int = 0
    """Steps in which that task alone is learned: an expert that cannot see mouths yet finds it cheapest to call every
    pair a half, and stays there."""
    contrast: float = 0.0
    """Weight of a contrastive loss beside the published one: which of its own and the wrong audio is each mouth's?"""
    validation_samples: int = 384
    """Samples of a validation."""
    patience: int = 2000
    """Steps after which an expert at the level of chance is warned about."""

    def __post_init__(self) -> None:
        """Check that there is something to learn first."""
        if self.motion_first and not self.motion:
            raise ValueError("`motion_first` needs a weight for `motion`")


class ExpertOutputs:
    """Outputs of the forward pass."""

    def __init__(self, audio: Tensor, face: Tensor, true_motion: Tensor, others: Tensor | None) -> None:
        """Normalise the features.

        Args:
            audio: (B N, D), features of N windows of audio of each sample, the right one first.
            face: (B, D), features of the faces.
            true_motion: (B, M), motion of the mouths.
            others: bool (B, B), the samples whose right audio is wrong audio for each face; None for none.
        """
        windows = (len(face), -1)
        self.audio_features, self.face_features = audio, face
        self.true_motion, self.others = true_motion, others
        self.audio = nn.functional.normalize(audio, dim=1).unflatten(0, windows)
        self.face = nn.functional.normalize(face, dim=1)

    @cached_property
    def pairs(self) -> Losses:
        """Losses of right and wrong pairs."""
        return _pair_losses(self.audio, self.face, self.others)


class ExpertTask(TrainingTask):
    """Trains an expert to tell audio that belongs to mouths from audio that does not."""

    def __init__(self, settings: ExpertSettings, clips: ClipSplits, *, device: torch.device, seed: int) -> None:
        torch.manual_seed(seed)
        self.settings, self.clips, self.seed, self.device = settings, clips, seed, device
        config = settings.expert
        self.expert = to_channels_last(Expert(config), device)
        num_motions = config.num_frames * clips.train.clips[0].motion.shape[1]
        embedding = config.face_channels[-1]
        self.motion_heads = nn.ModuleDict(
            {"audio": nn.Linear(embedding, num_motions), "face": nn.Linear(embedding, num_motions)}
        ).to(device)
        self.modules: dict[str, nn.Module] = {"expert": self.expert, "tellers": self.motion_heads}
        parameters = [*self.expert.parameters(), *self.motion_heads.parameters()]
        self.optimizers = {"expert": torch.optim.Adam(parameters, lr=0.0)}
        self.sampling = ExpertSampling(
            config.resolution, config.num_frames, config.mel_window, config.mel_lead, settings.num_wrong
        )

    @classmethod
    def create(cls, settings: ExpertSettings, data: Any, inputs: Any, context: Context) -> ExpertTask:
        """Load the clips and build the networks.

        Raises:
            InputError: the data set cannot be used.
        """
        clips = ClipSplits.load(data, NUM_MOTIONS, context)
        return cls(settings, clips, device=context.device, seed=context.seed)

    def begin_run(self, run: RunFolder) -> None:
        """Keep the motion basis in the run."""
        self.clips.save_basis(run)

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless samples of the training clips."""
        return ExpertDataset(
            self.clips.train, self.sampling, self.settings.image_augmentation, seed=seed, length=length
        )

    def averaged(self) -> nn.Module:
        """Return the expert."""
        return self.expert

    def optimizer_steps(self) -> list[OptimizerStep[ExpertOutputs]]:
        """Return the one step; the first updates learn the auxiliary task alone."""
        settings, gate = self.settings, StepGate(self, self.settings.motion_first)
        losses = [
            WeightedLoss[Any]("together", 1.0, lambda out: out.pairs["together"], after=gate, measured=True),
            WeightedLoss[Any]("apart", 1.0, lambda out: out.pairs["apart"], after=gate, measured=True),
            WeightedLoss[Any](
                "contrast", settings.contrast, lambda out: contrastive(out.audio, out.face), after=gate, measured=True
            ),
            WeightedLoss[Any]("motion", settings.motion, self._motion_error),
        ]
        # The published loss is the first two alone.
        losses = losses[:2] + [loss for loss in losses[2:] if loss.weight]
        return [OptimizerStep("expert", self.optimizers["expert"], self._forward, losses)]

    def _forward(self, batch: Batch) -> ExpertOutputs:
        self.expert.train()
        # The loop has seeded the default generator with this step's number.
        mels = augment_mels(batch["mel"].flatten(0, 1), self.settings.audio_augmentation)
        audio_features = self.expert.dropout(self.expert.audio_encoder(mels[:, None]).flatten(1))
        face_features = self.expert.dropout(self.expert.face_encoder(_images(batch)).flatten(1))
        others = _apart(batch["place"], self.sampling.reach) if self.settings.batch_pairs else None
        return ExpertOutputs(audio_features, face_features, batch["motion"].flatten(1), others)

    def _motion_error(self, outputs: ExpertOutputs) -> Tensor:
        """Error of the motion of the mouth as both embeddings tell it."""
        own = outputs.audio_features.unflatten(0, (len(outputs.face_features), -1))[:, 0]
        by_audio: Tensor = self.motion_heads["audio"](own)
        by_face: Tensor = self.motion_heads["face"](outputs.face_features)
        true = outputs.true_motion
        return ((by_audio.float() - true) ** 2).mean() + ((by_face.float() - true) ** 2).mean()

    def validate(self) -> Validation:
        """Evaluate pairs of validation speakers; the score is the published loss: half right pairs, half wrong ones."""
        data = ExpertDataset(
            self.clips.validation,
            self.sampling,
            NO_AUGMENTATION,
            seed=self.seed,
            length=self.settings.validation_samples,
        )
        totals: dict[str, list[float]] = {"together": [], "apart": [], "accuracy": []}
        for start in range(0, len(data), 48):
            samples = [data[number] for number in range(start, min(start + 48, len(data)))]
            batch = {name: torch.stack([s[name] for s in samples]).to(self.device) for name in samples[0]}
            mels = batch["mel"].flatten(0, 1)[:, None]
            audio = nn.functional.normalize(self.expert.audio_encoder(mels).flatten(1), dim=1)
            face = nn.functional.normalize(self.expert.face_encoder(_images(batch)).flatten(1), dim=1)
            audio = audio.unflatten(0, batch["mel"].shape[:2])
            for name, value in _pair_losses(audio, face).items():
                totals[name].append(float(value))
            cosine = (audio * face[:, None]).sum(dim=-1).float()
            totals["accuracy"].append(float((cosine[:, :1] > cosine[:, 1:]).float().mean()))
        metrics = {name: float(np.mean(values)) for name, values in totals.items()}
        metrics["loss"] = (metrics["together"] + metrics["apart"]) / 2
        warn_if_stuck(metrics["loss"], self.step, self.settings.patience)
        return Validation(metrics, metrics["loss"])

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the expert as a weights file."""
        crop = CropSpec(size=self.settings.expert.resolution)
        card = ModelCard("expert trained with visavox", training, UNSTATED_LICENCE, quality)
        save_model(path, self.expert, card, crop=crop)


def _images(batch: Batch) -> Tensor:
    return (batch["mouths"].float() / 255).contiguous(memory_format=torch.channels_last)


def _pair_losses(audio: Tensor, face: Tensor, others: Tensor | None = None) -> Losses:
    """Losses of right and wrong pairs.

    Args:
        audio: (B, 1 + wrong, D), the right audio of each sample first.
        face: (B, D).
        others: bool (B, B), the samples whose right audio is wrong audio for each face; none by default.

    Returns:
        together: of the right pairs. apart: of each face with its wrong audio, and with that of the others; both kinds
        count the same.
    """
    batch, num_audio = audio.shape[:2]
    right, faces = audio[:, 0], face.repeat_interleave(num_audio - 1, dim=0)
    apart = cosine_bce(audio[:, 1:].flatten(0, 1), faces, face.new_zeros(len(faces)))
    if others is not None and bool(others.any()):
        face_number, audio_number = torch.nonzero(others, as_tuple=True)
        pairs = cosine_bce(right[audio_number], face[face_number], face.new_zeros(len(face_number)))
        apart = (apart + pairs) / 2
    return {"together": cosine_bce(right, face, face.new_ones(batch)), "apart": apart}


def _apart(place: Tensor, reach: int) -> Tensor:
    """Tell which samples share neither image nor audio: bool (B, B) from (B, 2) clip and first frame of each."""
    clip, first = place.unbind(dim=1)
    near = (first[:, None] - first).abs() < reach
    return (clip[:, None] != clip) | ~near
