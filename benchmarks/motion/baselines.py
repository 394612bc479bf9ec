"""What simple predictors learn from the same training clips: the least that a motion model has to beat.

All hear a window of 0.6 s of speech features around the frame and answer with the displacement of the 68 points from
the clip's own mean, to which the mean face of the training speakers is added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.motion.material import Material
from visavox.audio.features.mel import MEL_MIN
from visavox.audio.features.speech_features import SpeechFeatures
from visavox.data.generator import FeatureCache, clip_features, fit_rows

Predict = Callable[[np.ndarray], np.ndarray]
"""Audio, float32 (N,) of 16 kHz, to displacements (T, 68, 3) with T = ceil(N / 640)."""

WINDOW = 30
"""Rows of the window: 0.6 s."""
CHANNELS = 128
STEPS, BATCH = 1000, 512
LEARNING_RATE = 1e-3
LEVEL_DEVIATION = 6.0
"""Of the loudness of a training window, decibels."""
DECIBELS_PER_UNIT = 12.5
"""Of a column that the level moves."""
RIDGE = 0.03
"""Weight of the squared coefficients, against a feature of unit variance."""
_BLOCK = 4096


@dataclass(frozen=True)
class TrainingSet:
    """All training frames with the audio around them."""

    rows: Tensor
    """float32 (R, C): feature rows of all clips, half a window of silence around each clip."""
    starts: Tensor
    """int64 (F,): where the window of each frame begins."""
    targets: Tensor
    """float32 (F, 204): displacements from the clip's mean, smoothed by [1/4, 1/2, 1/4]."""
    weights: Tensor
    """float64 (F,): chance of each frame, evened out between speakers by a square root."""
    face: np.ndarray
    """float32 (68, 3): mean of all displacements."""


def gather(clips: Sequence[Material], cache: FeatureCache) -> TrainingSet:
    """Put the clips of the training split together."""
    rows, starts, targets, weights, position = [], [], [], [], 0
    totals: dict[str, int] = {}
    for clip in clips:
        totals[clip.speaker] = totals.get(clip.speaker, 0) + int(clip.seen.sum())
    for clip in clips:
        padded = padded_rows(cache.rows(clip.clip_id, clip.sound_16_bits, clip.num_frames), cache.features)
        seen = np.flatnonzero(clip.seen)
        mean = clip.displacements[seen].mean(axis=0)
        motion = smoothed((clip.displacements - mean).reshape(clip.num_frames, -1))
        rows.append(padded)
        starts.append(position + 2 * seen)
        targets.append(motion[seen])
        weights.append(np.full(len(seen), totals[clip.speaker] ** -0.5))
        position += len(padded)
    face = np.concatenate([clip.displacements[clip.seen] for clip in clips]).mean(axis=0, dtype=np.float64)
    return TrainingSet(
        torch.from_numpy(np.concatenate(rows)),
        torch.from_numpy(np.concatenate(starts)),
        torch.from_numpy(np.concatenate(targets)),
        torch.from_numpy(np.concatenate(weights)),
        face.astype(np.float32),
    )


