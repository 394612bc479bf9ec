"""The stage that teaches the motion VAE what faces do when they speak."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from visavox.data.generator.mel_augmentation import MelAugmentation
from visavox.data.motion.feature_augmentation import augment_features
from visavox.data.motion.motion_dataset import MotionDataset, MotionSampling, MotionSequence, sequences_of
from visavox.data.motion.motion_store import MotionStore
from visavox.face.geometry.crop import CropSpec
from visavox.face.geometry.resting_face import fit_opening_mode, resting_face
from visavox.losses.motion import (
    MotionJudge,
    continuity_loss,
    divergence_loss,
    gap_loss,
    reconstruction_loss,
    sync_loss,
)
from visavox.metrics.curves import opening_correlation
from visavox.metrics.motion import MotionFigures, compare_motions
from visavox.models.motion.motion_vae import MotionVae, MotionVaeConfig, lip_gap
from visavox.training.generator.speech import LARGEST_GAIN
from visavox.training.stage import UNSTATED_LICENCE, Batch, Losses, Stage, Turn, Validation
from visavox.weights.checkpoint import save_model
from visavox.weights.weights_file import ModelCard

MOUTH, CHIN, REST_OF_JAW = slice(48, 68), slice(4, 13), slice(0, 17)
EYES = slice(36, 48)
"""Parts of the 68 points."""
SPREAD_TRIALS = 6
"""Steps of the search for the spread: to a sixty-fourth."""
SPREAD_CLIPS = 40
"""Clips by which it is judged."""


@dataclass(frozen=True)
class MotionVaeLosses:
    """Weight of each loss."""

    reconstruction: float = 1.0
    """Squared error of what is decoded from the true latent, in deviations of the mouth."""
    continuity: float = 3.0
    """Squared error of its first frame and of its steps from frame to frame."""
    divergence: float = 0.4
    """Divergence of posterior and prior, nats for each number of the latent."""
    mode: float = 1.0
    """Squared error of what is decoded from the mode of the prior: the sound alone has to lead (not in the paper)."""
    opening: float = 0.5
    """Squared error of the gap between the lips, of both of them, in its deviations (not in the paper)."""
    sync: float = 0.01
    """Judgement of the motion SyncNet, once the validation's is good enough; none without one."""


@dataclass(frozen=True)
class MotionVaeSettings:
    """What to teach."""

    vae: MotionVaeConfig
    """The network."""
    losses: MotionVaeLosses = field(default_factory=MotionVaeLosses)
    """Weights of the losses."""
    sampling: MotionSampling = field(default_factory=MotionSampling)
    """What a sample holds."""
    augmentation: MelAugmentation = field(default_factory=lambda: MelAugmentation(speed=0.0, noise=0.3))
    """How sounds are changed, where the features are a mel; the speed is changed by `sampling`."""
    chin_weight: float = 0.5
    """Weight of a point of the chin against one of the mouth."""
    other_weight: float = 0.05
    """Weight of any other point."""
    weight_decay: float = 0.05
    """AdamW's."""
    sync_threshold: float = 0.75
    """Sync loss of the validation from which on the judge teaches."""
    agreement: float = 0.77
    """Correlation, of the opening, of what is drawn at temperature 1 with the most likely motion: all that the prior
    holds for likely follows the sound by no more than the square of what the most likely motion does."""
    calibration_speakers: int = 4
    """Training speakers that are kept apart to set the size of the motion by."""


