"""Task that trains the motion VAE: motion of a face from speech."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from visavox.data.generator import MelAugmentation
from visavox.data.motion import (
    MotionDataset,
    MotionSampling,
    MotionSequence,
    MotionStore,
    augment_features,
    sequences_of,
)
from visavox.errors import InputError
from visavox.face.geometry.motion import fit_opening_mode, resting_face
from visavox.losses import (
    MotionScorer,
    continuity_loss,
    divergence_loss,
    gap_loss,
    reconstruction_loss,
    sync_loss,
)
from visavox.metrics.motion import MotionAgreement, compare_motions
from visavox.models.motion import MotionVae, MotionVaeConfig, lip_gap
from visavox.models.sync import MotionSyncNet
from visavox.training.motion.calibration import (
    calibrate,
    collection_of,
    lip_opening,
    speakers_apart,
    typical_deviation,
)
from visavox.training.motion.speech import find_features, load_motions
from visavox.training.recipe import Inputs
from visavox.training.task import (
    UNSTATED_LICENCE,
    Batch,
    Context,
    OptimizerStep,
    TrainingTask,
    Validation,
    ValidationGate,
    WeightedLoss,
)
from visavox.weights import ModelCard, load_model, save_model

MOUTH, CHIN, REST_OF_JAW = slice(48, 68), slice(4, 13), slice(0, 17)
EYES = slice(36, 48)
"""Parts of the 68 points."""


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
    """Squared error of what is decoded from the mode of the prior: the audio alone has to lead (not in the paper)."""
    opening: float = 0.5
    """Squared error of the gap between the lips, of both of them, in its deviations (not in the paper)."""
    sync: float = 0.01
    """Sync loss of the motion SyncNet, once that of the validation is good enough; none without one."""


@dataclass(frozen=True)
class MotionVaeSettings:
    """Network, samples and losses of the task."""

    vae: MotionVaeConfig
    """The network."""
    losses: MotionVaeLosses = field(default_factory=MotionVaeLosses)
    """Weights of the losses."""
    sampling: MotionSampling = field(default_factory=MotionSampling)
    """Size of a sample."""
    augmentation: MelAugmentation = field(default_factory=lambda: MelAugmentation(speed=0.0, noise=0.3))
    """Augmentation of the audio, where the features are a mel; the speed is changed by `sampling`."""
    chin_weight: float = 0.5
    """Weight of a point of the chin against one of the mouth."""
    other_weight: float = 0.05
    """Weight of any other point."""
    weight_decay: float = 0.05
    """AdamW's."""
    sync_threshold: float = 0.75
    """Sync loss of a validation below which the motion SyncNet teaches."""
    agreement: float = 0.77
    """Correlation, of the opening, of what is drawn at temperature 1 with the most likely motion: all that the prior
    holds for likely follows the audio by no more than the square of what the most likely motion does."""
    calibration_speakers: int = 4
    """Training speakers that are kept apart to set the size of the motion by."""


@dataclass(frozen=True, kw_only=True)
class MotionVaeInputs(Inputs):
    """Weights that a motion VAE is trained with."""

    weights: ClassVar[tuple[str, ...]] = ("sync",)

    sync: str | None = None
    """Motion SyncNet of the sync loss: a name, or the best.safetensors of the task `motion-syncnet`; none by
    default."""


@dataclass(frozen=True)
class MotionOutputs:
    """Outputs of the forward pass: motions (B, T, 204), of mask (B, T)."""

    rebuilt: Tensor
    """Decoded from the posterior's latent."""
    likely: Tensor
    """Decoded from the mode of the prior."""
    true: Tensor
    """The true motion."""
    mask: Tensor
    """(B, T), 1 in frames that count."""
    divergence: Tensor
    """(B, T / 4), divergence of posterior and prior, summed over channels."""
    features: Tensor
    """(B, 2 T, C), of the speech as it is."""


