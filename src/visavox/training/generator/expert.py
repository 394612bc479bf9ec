"""The stage that trains the expert (Wav2Lip, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from visavox.data.generator.clip_store import ClipStore
from visavox.data.generator.expert_dataset import ExpertDataset, ExpertSampling
from visavox.data.generator.mel_augmentation import MelAugmentation, augment_mels
from visavox.data.generator.picture_augmentation import NO_AUGMENTATION, PictureAugmentation
from visavox.face.geometry.crop import CropSpec
from visavox.losses.sync import contrastive, cosine_bce
from visavox.models.sync.expert import Expert, ExpertConfig
from visavox.training.generator.sync_stage import SyncStage
from visavox.training.stage import UNSTATED_LICENCE, Batch, Losses, Turn, Validation, to_channels_last
from visavox.weights.checkpoint import save_model
from visavox.weights.weights_file import ModelCard


@dataclass(frozen=True)
class ExpertSettings:
    """What to train, on what samples."""

    expert: ExpertConfig
    """The network."""
    pictures: PictureAugmentation = field(default_factory=PictureAugmentation)
    """How the pictures are changed."""
    sounds: MelAugmentation = field(default_factory=MelAugmentation)
    """How the sounds are changed."""
    num_wrong: int = 1
    """Wrong sounds that each window of mouths is held against."""
    batch_pairs: bool = True
    """Hold it against the right sounds of the other samples of the batch too, which costs nothing more."""
    motion: float = 0.5
    """Weight of the auxiliary task, for small data: both embeddings must tell the motion of the mouth; 0 leaves
    the published loss alone."""
    motion_first: int = 0
    """Steps in which that task alone is learned: an expert that cannot see mouths yet finds it cheapest to call every
    pair a half, and stays there."""
    contrast: float = 0.0
    """Weight of a contrastive loss beside the published one: which of its own and the wrong sounds is each mouth's?"""
    validation_samples: int = 384
    """Samples of a validation."""
    patience: int = 2000
    """Steps after which an expert at the level of chance is warned about."""

    def __post_init__(self) -> None:
        """Check that there is something to learn first."""
        if self.motion_first and not self.motion:
            raise ValueError("`motion_first` needs a weight for `motion`")


