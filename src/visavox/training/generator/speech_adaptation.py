"""Adaptation of a speech branch to one person: its loss, its error on the validation seconds, and its calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from visavox.data.generator import SpeechDataset, StoredClip, augment_features, smoothed
from visavox.models.generator import MotionPredictor
from visavox.training.divergence import LARGEST_GAIN, correlation
from visavox.training.generator.clips import ClipSplits
from visavox.training.task import Batch

if TYPE_CHECKING:
    from visavox.training.generator.adaptation import AdaptationSettings

_CALIBRATION_FRAMES = 2000
"""Training frames, roughly, whose audio sets the size of the predicted motion."""
_ROUNDS = 10
"""Rounds of the search for gain and offset; each brings them several times nearer."""


class SpeechAdaptation:
    """Fits the motion predictor of a generator to one person."""

    def __init__(
        self,
        settings: AdaptationSettings,
        clips: ClipSplits,
        predictor: MotionPredictor,
        rest: np.ndarray,
        device: torch.device,
    ) -> None:
        self.settings, self.clips, self.predictor, self.rest, self.device = settings, clips, predictor, rest, device
        assert settings.generator.spec.audio is not None, "a speech branch takes audio"
        self.audio = settings.generator.spec.audio
        weights = torch.ones(len(rest), device=device)
        weights[0] = settings.opening_weight
        self._weights = weights / weights.mean()
        self._gain = self._start_spread = 1.0

    def dataset(self, seed: int, length: int) -> SpeechDataset:
        """Return endless windows of the training video, with their motion."""
        return SpeechDataset(self.clips.train, rest=self.rest, seed=seed, length=length)

    def loss(self, batch: Batch) -> Tensor:
        """Return the weighted squared error of the motion, before calibration.

        Args:
            batch: N windows each: `speech_features`, float32 (B, N, `size`, `window`), and the true motion in their
                middle, `speech_motion`, float32 (B, N, K), in standard deviations over the training speakers.

        Returns:
            float32 scalar, 0 or more, the mean.
        """
        predictor = self.predictor.train()
        for layer in predictor.modules():
            if isinstance(layer, nn.BatchNorm1d):
                layer.eval()
        features = batch["speech_features"].flatten(0, 1)
        augmented = augment_features(features, self.audio, self.settings.audio_augmentation)
        predicted = predictor.uncalibrated(augmented).float()
        return ((predicted - batch["speech_motion"].flatten(0, 1)) ** 2 * self._weights).mean()

    def measure(self) -> dict[str, float]:
        """Compare the predicted with the true motion on the validation seconds."""
        predicted = [self.predict(stored) for stored in self.clips.validation.clips]
        true = [smoothed(stored.motion) for stored in self.clips.validation.clips]
        squares = (np.concatenate(predicted) - np.concatenate(true)) ** 2
        rows = [correlation(one, other)[0] for one, other in zip(predicted, true, strict=True)]
        error = float((squares * self._weights.cpu().numpy()).mean())
        return {"motion_error": error, "opening_r": float(np.mean(rows))}

    @torch.no_grad()
    def predict(self, stored: StoredClip, step: int = 1) -> np.ndarray:
        """Predict the motion of every `step`-th frame of a clip before calibration, float32 (T, K)."""
        windows = np.stack([stored.window(frame) for frame in range(0, stored.clip.num_frames, step)])
        predictor = self.predictor.eval()
        return predictor.uncalibrated(torch.from_numpy(windows).to(self.device)).float().cpu().numpy()

    @torch.no_grad()
    def calibrate(self, *, first: bool) -> None:
        """Let the predicted mouth move as far as this person's does, around the opening that this person has.

        As it came, the speech branch does not know the training video, so there its spread against the true one
        is that of unknown video. Later it knows the training video, and its spread is followed on the
        validation video.

        Args:
            first: the speech branch is as it came.
        """
        train, validation = self.clips.train.clips, self.clips.validation.clips
        step = max(1, sum(stored.clip.num_frames for stored in train) // _CALIBRATION_FRAMES)
        predicted = [self.predict(stored, step) for stored in train]
        true = [stored.motion[::step] for stored in train]
        lowest = float(self.predictor.lowest[0])
        if first:
            wanted = self.settings.exaggeration * _spread(true)
            self._gain = _gain_for(wanted, predicted, _mean(true)[0], lowest)
            self._start_spread = _spread([self.predict(stored) for stored in validation])
            gain = self._gain
        else:
            spread = _spread([self.predict(stored) for stored in validation])
            gain = min(self._gain * self._start_spread / max(spread, 1e-6), LARGEST_GAIN)
        offset = _mean(true) - gain * _mean(predicted)
        offset[0] = _offset_for(_mean(true)[0], gain, predicted, lowest)
        self.predictor.gain.fill_(gain)
        self.predictor.offset.copy_(torch.from_numpy(offset))


def _spread(motions: list[np.ndarray]) -> float:
    """Standard deviation of the opening around its mean in each clip, over all clips."""
    return float(np.concatenate([motion[:, 0] - motion[:, 0].mean() for motion in motions]).std())


def _mean(motions: list[np.ndarray]) -> np.ndarray:
    return np.asarray(np.concatenate(motions).mean(axis=0))


def _offset_for(mean: float, gain: float, predicted: list[np.ndarray], lowest: float) -> float:
    """Find the offset that gives the opening a mean, given that no mouth is more closed than closed."""
    opening = gain * np.concatenate(predicted)[:, 0]
    offset = mean - float(opening.mean())
    for _ in range(_ROUNDS):
        offset += mean - float(np.maximum(opening + offset, lowest).mean())
    return offset


def _gain_for(spread: float, predicted: list[np.ndarray], mean: float, lowest: float) -> float:
    """Find the gain that gives the opening a spread, given the same."""
    gain = spread / max(_spread(predicted), 1e-6)
    for _ in range(_ROUNDS):
        offset = _offset_for(mean, gain, predicted, lowest)
        gain *= spread / max(_spread([np.maximum(gain * one + offset, lowest) for one in predicted]), 1e-6)
        gain = min(gain, LARGEST_GAIN)
    return gain
