"""The stage that fits a generator that paints anybody to one person.

The painter learns from the person's own pictures, painted from their true motion; the speech branch learns on, more
slowly, what this person's mouth does to this person's sound. The two are judged apart on seconds that are not
trained on, and of each the best state is kept, which may be the one that it came with: a speech branch knows a few
minutes by heart long before the painter has learned all it can.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from visavox.data.generator.clip_store import ClipStore, StoredClip
from visavox.data.generator.mel_augmentation import MelAugmentation, augment_mels
from visavox.data.generator.speech_dataset import SpeechDataset, smoothed, window_at
from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.base import Generator
from visavox.models.perceptual.face_features import FaceFeatures
from visavox.models.sync.expert import Expert
from visavox.training.generator.speech import LARGEST_GAIN, correlation
from visavox.training.generator.start import SPEECH_BRANCH
from visavox.training.generator.wav2lip import Wav2LipSettings, Wav2LipStage, price_of_blur
from visavox.training.stage import UNSTATED_LICENCE, Batch, Losses, Validation
from visavox.weights.checkpoint import save_model
from visavox.weights.networks import network_of
from visavox.weights.weights_file import ModelCard

PAINTER, SPEECH = "painter", "speech"
LEAST_GAIN = 0.001
"""Share by which a part's error has to fall: what is less is chance, and no reason to leave the start."""
_CALIBRATION_FRAMES = 2000
"""About so many training frames are heard to set the size of the predicted motion by."""
_ROUNDS = 10
"""Of the search for gain and offset; each brings them several times nearer."""


@dataclass(frozen=True)
class AdaptationSettings(Wav2LipSettings):
    """What to learn of one person, beside what a painter learns anyway."""

    frozen_statistics: bool = True
    """Leave the statistics of batch normalisation as they came."""
    speech_rate: float = 0.3
    """Learning rate of the speech branch, as a share of the painter's."""
    speech_windows: int = 16
    """Mel windows that the speech branch hears for each sample that is painted."""
    speech_weight: float = 1.0
    """Weight of the error of the speech branch."""
    opening_weight: float = 3.0
    """Weight of the opening of the lips against each other component of the motion."""
    exaggeration: float = 1.0
    """Deviation of the predicted motion against the true one. Less than in the stage `speech`: a painter that knows
    the person moves the mouth as far as the motion says."""
    sounds: MelAugmentation = field(default_factory=lambda: MelAugmentation(speed=0.04, bands=0.5))
    """How the sounds are changed: one voice is to be known, so less than for many."""


@dataclass(frozen=True)
class BestPart:
    """The best state of one part so far."""

    score: float
    """Its error on the validation seconds."""
    state: dict[str, Tensor]
    """Its tensors."""