class MotionVaeTask(TrainingTask):
    """Trains the motion VAE."""

    inputs = MotionVaeInputs

    def __init__(
        self,
        settings: MotionVaeSettings,
        splits: tuple[MotionStore, MotionStore],
        *,
        silence: np.ndarray,
        level_columns: int = 0,
        sync: nn.Module | None = None,
        device: torch.device,
        seed: int,
    ) -> None:
        """Prepare to train.

        Args:
            settings: network, samples and losses.
            splits: clips to train on, and clips of other speakers to validate by.
            silence: a row of features of digital silence, (C,).
            level_columns: number of the first columns of the features that rise with the level of the audio.
            sync: the motion SyncNet of the sync loss, or None.
            device: device that computes.
            seed: seed of everything that is drawn.
        """
        torch.manual_seed(seed)
        train, validation = splits
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
        self.syncnet: MotionScorer | None = None
        if sync is not None:
            self.syncnet = sync.to(device).eval().requires_grad_(False)  # type: ignore[assignment]
        self.gate = ValidationGate(settings.sync_threshold, stays_open=False)
        self.modules: dict[str, nn.Module] = {"vae": self.vae}
        optimizer = torch.optim.AdamW(self.vae.parameters(), lr=0.0, weight_decay=settings.weight_decay)
        self.optimizers = {"vae": optimizer}

    @classmethod
    def create(cls, settings: MotionVaeSettings, data: Any, inputs: MotionVaeInputs, context: Context) -> MotionVaeTask:
        """Load clips and weights and build the network.

        Raises:
            InputError: the data set, the features or the motion SyncNet cannot be used.
        """
        vae = settings.vae
        features = find_features(vae.features, vae.speech.feature_size)
        sync = load_model(inputs.sync, MotionSyncNet) if inputs.sync is not None else None
        if sync is not None and sync.config.features != vae.features:
            raise InputError(
                f"the motion SyncNet {inputs.sync} takes {sync.config.features} and the recipe's network "
                f"{vae.features}; give a motion SyncNet for the same features"
            )
        return cls(
            settings,
            load_motions(data, features, context.progress),
            silence=features.silent_row(),
            level_columns=features.level_columns,
            sync=sync,
            device=context.device,
            seed=context.seed,
        )

    def _measure(self, mode: np.ndarray) -> None:
        """Set the numbers that the network takes from the training set as a whole."""
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

    def optimizer_steps(self) -> list[OptimizerStep[MotionOutputs]]:
        """Return the one step."""
        weights, scale, latent = self.settings.losses, self.loss_weights, self.settings.vae.latent
        losses: list[WeightedLoss[MotionOutputs]] = [
            WeightedLoss(
                "reconstruction",
                weights.reconstruction,
                lambda out: reconstruction_loss(out.rebuilt, out.true, scale, out.mask),
            ),
            WeightedLoss(
                "continuity", weights.continuity, lambda out: continuity_loss(out.rebuilt, out.true, scale, out.mask)
            ),
            WeightedLoss(
                "divergence",
                weights.divergence,
                lambda out: divergence_loss(out.divergence, latent_mask(out.mask), latent),
            ),
            WeightedLoss("mode", weights.mode, lambda out: reconstruction_loss(out.likely, out.true, scale, out.mask)),
            WeightedLoss(
                "opening",
                weights.opening,
                lambda out: (
                    self._gap_loss(out.rebuilt, out.true, out.mask) + self._gap_loss(out.likely, out.true, out.mask)
                ),
            ),
        ]
        if self.syncnet is not None:
            losses.append(WeightedLoss("sync", weights.sync, self._sync_loss, after=self.gate, measured=True))
        return [OptimizerStep("vae", self.optimizers["vae"], self._forward, losses)]

    def _forward(self, batch: Batch) -> MotionOutputs:
        self.vae.train()
        vae, true, mask = self.vae, batch["motion"], batch["mask"]
        speech, squeezed = vae.encode_speech(self._augmented(batch["features"]), mask)
        posterior = vae.encode(true, squeezed, mask)
        mode = vae.prior_latent(torch.zeros_like(posterior.latent), squeezed, mask)
        # Both latents at once: one pass of larger matrices takes less time than two.
        both = vae.decode(torch.cat([posterior.latent, mode]), speech.repeat(2, 1, 1), mask.repeat(2, 1))
        rebuilt, likely = both.chunk(2)
        divergence = vae.divergence(posterior, squeezed, mask).float()
        return MotionOutputs(rebuilt, likely, true, mask, divergence, batch["features"])

    def _sync_loss(self, out: MotionOutputs) -> Tensor:
        assert self.syncnet is not None
        return sync_loss(self.syncnet, out.features, torch.unflatten(out.rebuilt, -1, (68, 3)), out.mask)

    def _gap_loss(self, predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
        return gap_loss(lip_gap(predicted) / self.gap_scale, lip_gap(true) / self.gap_scale, mask)

    def _augmented(self, features: Tensor) -> Tensor:
        # The loop has seeded the default generator with this step's number.
        return augment_features(features, self.level_columns, self.settings.augmentation)

    def validate(self) -> Validation:
        """Compare predicted and true motion of the validation clips; the score is minus the correlation of opening."""
        calibrate(self.vae, self.calibration, self._uncalibrated, self.settings.agreement)
        still = self._compare(0.0)
        lively = self._compare(1.0)
        metrics = {
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
        if self.syncnet is not None:
            metrics["sync"] = self._measured_sync()
            self.gate.update(metrics["sync"])
        return Validation(metrics, -still.opening)

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the motion VAE, in half precision."""
        card = ModelCard("motion of 68 landmarks from speech", training, UNSTATED_LICENCE, quality)
        save_model(path, self.vae, card, dtype=torch.float16)

    def extra_state(self) -> dict[str, bool]:
        """Return the state of the gate of the sync loss."""
        return {"judged_well": self.gate.is_open}

    def load_extra_state(self, state: dict[str, bool]) -> None:
        """Take back the state of the gate."""
        self.gate.is_open = state["judged_well"]

    def _uncalibrated(self, sequence: MotionSequence, temperature: float, seed: int) -> np.ndarray:
        return self.predict(sequence, temperature, seed, calibrated=False)

    def predict(
        self, sequence: MotionSequence, temperature: float, seed: int = 0, *, calibrated: bool = True
    ) -> np.ndarray:
        """Predict the motion of a clip, float32 (T, 68, 3), centimetres from the face at rest."""
        features = torch.from_numpy(sequence.features)[None].to(self.device)
        motion = self.vae.sample(features, seed=seed, temperature=temperature, calibrated=calibrated)
        return motion[0, : sequence.num_frames].float().cpu().numpy().reshape(-1, 68, 3)

    def _compare(self, temperature: float) -> MotionAgreement:
        rows: dict[str, list[MotionAgreement]] = {}
        for number, sequence in enumerate(self.validation):
            agreement = compare_motions(self.predict(sequence, temperature, number), sequence.motion, self.vae_rest())
            rows.setdefault(collection_of(sequence.speaker), []).append(agreement)
        return MotionAgreement.mean([MotionAgreement.mean(part) for part in rows.values()])

    def vae_rest(self) -> np.ndarray:
        """The typical face at rest, (68, 3) from the canonical face."""
        return self.vae.rest.float().cpu().numpy().reshape(68, 3)

    def _diversity(self) -> float:
        """Deviation between samples of the same audio over the deviation of the truth in time, of the opening."""
        sequences = self.validation[:: max(1, len(self.validation) // 12)]
        between, true = [], []
        for sequence in sequences:
            samples = np.stack([lip_opening(self.predict(sequence, 1.0, seed)) for seed in range(4)])
            between.append(samples.var(axis=0, ddof=1).mean())
            true.append(lip_opening(sequence.motion).var())
        return float(np.sqrt(np.mean(between) / max(np.mean(true), 1e-12)))

    @torch.no_grad()
    def _measured_sync(self) -> float:
        assert self.syncnet is not None
        losses = []
        for sequence in self.validation:
            features = torch.from_numpy(sequence.features)[None].to(self.device)
            motion = torch.from_numpy(self.predict(sequence, 0.0))[None].to(self.device)
            losses.append(float(sync_loss(self.syncnet, features, motion, motion.new_ones(motion.shape[:2]))))
        return float(np.mean(losses))


def latent_mask(mask: Tensor) -> Tensor:
    """Mask of the latent frames (B, T / 4) of a mask of frames (B, T)."""
    return mask.reshape(len(mask), -1, 4).amax(dim=-1)