def padded_rows(rows: np.ndarray, features: SpeechFeatures) -> np.ndarray:
    """Put silence around rows (2 T, C), so that the window of frame t begins at row 2 t."""
    silence = np.zeros((WINDOW // 2 - 1, features.size), np.float32)
    silence[:, : features.level_columns] = MEL_MIN
    return np.concatenate([silence, rows, silence])


def smoothed(motion: np.ndarray) -> np.ndarray:
    """Smooth (T, D) by [1/4, 1/2, 1/4]."""
    padded = np.pad(motion, ((1, 1), (0, 0)), mode="edge")
    return (0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]).astype(np.float32)


def mean_face(training: TrainingSet) -> Predict:
    """The mean face of the training speakers, which does not move."""
    return lambda audio: np.repeat(training.face[None], -(-len(audio) // 640), axis=0)


def ridge(training: TrainingSet, features: SpeechFeatures) -> Predict:
    """Ridge regression on the window, two rows to one."""
    count = len(training.starts)
    order = torch.arange(count)
    mean, deviation = _statistics(training.rows)
    total = training.weights.sum()
    size = WINDOW // 2 * features.size + 1
    square, product = torch.zeros(size, size), torch.zeros(size, training.targets.shape[1])
    for block in torch.split(order, _BLOCK):
        inputs = _ridge_inputs((_windows(training, block) - mean) / deviation)
        weighted = inputs * (training.weights[block] / total).float()[:, None]
        square += weighted.T @ inputs
        product += weighted.T @ training.targets[block]
    penalty = RIDGE * torch.eye(size)
    penalty[-1, -1] = 0  # the constant is free
    solution = torch.linalg.solve(square + penalty, product)

    def answer(windows: Tensor) -> Tensor:
        result: Tensor = _ridge_inputs((windows - mean) / deviation) @ solution
        return result

    return _predictor(answer, features, training.face)


def convolution(training: TrainingSet, features: SpeechFeatures, *, seed: int = 0, steps: int | None = None) -> Predict:
    """Three temporal convolutions over the window, 1,000 steps of 512 windows of changing loudness."""
    steps = STEPS if steps is None else steps
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    network = SmallConvolution(features.size, training)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    cumulative = training.weights.cumsum(0)
    scale = training.targets.std() + 1e-6
    for _ in range(steps):
        drawn = torch.rand(BATCH, generator=generator, dtype=torch.float64) * cumulative[-1]
        chosen = torch.searchsorted(cumulative, drawn).clamp(max=len(cumulative) - 1)
        windows = _windows(training, chosen)
        level = torch.randn(BATCH, 1, 1, generator=generator) * LEVEL_DEVIATION / DECIBELS_PER_UNIT
        audible = windows[..., : features.level_columns] > MEL_MIN
        windows[..., : features.level_columns] += level * audible
        loss = ((network(windows) - training.targets[chosen]) / scale).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network.eval().requires_grad_(False)
    return _predictor(network, features, training.face)


class SmallConvolution(nn.Module):
    """Three convolutions of 128 channels that shrink the window to one frame."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, size: int, training: TrainingSet) -> None:
        super().__init__()
        mean, deviation = _statistics(training.rows)
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        layers: list[nn.Module] = []
        for channels in (size, CHANNELS, CHANNELS):
            layers += [nn.Conv1d(channels, CHANNELS, 5, stride=2), nn.ReLU(), nn.Dropout(0.1)]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(training.targets.shape[1]))
        self.layers(torch.zeros(1, size, WINDOW))

    def forward(self, windows: Tensor) -> Tensor:
        """Windows (B, 30, C) to motions (B, 204)."""
        result: Tensor = self.layers(((windows - self.mean) / self.deviation).transpose(1, 2))
        return result


def _predictor(answer: Callable[[Tensor], Tensor], features: SpeechFeatures, face: np.ndarray) -> Predict:
    """Make of something that answers windows something that answers recordings, smoothed as the targets are."""

    def predict(audio: np.ndarray) -> np.ndarray:
        num_frames = -(-len(audio) // 640)
        rows = padded_rows(fit_rows(clip_features(features, audio), num_frames), features)
        windows = torch.from_numpy(rows).unfold(0, WINDOW, 2).transpose(1, 2)
        with torch.inference_mode():
            motion = torch.cat([answer(block) for block in torch.split(windows, _BLOCK)]).numpy()
        result: np.ndarray = smoothed(motion).reshape(num_frames, 68, 3) + face
        return result

    return predict


def _windows(training: TrainingSet, frames: Tensor) -> Tensor:
    """Windows (B, 30, C) of frames (B,), a new tensor."""
    return training.rows[training.starts[frames][:, None] + torch.arange(WINDOW)]


def _statistics(rows: Tensor) -> tuple[Tensor, Tensor]:
    return rows.mean(dim=0), rows.std(dim=0) + 1e-3


def _ridge_inputs(windows: Tensor) -> Tensor:
    """Normalised windows (B, 30, C), two rows to one, and a column of ones: (B, 15 C + 1)."""
    halves = windows.reshape(len(windows), WINDOW // 2, 2, -1).mean(dim=2).flatten(1)
    return torch.cat([halves, torch.ones(len(halves), 1)], dim=1)