class MotionVaeStage(Stage):
    """Trains the motion VAE."""

    def __init__(
        self,
        settings: MotionVaeSettings,
        train: MotionStore,
        validation: MotionStore,
        *,
        silence: np.ndarray,
        level_columns: int = 0,
        sync: nn.Module | None = None,
        device: torch.device,
        seed: int,
    ) -> None:
        """Prepare to train.

        Args:
            settings: what to teach.
            train: clips to train on.
            validation: clips of other speakers.
            silence: a row of features of digital silence, (C,).
            level_columns: how many of the first columns of the features rise with the level of the sound.
            sync: the motion SyncNet that judges, or None.
            device: where to compute.
            seed: where chance comes from.
        """
        torch.manual_seed(seed)
        self.settings, self.silence, self.device = settings, silence, device
        self.level_columns = level_columns
        apart = speakers_apart(train, settings.calibration_speakers)
        self.train = replace(train, clips=[clip for clip in train.clips if clip.speaker not in apart])
        self.vae = MotionVae(settings.vae)
        mode = fit_opening_mode([clip.displacements for clip in self.train.clips])
        self.sequences = sequences_of(self.train, mode)
        self._measure(mode)
        calibration = [clip for clip in train.clips if clip.speaker in apart] or train.clips
        self.calibration = sequences_of(replace(train, clips=calibration), mode)
        self.validation = sequences_of(validation, mode)
        self.vae.to(device)
        self.judge: MotionJudge | None = None
        if sync is not None:
            self.judge = sync.to(device).eval().requires_grad_(False)  # type: ignore[assignment]
        self.judged_well = False
        self.modules: dict[str, nn.Module] = {"vae": self.vae}
        optimizer = torch.optim.AdamW(self.vae.parameters(), lr=0.0, weight_decay=settings.weight_decay)
        self.optimizers = {"vae": optimizer}

    def _measure(self, mode: np.ndarray) -> None:
        """Set what the network takes from the training set as a whole."""
        vae = self.vae
        rows = np.concatenate([clip.features for clip in self.train.clips])
        vae.speech_encoder.feature_mean.copy_(torch.from_numpy(rows.mean(axis=0, dtype=np.float64)))
        scale = np.maximum(rows.std(axis=0, dtype=np.float64), 1e-3)
        vae.speech_encoder.feature_scale.copy_(torch.from_numpy(scale))
        motion = np.concatenate([sequence.motion for sequence in self.sequences])
        vae.motion_mean.copy_(torch.from_numpy(motion.mean(axis=0).reshape(-1)))
        deviation = np.full((68, 3), max(float(motion.std(axis=0).mean()), 1e-3))
        for part in (REST_OF_JAW, EYES, MOUTH):
            deviation[part] = max(float(motion[:, part].std(axis=0).mean()), 1e-3)
        vae.motion_scale.copy_(torch.from_numpy(deviation.reshape(-1)))
        vae.opening_mode.copy_(torch.from_numpy(mode.reshape(-1)))
        faces = [resting_face(clip.displacements, mode) for clip in self.train.clips]
        vae.rest.copy_(torch.from_numpy(np.mean(faces, axis=0).reshape(-1)))
        weights = np.full((68, 3), self.settings.other_weight)
        weights[CHIN], weights[MOUTH] = self.settings.chin_weight, 1.0
        mouth = float(motion[:, MOUTH].std())
        self.loss_weights = torch.from_numpy(weights.reshape(-1) / weights.mean() / mouth**2).float().to(self.device)
        gap = motion[..., 62, 1] - motion[..., 66, 1]
        self.gap_scale = max(float(gap.std()), 1e-3)
        vae.opening_deviation.fill_(max(typical_deviation(self.sequences), 1e-3))

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless samples of the training clips."""
        return MotionDataset(
            self.sequences,
            self.train.sampling_weights(),
            self.silence,
            self.settings.sampling,
            seed=seed,
            length=length,
        )

    def averaged(self) -> nn.Module:
        """Return the motion VAE."""
        return self.vae

    def turns(self) -> list[Turn]:
        """Return the one turn."""
        return [Turn("vae", self.optimizers["vae"], self._losses, self._weights)]

    def _weights(self) -> dict[str, float]:
        weights = asdict(self.settings.losses)
        if self.judge is None:
            del weights["sync"]
        elif not self.judged_well:
            weights["sync"] = 0.0
        return weights

    def _losses(self, batch: Batch) -> Losses:
        self.vae.train()
        vae, true, mask = self.vae, batch["motion"], batch["mask"]
        speech, squeezed = vae.hear(self._augmented(batch["features"]), mask)
        posterior = vae.encode(true, squeezed, mask)
        mode = vae.prior_latent(torch.zeros_like(posterior.latent), squeezed, mask)
        # Both latents at once: one pass of larger matrices takes less time than two.
        both = vae.decode(torch.cat([posterior.latent, mode]), speech.repeat(2, 1, 1), mask.repeat(2, 1))
        rebuilt, likely = both.chunk(2)
        latent_mask = mask.reshape(len(mask), -1, 4).amax(dim=-1)
        divergence = vae.divergence(posterior, squeezed, mask).float()
        losses = {
            "reconstruction": reconstruction_loss(rebuilt, true, self.loss_weights, mask),
            "continuity": continuity_loss(rebuilt, true, self.loss_weights, mask),
            "divergence": divergence_loss(divergence, latent_mask, self.settings.vae.latent),
            "mode": reconstruction_loss(likely, true, self.loss_weights, mask),
            "opening": self._gap_loss(rebuilt, true, mask) + self._gap_loss(likely, true, mask),
        }
        if self.judge is not None:
            losses["sync"] = sync_loss(self.judge, batch["features"], rebuilt.unflatten(-1, (68, 3)), mask)
        return losses

    def _gap_loss(self, predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
        return gap_loss(lip_gap(predicted) / self.gap_scale, lip_gap(true) / self.gap_scale, mask)

    def _augmented(self, features: Tensor) -> Tensor:
        # The loop has seeded the default generator with this step's number.
        return augment_features(features, self.level_columns, self.settings.augmentation)

    def validate(self) -> Validation:
        """Compare predicted and true motion of the validation clips; the score is minus the correlation of opening."""
        self._calibrate()
        still = self._compare(0.0)
        lively = self._compare(1.0)
        figures = {
            "r_opening": still.opening,
            "r_width": still.width,
            "gain": still.gain,
            "r_opening_sampled": lively.opening,
            "gain_sampled": lively.gain,
            "velocity": still.velocity,
            "velocity_sampled": lively.velocity,
            "lmd": still.distance,
            "diversity": self._diversity(),
            "spread": float(self.vae.spread),
        }
        if self.judge is not None:
            figures["sync"] = self._judged()
            self.judged_well = figures["sync"] <= self.settings.sync_threshold
        return Validation(figures, -still.opening)

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the motion VAE, in half precision."""
        card = ModelCard(CropSpec(), "motion of 68 landmarks from speech", training, UNSTATED_LICENCE, quality)
        save_model(path, self.vae, network="motion_vae", config=self.settings.vae, card=card, dtype=torch.float16)

    def extra_state(self) -> dict[str, bool]:
        """Whether the judge teaches."""
        return {"judged_well": self.judged_well}

    def load_extra_state(self, state: dict[str, bool]) -> None:
        """Take it back."""
        self.judged_well = state["judged_well"]

    def predict(
        self, sequence: MotionSequence, temperature: float, seed: int = 0, *, calibrated: bool = True
    ) -> np.ndarray:
        """Predict the motion of a clip, float32 (T, 68, 3), centimetres from the face at rest."""
        features = torch.from_numpy(sequence.features)[None].to(self.device)
        motion = self.vae.sample(features, seed=seed, temperature=temperature, calibrated=calibrated)
        return motion[0, : sequence.num_frames].float().cpu().numpy().reshape(-1, 68, 3)

    def _compare(self, temperature: float) -> MotionFigures:
        rows: dict[str, list[MotionFigures]] = {}
        for number, sequence in enumerate(self.validation):
            figures = compare_motions(self.predict(sequence, temperature, number), sequence.motion, self.vae_rest())
            rows.setdefault(collection_of(sequence.speaker), []).append(figures)
        return MotionFigures.mean([MotionFigures.mean(part) for part in rows.values()])

    def vae_rest(self) -> np.ndarray:
        """The typical face at rest, (68, 3) from the canonical face."""
        return self.vae.rest.float().cpu().numpy().reshape(68, 3)

    def _diversity(self) -> float:
        """Deviation between samples of the same sound over the deviation of the truth in time, of the opening."""
        sequences = self.validation[:: max(1, len(self.validation) // 12)]
        between, true = [], []
        for sequence in sequences:
            samples = np.stack([_gap(self.predict(sequence, 1.0, seed)) for seed in range(4)])
            between.append(samples.var(axis=0, ddof=1).mean())
            true.append(_gap(sequence.motion).var())
        return float(np.sqrt(np.mean(between) / max(np.mean(true), 1e-12)))

    @torch.no_grad()
    def _judged(self) -> float:
        assert self.judge is not None
        losses = []
        for sequence in self.validation:
            features = torch.from_numpy(sequence.features)[None].to(self.device)
            motion = torch.from_numpy(self.predict(sequence, 0.0))[None].to(self.device)
            losses.append(float(sync_loss(self.judge, features, motion, motion.new_ones(motion.shape[:2]))))
        return float(np.mean(losses))

    def _calibrate(self) -> None:
        """Set spread and size of the motion by speakers that the network was not trained on.

        What is predicted for them is brought to the size of a typical speaker. The gap between the lips sets it for
        all points: what belongs together in a face must grow together.
        """
        vae, sequences = self.vae, self.calibration
        likely = [self.predict(sequence, 0.0, calibrated=False) for sequence in sequences]
        vae.typical.copy_(torch.from_numpy(np.concatenate(likely).mean(axis=0).reshape(-1)))
        self._set_spread(
            sequences[:: max(1, len(sequences) // SPREAD_CLIPS)], likely[:: max(1, len(sequences) // SPREAD_CLIPS)]
        )
        lively = [self.predict(sequence, 1.0, number, calibrated=False) for number, sequence in enumerate(sequences)]
        for number, motions in enumerate((likely, lively)):
            size = pooled_deviation([_gap(motion) for motion in motions])
            vae.gains[number] = min(float(vae.opening_deviation) / max(size, 1e-6), LARGEST_GAIN)

    def _set_spread(self, sequences: list[MotionSequence], likely: list[np.ndarray]) -> None:
        """Find the largest spread, up to 1, at which samples agree with the most likely motion as they should."""
        least, largest = 0.0, 1.0
        for trial in range(SPREAD_TRIALS):
            # The whole prior first: it may agree well enough.
            self.vae.spread.fill_(largest if trial == 0 else (least + largest) / 2)
            drawn = [self.predict(sequence, 1.0, number, calibrated=False) for number, sequence in enumerate(sequences)]
            agreements = [opening_correlation(_gap(one), _gap(other)) for one, other in zip(drawn, likely, strict=True)]
            if np.nanmean(agreements) >= self.settings.agreement:
                least = float(self.vae.spread)
            else:
                largest = float(self.vae.spread)
            if least >= largest:
                break


def pooled_deviation(curves: list[np.ndarray]) -> float:
    """Standard deviation of curves (T,), each about its own mean."""
    return float(np.sqrt(np.mean(np.concatenate([(curve - curve.mean()) ** 2 for curve in curves]))))


def typical_deviation(sequences: list[MotionSequence]) -> float:
    """Standard deviation of the gap between the lips, centimetres, of a typical speaker: the mean over collections."""
    collections: dict[str, list[np.ndarray]] = {}
    for sequence in sequences:
        collections.setdefault(collection_of(sequence.speaker), []).append(_gap(sequence.motion))
    return float(np.mean([pooled_deviation(curves) for curves in collections.values()]))


def _gap(motion: np.ndarray) -> np.ndarray:
    return motion[..., 62, 1] - motion[..., 66, 1]


def collection_of(speaker: str) -> str:
    """What a speaker's name begins with, up to the first underscore.

    Speakers of one collection are one group, so that the largest collection does not drown the others.
    """
    return speaker.partition("_")[0]


def speakers_apart(store: MotionStore, num_speakers: int) -> set[str]:
    """Choose the speakers whose number of clips is next to the median; at least one speaker remains."""
    counts: dict[str, int] = {}
    for clip in store.clips:
        counts[clip.speaker] = counts.get(clip.speaker, 0) + 1
    ranked = sorted(counts, key=lambda speaker: (counts[speaker], speaker))
    num_speakers = min(num_speakers, len(ranked) - 1)
    first = (len(ranked) - num_speakers) // 2
    return set(ranked[first : first + num_speakers])