class AdaptStage(Wav2LipStage):
    """Fits a generator to one person."""

    settings: AdaptationSettings

    def __init__(
        self,
        settings: AdaptationSettings,
        train: ClipStore,
        validation: ClipStore,
        *,
        start: Generator,
        crop: CropSpec,
        rest: np.ndarray | None,
        expert: Expert | None,
        features: FaceFeatures | None = None,
        device: torch.device,
        seed: int,
    ) -> None:
        """Set up the stage; `begin` has to be called before it trains.

        Args:
            settings: what to learn.
            train: footage to learn from.
            validation: footage to choose the best state by.
            start: the generator to begin with.
            crop: the crop that it sees.
            rest: motion (K,) of the person's mouth at rest; None for a network without a speech branch.
            expert: who judges the sync, if anybody.
            features: face features, where losses look at them.
            device: where to compute.
            seed: where all chance comes from.
        """
        super().__init__(settings, train, validation, expert=expert, features=features, device=device, seed=seed)
        self.generator.load_state_dict(start.state_dict())
        self.crop = crop
        self.rest = rest
        self.start_scores: dict[str, float] = {}
        self.best: dict[str, BestPart] = {}
        self._gain = self._start_spread = 1.0
        named = list(self.generator.named_parameters())
        groups: list[dict[str, Any]] = [{"params": [p for name, p in named if _part_of(name) == PAINTER]}]
        if rest is not None:
            speech = [p for name, p in named if _part_of(name) == SPEECH]
            groups.append({"params": speech, "rate_factor": settings.speech_rate})
            weights = torch.ones(len(rest), device=device)
            weights[0] = settings.opening_weight
            self._weights = weights / weights.mean()
        self.optimizers["generator"] = torch.optim.Adam(groups, lr=0.0, betas=settings.betas)

    @torch.no_grad()
    def begin(self) -> dict[str, float]:
        """Measure the start, which is the best so far; return its figures."""
        self.generator.eval()
        figures, self.start_scores, _ = self._measure()
        self.best = {part: BestPart(score, self._state(part)) for part, score in self.start_scores.items()}
        return figures

    @property
    def improved(self) -> tuple[str, ...]:
        """The parts that are better than they came."""
        return tuple(part for part, best in self.best.items() if best.score < self.start_scores[part])

    @property
    def score(self) -> float:
        """Sum over the parts of the best error as a share of that at the start; smaller is better."""
        return sum(best.score / max(self.start_scores[part], 1e-9) for part, best in self.best.items())

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless samples of the training footage, pictures and sound."""
        pictures = super().dataset(seed, length)
        if self.rest is None:
            return pictures
        config, count = self.settings.generator, self.settings.speech_windows
        speech = SpeechDataset(
            self.train,
            window=config.mel_window,
            lead=config.mel_lead,
            rest=self.rest,
            seed=seed + 1,
            length=length * count,
        )
        return _PicturesAndSpeech(pictures, speech, length, count)

    def validate(self) -> Validation:
        """Measure both parts on the validation seconds and keep what is better than before."""
        figures, scores, pictures = self._measure()
        for part, score in scores.items():
            if score < min(self.best[part].score, (1 - LEAST_GAIN) * self.start_scores[part]):
                self.best[part] = BestPart(score, self._state(part))
        return Validation(figures, self.score, pictures)

    @torch.no_grad()
    def measure_best(self) -> dict[str, float]:
        """Let the generator hold the best state of each part; return its figures on the validation seconds."""
        self._hold_best(self.generator)
        self.generator.eval()
        return self._figures(super().validate())

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the generator that has the best state of each part."""
        config = self.settings.generator
        chosen = copy.deepcopy(self.generator)
        self._hold_best(chosen)
        card = ModelCard(self.crop, "generator adapted to one person", training, UNSTATED_LICENCE, quality)
        save_model(path, chosen, network=network_of(config), config=config, card=card)

    def extra_state(self) -> dict[str, Any]:
        """Return the state of the sync gate, and the best state of each part."""
        best = {part: {"score": best.score, "state": best.state} for part, best in self.best.items()}
        return super().extra_state() | {"best": best}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        """Take back what `extra_state` gave."""
        super().load_extra_state(state)
        self.best = {part: BestPart(**best) for part, best in state["best"].items()}

    def _measure(self) -> tuple[dict[str, float], dict[str, float], np.ndarray | None]:
        """Return the figures, the error of each part, and pictures to look at."""
        if self.rest is not None:
            self._calibrate()
        painted = super().validate()
        figures = self._figures(painted)
        scores = {PAINTER: figures["painting_error"]}
        if self.rest is not None:
            scores[SPEECH] = figures["motion_error"]
        return figures, scores, painted.pictures

    def _figures(self, painted: Validation) -> dict[str, float]:
        return painted.figures | {"painting_error": painted.score} | self._speech_figures()

    def _speech_figures(self) -> dict[str, float]:
        """Compare what is heard with the true motion on the validation seconds."""
        if self.rest is None:
            return {}
        predicted = [self._predict(stored) for stored in self.validation.clips]
        true = [smoothed(stored.motion) for stored in self.validation.clips]
        squares = (np.concatenate(predicted) - np.concatenate(true)) ** 2
        rows = [correlation(one, other)[0] for one, other in zip(predicted, true, strict=True)]
        error = float((squares * self._weights.cpu().numpy()).mean())
        return {"motion_error": error, "opening_r": float(np.mean(rows))}

    def _hold_best(self, generator: nn.Module) -> None:
        generator.load_state_dict({name: tensor for best in self.best.values() for name, tensor in best.state.items()})

    def _score(self, figures: dict[str, float]) -> float:
        """The painter's error, dearer the less sharp it paints.

        It is painted from the true motion where it can be: the speech branch is judged apart.
        """
        source = "heard" if self.rest is None else "true_motion"
        score = figures[f"l1_{source}"] * price_of_blur(figures["sharpness"])
        if self.settings.losses.sync and self.expert is not None:
            score += self.settings.losses.sync * figures[f"sync_{source}"]
        return score

    def _state(self, part: str) -> dict[str, Tensor]:
        tensors = self.generator.state_dict()
        return {name: tensor.detach().clone() for name, tensor in tensors.items() if _part_of(name) == part}

    def _generator_losses(self, batch: Batch) -> Losses:
        losses = super()._generator_losses(batch)
        if self.rest is not None:
            losses["motion"] = self._speech_loss(batch)
        return losses

    def _generator_weights(self) -> dict[str, float]:
        weights = super()._generator_weights()
        return weights if self.rest is None else weights | {"motion": self.settings.speech_weight}

    def _speech_loss(self, batch: Batch) -> Tensor:
        predictor = self.generator.motion_predictor.train()
        for layer in predictor.modules():
            if isinstance(layer, nn.BatchNorm1d):
                layer.eval()
        mel = augment_mels(batch["speech_mel"].flatten(0, 1), self.settings.sounds)
        predicted = predictor.uncalibrated(mel[:, None]).float()
        return ((predicted - batch["speech_motion"].flatten(0, 1)) ** 2 * self._weights).mean()

    @torch.no_grad()
    def _predict(self, stored: StoredClip, step: int = 1) -> np.ndarray:
        """Predict the motion of every `step`-th frame of a clip before calibration, float32 (T, K)."""
        config = self.settings.generator
        frames = range(0, stored.clip.num_frames, step)
        windows = np.stack([window_at(stored, frame, config.mel_window, config.mel_lead) for frame in frames])
        predictor = self.generator.motion_predictor.eval()
        return predictor.uncalibrated(torch.from_numpy(windows)[:, None].to(self.device)).float().cpu().numpy()

    @torch.no_grad()
    def _calibrate(self) -> None:
        """Let the predicted mouth move as far as this person's does, around the opening that this person has.

        As it came, the speech branch has never heard the training footage, so there its spread against the true one
        is that of unheard footage. Later it knows the training footage, and its spread is followed on the
        validation footage.
        """
        frames = sum(stored.clip.num_frames for stored in self.train.clips)
        step = max(1, frames // _CALIBRATION_FRAMES)
        heard = [self._predict(stored, step) for stored in self.train.clips]
        true = [stored.motion[::step] for stored in self.train.clips]
        predictor = self.generator.motion_predictor
        lowest = float(predictor.lowest[0])
        if not self.start_scores:
            wanted = self.settings.exaggeration * _spread(true)
            self._gain = _gain_for(wanted, heard, _mean(true)[0], lowest)
            self._start_spread = _spread([self._predict(stored) for stored in self.validation.clips])
            gain = self._gain
        else:
            spread = _spread([self._predict(stored) for stored in self.validation.clips])
            gain = min(self._gain * self._start_spread / max(spread, 1e-6), LARGEST_GAIN)
        offset = _mean(true) - gain * _mean(heard)
        offset[0] = _offset_for(_mean(true)[0], gain, heard, lowest)
        predictor.gain.fill_(gain)
        predictor.offset.copy_(torch.from_numpy(offset))


class _PicturesAndSpeech(Dataset[Batch]):
    """Samples for the painter, each with several for the speech branch."""

    def __init__(self, pictures: Dataset[Batch], speech: SpeechDataset, length: int, count: int) -> None:
        self.pictures, self.speech, self.length, self.count = pictures, speech, length, count

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Batch:
        windows = [self.speech[index * self.count + number] for number in range(self.count)]
        return self.pictures[index] | {
            f"speech_{name}": torch.stack([window[name] for window in windows]) for name in ("mel", "motion")
        }


def _spread(motions: list[np.ndarray]) -> float:
    """Standard deviation of the opening around its mean in each clip, over all clips."""
    return float(np.concatenate([motion[:, 0] - motion[:, 0].mean() for motion in motions]).std())


def _mean(motions: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(motions).mean(axis=0)


def _offset_for(mean: float, gain: float, heard: list[np.ndarray], lowest: float) -> float:
    """Find the offset that gives the opening a mean, given that no mouth is more closed than closed."""
    opening = gain * np.concatenate(heard)[:, 0]
    offset = mean - float(opening.mean())
    for _ in range(_ROUNDS):
        offset += mean - float(np.maximum(opening + offset, lowest).mean())
    return offset


def _gain_for(spread: float, heard: list[np.ndarray], mean: float, lowest: float) -> float:
    """Find the gain that gives the opening a spread, given the same."""
    gain = spread / max(_spread(heard), 1e-6)
    for _ in range(_ROUNDS):
        offset = _offset_for(mean, gain, heard, lowest)
        gain *= spread / max(_spread([np.maximum(gain * one + offset, lowest) for one in heard]), 1e-6)
        gain = min(gain, LARGEST_GAIN)
    return gain


def _part_of(name: str) -> str:
    return SPEECH if name.startswith(SPEECH_BRANCH) else PAINTER
