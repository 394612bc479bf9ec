"""Task that trains the speech branch of a generator from landmarks, before any mouth is rendered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from visavox.data.generator import (
    AudioAugmentation,
    ClipStore,
    MelAugmentation,
    RowAugmentation,
    SpeechDataset,
    StoredClip,
    augment_features,
)
from visavox.errors import InputError
from visavox.models.generator import UNBOUNDED, GeneratorConfig, MotionBasis, SpeechBranch, SpeechBranchConfig
from visavox.training.divergence import LARGEST_GAIN, correlation
from visavox.training.generator.clips import ClipSplits
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
)
from visavox.weights import ModelCard, build_generator, save_model


@dataclass(frozen=True)
class SpeechSettings:
    """Network and samples of the task."""

    generator: GeneratorConfig
    """The generator whose speech branch is trained."""
    augmentation: MelAugmentation = field(default_factory=MelAugmentation)
    """Augmentation of windows of a mel."""
    audio_augmentation: AudioAugmentation = field(default_factory=AudioAugmentation)
    """Augmentation of the audio before other features are computed."""
    row_augmentation: RowAugmentation = field(default_factory=RowAugmentation)
    """Augmentation of windows of other features."""
    opening_weight: float = 3.0
    """Weight of the opening of the lips against each other component."""
    weight_decay: float = 0.01
    """AdamW's."""
    exaggeration: float = 1.0
    """Deviation of the predicted motion against the true one."""
    calibration_speakers: int = 6
    """Training speakers that are kept apart to set the size of the predicted motion by."""


@dataclass(frozen=True, kw_only=True)
class SpeechInputs(Inputs):
    """Weights whose motion basis is taken over."""

    only_new: ClassVar[tuple[str, ...]] = ("start",)

    start: str | None = None
    """Weights of a generator, to describe mouths in its motion basis: `visavox models swap-speech` then puts the
    speech branch into it; a motion basis of its own by default."""


@dataclass(frozen=True)
class SpeechOutputs:
    """Outputs of the forward pass."""

    predicted: Tensor
    """(B, K), motion from the augmented audio."""
    true: Tensor
    """(B, K)."""


