"""Task that fits a generator to one person.

The renderer learns from the person's own images, rendered from their true motion; the speech branch learns on, more
slowly, the motion of this person's mouth for this person's speech. The two are measured apart on seconds that are not
trained on, and of each the best state is kept, which may be the one that it came with: a speech branch knows a few
minutes by heart long before the renderer has learned all it can.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from visavox.data.generator import MelAugmentation, SpeechDataset
from visavox.models.generator import SPEECH_BRANCH, LipSyncGenerator, SpeechBranch
from visavox.training.generator.clips import ClipSplits
from visavox.training.generator.rendering import FaceGeneration, FrozenNetworks, RenderedBatch
from visavox.training.generator.settings import GeneratorSettings
from visavox.training.generator.speech_adaptation import SpeechAdaptation
from visavox.training.recipe import Inputs
from visavox.training.task import (
    UNSTATED_LICENCE,
    Batch,
    Context,
    OptimizerStep,
    TrainingTask,
    Validation,
    WeightedLoss,
)
from visavox.weights import ModelCard, converted_checkpoint, converted_part, save_model

RENDERER, SPEECH = "renderer", "speech"
"""Parts of a generator that are adapted."""
_EARLIER_NAMES = {"painter": RENDERER}
"""Names of the parts in checkpoints of earlier versions."""
LEAST_GAIN = 0.001
"""Share by which a part's error has to fall: what is less is chance, and no reason to leave the start."""


@dataclass(frozen=True)
class AdaptationSettings(GeneratorSettings):
    """Settings of an adaptation, beside those that every generator has."""

    freeze_batch_norm: bool = True
    """Leave the statistics of batch normalisation as they came."""
    speech_rate: float = 0.3
    """Learning rate of the speech branch, as a share of the renderer's."""
    speech_windows: int = 16
    """Windows of audio features that the speech branch takes for each sample that is rendered."""
    speech_weight: float = 1.0
    """Weight of the error of the speech branch."""
    opening_weight: float = 3.0
    """Weight of the opening of the lips against each other component of the motion."""
    exaggeration: float = 1.0
    """Deviation of the predicted motion against the true one. Less than in the task `speech`: a renderer that knows
    the person moves the mouth as far as the motion says."""
    audio_augmentation: MelAugmentation = field(default_factory=lambda: MelAugmentation(speed=0.04, bands=0.5))
    """Augmentation of the audio: one voice is to be known, so less than for many."""


@dataclass(frozen=True)
class AdaptationStart:
    """The generator that an adaptation begins with."""

    generator: LipSyncGenerator
    """Generator."""
    rest: np.ndarray | None
    """Motion (K,) of the person's mouth at rest; None for a network without a speech branch."""


@dataclass(frozen=True)
class AdaptationData:
    """Prepared videos of one person."""

    clips: ClipSplits
    """Clips to learn from, and clips to choose the best state by."""
    description: str
    """A few words for the card of the weights."""
    digest: str
    """Tells this data from other data."""


@dataclass(frozen=True, kw_only=True)
class AdaptationInputs(Inputs):
    """Networks that an adaptation takes, loaded already."""

    start: AdaptationStart
    """Generator to begin with."""
    networks: FrozenNetworks
    """Frozen networks that losses look through."""
    job: dict[str, Any]
    """Identity of the job, which a resumed run must share."""

    def identity(self) -> dict[str, Any]:
        """Return what a resumed run must share."""
        return self.job


@dataclass(frozen=True)
class BestPart:
    """The best state of one part so far."""

    score: float
    """Its error on the validation seconds."""
    state: dict[str, Tensor]
    """Its tensors."""