class ExpertStage(SyncStage):
    """Trains an expert to tell sounds that belong to mouths from sounds that do not."""

    def __init__(
        self, settings: ExpertSettings, train: ClipStore, validation: ClipStore, *, device: torch.device, seed: int
    ) -> None:
        torch.manual_seed(seed)
        self.settings, self.train, self.validation, self.seed, self.device = settings, train, validation, seed, device
        config = settings.expert
        self.expert = to_channels_last(Expert(config), device)
        num_motions = config.num_frames * train.clips[0].motion.shape[1]
        embedding = config.face_channels[-1]
        self.tellers = nn.ModuleDict(
            {"audio": nn.Linear(embedding, num_motions), "face": nn.Linear(embedding, num_motions)}
        ).to(device)
        self.modules: dict[str, nn.Module] = {"expert": self.expert, "tellers": self.tellers}
        parameters = [*self.expert.parameters(), *self.tellers.parameters()]
        self.optimizers = {"expert": torch.optim.Adam(parameters, lr=0.0)}
        self.sampling = ExpertSampling(
            config.resolution, config.num_frames, config.mel_window, config.mel_lead, settings.num_wrong
        )

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless samples of the training clips."""
        return ExpertDataset(self.train, self.sampling, self.settings.pictures, seed=seed, length=length)

    def averaged(self) -> nn.Module:
        """Return the expert."""
        return self.expert

    def turns(self) -> list[Turn]:
        """Return the one turn."""
        return [Turn("expert", self.optimizers["expert"], self._losses, self._weights)]

    def _weights(self) -> dict[str, float]:
        # Counted before the step: the weights are asked for after the losses.
        judges = float(self.num_steps > self.settings.motion_first)
        weights = {"together": judges, "apart": judges}
        if self.settings.contrast:
            weights["contrast"] = judges * self.settings.contrast
        return weights | ({"motion": self.settings.motion} if self.settings.motion else {})

    def _losses(self, batch: Batch) -> Losses:
        self.expert.train()
        self.num_steps += 1
        sounds = batch["mel"].flatten(0, 1)
        # The loop has seeded the default generator with this step's number.
        sounds = augment_mels(sounds, self.settings.sounds)
        audio_features = self.expert.dropout(self.expert.audio_encoder(sounds[:, None]).flatten(1))
        face_features = self.expert.dropout(self.expert.face_encoder(_pictures(batch)).flatten(1))
        audio = nn.functional.normalize(audio_features, dim=1).unflatten(0, batch["mel"].shape[:2])
        face = nn.functional.normalize(face_features, dim=1)
        others = _apart(batch["place"], self.sampling.reach) if self.settings.batch_pairs else None
        losses = _verdicts(audio, face, others)
        if self.settings.contrast:
            losses["contrast"] = contrastive(audio, face)
        if self.settings.motion:
            true = batch["motion"].flatten(1)
            heard = self.tellers["audio"](audio_features.unflatten(0, batch["mel"].shape[:2])[:, 0])
            seen = self.tellers["face"](face_features)
            losses["motion"] = ((heard.float() - true) ** 2).mean() + ((seen.float() - true) ** 2).mean()
        return losses

    def validate(self) -> Validation:
        """Judge validation speakers; the score is the published loss: half right pairs, half wrong ones."""
        data = ExpertDataset(
            self.validation, self.sampling, NO_AUGMENTATION, seed=self.seed, length=self.settings.validation_samples
        )
        totals: dict[str, list[float]] = {"together": [], "apart": [], "accuracy": []}
        for start in range(0, len(data), 48):
            samples = [data[number] for number in range(start, min(start + 48, len(data)))]
            batch = {name: torch.stack([s[name] for s in samples]).to(self.device) for name in samples[0]}
            sounds = batch["mel"].flatten(0, 1)[:, None]
            audio = nn.functional.normalize(self.expert.audio_encoder(sounds).flatten(1), dim=1)
            face = nn.functional.normalize(self.expert.face_encoder(_pictures(batch)).flatten(1), dim=1)
            audio = audio.unflatten(0, batch["mel"].shape[:2])
            for name, value in _verdicts(audio, face).items():
                totals[name].append(float(value))
            cosine = (audio * face[:, None]).sum(dim=-1).float()
            totals["accuracy"].append(float((cosine[:, :1] > cosine[:, 1:]).float().mean()))
        figures = {name: float(np.mean(values)) for name, values in totals.items()}
        figures["loss"] = (figures["together"] + figures["apart"]) / 2
        self.warn_if_stuck(figures["loss"], self.settings.patience)
        return Validation(figures, figures["loss"])

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the expert as a weights file."""
        config = self.settings.expert
        crop = CropSpec(size=config.resolution)
        card = ModelCard(crop, "expert trained with visavox", training, UNSTATED_LICENCE, quality)
        save_model(path, self.expert, network="expert", config=config, card=card)


def _pictures(batch: Batch) -> Tensor:
    return (batch["mouths"].float() / 255).contiguous(memory_format=torch.channels_last)


def _verdicts(audio: Tensor, face: Tensor, others: Tensor | None = None) -> Losses:
    """Losses of right and wrong pairs.

    Args:
        audio: (B, 1 + wrong, D), the right sound of each sample first.
        face: (B, D).
        others: bool (B, B), the samples whose right sound is a wrong one for each face; none by default.

    Returns:
        together: of the right pairs. apart: of each face with its wrong sounds, and with those of the others; both
        kinds count the same.
    """
    batch, sounds = audio.shape[:2]
    right, faces = audio[:, 0], face.repeat_interleave(sounds - 1, dim=0)
    apart = cosine_bce(audio[:, 1:].flatten(0, 1), faces, face.new_zeros(len(faces)))
    if others is not None and bool(others.any()):
        face_number, sound_number = torch.nonzero(others, as_tuple=True)
        pairs = cosine_bce(right[sound_number], face[face_number], face.new_zeros(len(face_number)))
        apart = (apart + pairs) / 2
    return {"together": cosine_bce(right, face, face.new_ones(batch)), "apart": apart}


def _apart(place: Tensor, reach: int) -> Tensor:
    """Which samples share neither picture nor sound: bool (B, B) from (B, 2) clip and first frame of each."""
    clip, first = place.unbind(dim=1)
    near = (first[:, None] - first).abs() < reach
    return (clip[:, None] != clip) | ~near