class SpeechTask(TrainingTask):
    """Trains the motion predictor of a generator; the rest of the generator is left as it was built."""

    inputs = SpeechInputs

    def __init__(
        self, settings: SpeechSettings, clips: ClipSplits, *, rest: np.ndarray, device: torch.device, seed: int
    ) -> None:
        """Prepare to train.

        Args:
            settings: network and samples.
            clips: with a motion basis.
            rest: motion (K,) of a mouth at rest.
            device: device that computes.
            seed: seed of everything that is drawn.
        """
        basis = clips.basis
        assert basis is not None, "mouths are described in a motion basis"
        torch.manual_seed(seed)
        assert settings.generator.spec.audio is not None, "a speech branch takes audio"
        self.settings, self.clips, self.rest, self.device = settings, clips, rest, device
        self.audio = settings.generator.spec.audio
        self.train, self.calibration = hold_out(clips.train, settings.calibration_speakers)
        self.generator = build_generator(settings.generator)
        branch = self.generator.conditioner
        assert isinstance(branch, SpeechBranch), "`check` sees to it"
        branch.motion_basis.set(basis)
        self.predictor = branch.predictor.to(device)
        self.predictor.opening_scale.fill_(basis.opening_scale)
        self.modules: dict[str, nn.Module] = {"predictor": self.predictor}
        optimizer = torch.optim.AdamW(self.predictor.parameters(), lr=0.0, weight_decay=settings.weight_decay)
        self.optimizers = {"predictor": optimizer}
        weights = torch.ones(basis.num_motions, device=device)
        weights[0] = settings.opening_weight
        self.weights = weights / weights.mean()

    @classmethod
    def check(cls, settings: SpeechSettings, inputs: Any, *, device: str, resume: bool) -> Any:
        """Refuse a recipe whose generator has no speech branch.

        Raises:
            InputError: it has none.
        """
        if not isinstance(settings.generator.conditioner, SpeechBranchConfig):
            raise InputError("this recipe's generator has no speech branch to train; choose one that has")
        return inputs

    @classmethod
    def create(cls, settings: SpeechSettings, data: Any, inputs: SpeechInputs, context: Context) -> SpeechTask:
        """Load the clips and build the networks.

        Raises:
            InputError: the data set cannot be used.
        """
        config = settings.generator
        num_motions = config.conditioner.num_motions
        clips = ClipSplits.load(
            data,
            num_motions,
            context,
            audio=config.spec.audio,
            augmentation=settings.audio_augmentation,
            start=inputs.start,
        )
        assert clips.basis is not None
        rest = rest_motion(clips.train, clips.basis)
        return cls(settings, clips, rest=rest, device=context.device, seed=context.seed)

    def begin_run(self, run: RunFolder) -> None:
        """Keep the motion basis in the run."""
        self.clips.save_basis(run)

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless samples of the training clips."""
        return SpeechDataset(self.train, rest=self.rest, seed=seed, length=length)

    def averaged(self) -> nn.Module:
        """Return the motion predictor."""
        return self.predictor

    def optimizer_steps(self) -> list[OptimizerStep[SpeechOutputs]]:
        """Return the one step."""
        error = WeightedLoss[SpeechOutputs](
            "motion", 1.0, lambda out: ((out.predicted - out.true) ** 2 * self.weights).mean()
        )
        return [OptimizerStep("predictor", self.optimizers["predictor"], self._forward, [error])]

    def _forward(self, batch: Batch) -> SpeechOutputs:
        self.predictor.train()
        # The loop has seeded the default generator with this step's number.
        features = augment_features(
            batch["features"], self.audio, self.settings.augmentation, self.settings.row_augmentation
        )
        return SpeechOutputs(self.predictor(features).float(), batch["motion"])

    def validate(self) -> Validation:
        """Correlate prediction and truth within each validation clip; the score is minus that of the opening."""
        self._calibrate()
        predictions = [self.predict(stored) for stored in self.clips.validation.clips]
        truths = [stored.motion for stored in self.clips.validation.clips]
        pairs = list(zip(predictions, truths, strict=True))
        rows = np.mean([correlation(predicted, true) for predicted, true in pairs], axis=0)
        metrics = {f"r_{number}": float(value) for number, value in enumerate(rows)}
        gains = [predicted[:, 0].std() / max(true[:, 0].std(), 1e-6) for predicted, true in pairs]
        metrics["opening_gain"] = float(np.mean(gains))
        return Validation(metrics, -metrics["r_0"])

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the generator with its trained speech branch; its renderer has learned nothing yet."""
        card = ModelCard(
            "speech branch of a generator, without a trained renderer",
            training,
            UNSTATED_LICENCE,
            quality,
        )
        save_model(path, self.generator, card)

    @torch.no_grad()
    def predict(self, stored: StoredClip) -> np.ndarray:
        """Predict the motion of a clip, float32 (T, K)."""
        windows = np.stack([stored.window(frame) for frame in range(stored.clip.num_frames)])
        motion: Tensor = self.predictor(torch.from_numpy(windows).to(self.device))
        return motion.float().cpu().numpy()

    @torch.no_grad()
    def _calibrate(self) -> None:
        """Set the size of the predicted motion by speakers that the network was not trained on.

        A least-squares prediction of correlation r has r times the standard deviation of the truth, and rendered,
        it looks half asleep; so it is brought to the deviation of the truth, times `exaggeration`.
        The opening sets the gain for all components: what belongs together in a mouth must grow together.
        """
        self.predictor.gain.fill_(1.0)
        self.predictor.offset.zero_()
        self.predictor.lowest.fill_(UNBOUNDED)
        predictions = [self.predict(stored) for stored in self.calibration.clips]
        mean = np.concatenate(predictions).mean(axis=0)
        one = np.concatenate([motion - motion.mean(axis=0) for motion in predictions])[:, :1]
        other = np.concatenate([stored.motion - stored.motion.mean(axis=0) for stored in self.calibration.clips])[:, :1]
        gain = self.settings.exaggeration * float(other.std()) / max(float(one.std()), 1e-6)
        gain = min(gain, LARGEST_GAIN)
        self.predictor.gain.fill_(gain)
        self.predictor.offset.copy_(torch.from_numpy(((1 - gain) * mean).astype(np.float32)))
        self.predictor.lowest[0] = float(self.rest[0])


def hold_out(store: ClipStore, num_speakers: int) -> tuple[ClipStore, ClipStore]:
    """Split off the speakers with the number of clips next to the median, so neither part loses a large one."""
    counts: dict[str, int] = {}
    for stored in store.clips:
        counts[stored.speaker] = counts.get(stored.speaker, 0) + 1
    ranked = sorted(counts, key=lambda speaker: (counts[speaker], speaker))
    num_speakers = min(num_speakers, len(ranked) - 1)
    first = (len(ranked) - num_speakers) // 2
    apart = set(ranked[first : first + num_speakers])
    if not apart:
        return store, store
    kept = [stored for stored in store.clips if stored.speaker not in apart]
    return ClipStore(kept), ClipStore([stored for stored in store.clips if stored.speaker in apart])


def rest_motion(store: ClipStore, basis: MotionBasis) -> np.ndarray:
    """The motion of a mouth at rest (K,): lips closed, the rest as it is on average when they nearly are."""
    motions = np.concatenate([stored.motion for stored in store.clips])
    rest: np.ndarray = motions[motions[:, 0] <= np.quantile(motions[:, 0], 0.1)].mean(axis=0)
    rest[0] = -basis.opening_mean / basis.opening_scale
    return rest