class AdaptationTask(TrainingTask):
    """Fits a generator to one person; `baseline` has to be called before it validates."""

    inputs = AdaptationInputs
    single_process = True

    def __init__(
        self,
        settings: AdaptationSettings,
        clips: ClipSplits,
        start: AdaptationStart,
        networks: FrozenNetworks,
        *,
        device: torch.device,
        seed: int,
    ) -> None:
        self.settings, self.clips, self.seed = settings, clips, seed
        self.faces = FaceGeneration(settings, clips, networks, device, seed)
        self.generator = self.faces.generator
        self.generator.load_state_dict(start.generator.state_dict())
        self.modules = self.faces.modules
        self.speech = None
        named = dict(self.generator.named_parameters())
        self._groups = [[name for name in named if _part_of(name) == RENDERER]]
        groups: list[dict[str, Any]] = [{"params": [named[name] for name in self._groups[0]]}]
        branch = self.generator.conditioner
        if start.rest is not None and isinstance(branch, SpeechBranch):
            self.speech = SpeechAdaptation(settings, clips, branch.predictor, start.rest, device)
            self._groups.append([name for name in named if _part_of(name) == SPEECH])
            speech = [named[name] for name in self._groups[1]]
            groups.append({"params": speech, "rate_factor": settings.speech_rate})
        self.optimizers = {"generator": torch.optim.Adam(groups, lr=0.0, betas=settings.betas)}
        if self.faces.discriminator is not None:
            parameters = self.faces.discriminator.parameters()
            self.optimizers["discriminator"] = torch.optim.Adam(parameters, lr=0.0, betas=settings.betas)
        self.start_scores: dict[str, float] = {}
        self.start_metrics: dict[str, float] = {}
        self.best: dict[str, BestPart] = {}
        self.validation_seconds = 0.0
        """Time that the first validation took."""

    @classmethod
    def create(
        cls, settings: AdaptationSettings, data: AdaptationData, inputs: AdaptationInputs, context: Context
    ) -> AdaptationTask:
        """Build the networks."""
        return cls(settings, data.clips, inputs.start, inputs.networks, device=context.device, seed=context.seed)

    @classmethod
    def describe(cls, data: AdaptationData) -> str:
        """Describe the video in a few words."""
        return data.description

    @classmethod
    def digest(cls, data: AdaptationData) -> str:
        """Return what tells the video from other video."""
        return data.digest

    @torch.no_grad()
    def baseline(self) -> float:
        """Measure the start, which is the best so far."""
        began = time.perf_counter()
        self.generator.eval()
        self.start_metrics, self.start_scores, _ = self._measure()
        self.best = {part: BestPart(score, self._state(part)) for part, score in self.start_scores.items()}
        self.validation_seconds = time.perf_counter() - began
        return self.score

    @property
    def improved(self) -> tuple[str, ...]:
        """Parts that are better than they came."""
        return tuple(part for part, best in self.best.items() if best.score < self.start_scores[part])

    @property
    def score(self) -> float:
        """Sum over the parts of the best error as a share of that at the start; smaller is better."""
        return sum(best.score / max(self.start_scores[part], 1e-9) for part, best in self.best.items())

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless samples of the training video, images and audio."""
        images = self.faces.dataset(seed, length)
        if self.speech is None:
            return images
        count = self.settings.speech_windows
        return _ImagesAndSpeech(images, self.speech.dataset(seed + 1, length * count), length, count)

    def averaged(self) -> nn.Module:
        """Return the generator."""
        return self.generator

    def optimizer_steps(self) -> list[OptimizerStep[Any]]:
        """Return the step of the generator, speech branch included, then that of the discriminator."""
        losses: list[WeightedLoss[RenderedBatch]] = self.faces.losses()
        if self.speech is not None:
            speech = self.speech
            losses.append(WeightedLoss("motion", self.settings.speech_weight, lambda out: speech.loss(out.batch)))
        steps: list[OptimizerStep[Any]] = [
            OptimizerStep("generator", self.optimizers["generator"], self.faces.render, losses)
        ]
        if self.faces.discriminator is not None:
            steps.append(self.faces.discriminator_step(self.optimizers["discriminator"]))
        return steps

    def validate(self) -> Validation:
        """Measure both parts on the validation seconds and keep what is better than before."""
        metrics, scores, images = self._measure()
        for part, score in scores.items():
            if score < min(self.best[part].score, (1 - LEAST_GAIN) * self.start_scores[part]):
                self.best[part] = BestPart(score, self._state(part))
        return Validation(metrics, self.score, images)

    @torch.no_grad()
    def measure_best(self) -> dict[str, float]:
        """Let the generator hold the best state of each part; return its metrics on the validation seconds."""
        self._hold_best(self.generator)
        self.generator.eval()
        return self._metrics()[0]

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the generator that has the best state of each part."""
        best = copy.deepcopy(self.generator)
        self._hold_best(best)
        card = ModelCard("generator adapted to one person", training, UNSTATED_LICENCE, quality)
        save_model(path, best, card)

    def converted_checkpoint(self, state: dict[str, Any]) -> dict[str, Any]:
        """Give the tensors of an earlier version their names of today."""
        return converted_checkpoint(state, self.generator, self._groups)

    def extra_state(self) -> dict[str, Any]:
        """Return the state of the sync gate, and the best state of each part."""
        best = {part: {"score": best.score, "state": best.state} for part, best in self.best.items()}
        return {"gate_is_open": self.faces.gate.is_open, "best": best}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        """Take back the result of `extra_state`."""
        self.faces.gate.is_open = state["gate_is_open"]
        self.best = {
            _EARLIER_NAMES.get(part, part): BestPart(best["score"], self._whole(part, best["state"]))
            for part, best in state["best"].items()
        }

    def _measure(self) -> tuple[dict[str, float], dict[str, float], np.ndarray]:
        """Return the metrics, the error of each part, and images to look at."""
        if self.speech is not None:
            self.speech.calibrate(first=not self.start_scores)
        metrics, images = self._metrics()
        scores = {RENDERER: metrics["rendering_error"]}
        if self.speech is not None:
            scores[SPEECH] = metrics["motion_error"]
        return metrics, scores, images

    def _metrics(self) -> tuple[dict[str, float], np.ndarray]:
        metrics, images = self.faces.measure()
        # From the true motion where that can be: the speech branch is measured apart.
        condition = "audio" if self.speech is None else "motion"
        metrics["rendering_error"] = self.faces.score(metrics, condition, sharp=True)
        if self.speech is not None:
            metrics |= self.speech.measure()
        return metrics, images

    def _hold_best(self, generator: nn.Module) -> None:
        generator.load_state_dict({name: tensor for best in self.best.values() for name, tensor in best.state.items()})

    def _whole(self, part: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the state of a part under the names of today, with what an earlier version did not keep."""
        kept = self._state(_EARLIER_NAMES.get(part, part))
        return {name: kept[name] for name in kept if "motion_basis." in name} | converted_part(tensors)

    def _state(self, part: str) -> dict[str, Tensor]:
        tensors = self.generator.state_dict()
        return {name: tensor.detach().clone() for name, tensor in tensors.items() if _part_of(name) == part}


class _ImagesAndSpeech(Dataset[Batch]):
    """Samples for the renderer, each with several for the speech branch."""

    def __init__(self, images: Dataset[Batch], speech: SpeechDataset, length: int, count: int) -> None:
        self.images, self.speech, self.length, self.count = images, speech, length, count

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Batch:
        windows = [self.speech[index * self.count + number] for number in range(self.count)]
        return self.images[index] | {
            f"speech_{name}": torch.stack([window[name] for window in windows]) for name in ("features", "motion")
        }


def _part_of(name: str) -> str:
    return SPEECH if name.startswith(SPEECH_BRANCH) else RENDERER
