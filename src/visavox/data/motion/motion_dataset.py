"""Samples for the networks that make motion of speech: stretches of both."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from visavox.audio.features.mel import MEL_MAX, MEL_MIN
from visavox.constants import NUM_MEL_BANDS
from visavox.data.generator import DECIBELS_PER_UNIT, MelAugmentation, augment_mels
from visavox.data.motion.motion_store import ROWS_PER_FRAME, MotionStore
from visavox.face.geometry.landmarks import IBUG_68
from visavox.face.geometry.motion import resting_face
from visavox.face.geometry.pose import mirror_indices


@dataclass(frozen=True)
class MotionSampling:
    """The contents of one sample, and its augmentation."""

    num_frames: int = 48
    """Frames of a stretch, a multiple of 4; shorter clips are padded."""
    speed: float = 0.12
    """Largest change of the speed, as a share."""
    mirrored: float = 0.5
    """Share of samples whose left and right are exchanged: audio says nothing of which side moves more."""
    silent: float = 0.04
    """Share of samples that are nothing but silence, with the face at rest as their answer."""


@dataclass(frozen=True)
class MotionSequence:
    """One clip as the motion VAE knows it."""

    features: np.ndarray
    """float32 (2 T, C), rows of speech features."""
    motion: np.ndarray
    """float32 (T, 68, 3), centimetres from the face at rest with lips shut."""
    speaker: str
    """The speaker."""

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.motion)


def sequences_of(store: MotionStore, opening_mode: np.ndarray) -> list[MotionSequence]:
    """Count the motion of every clip from its own face at rest, which `opening_mode` (68, 3) helps to find."""
    return [
        MotionSequence(
            clip.features,
            (clip.displacements - resting_face(clip.displacements, opening_mode)).astype(np.float32),
            clip.speaker,
        )
        for clip in store.clips
    ]


class MotionDataset(Dataset[dict[str, Tensor]]):
    """An endless set whose sample number i is a pure function of (seed, i)."""

    def __init__(
        self,
        sequences: list[MotionSequence],
        weights: np.ndarray,
        silence: np.ndarray,
        sampling: MotionSampling,
        *,
        seed: int,
        length: int,
    ) -> None:
        """Prepare to draw.

        Args:
            sequences: the clips.
            weights: chance of each clip, (clips,).
            silence: a row of features (C,) of digital silence.
            sampling: what a sample holds.
            seed: where chance comes from.
            length: samples in all.
        """
        self.sequences, self.silence, self.sampling = sequences, silence.astype(np.float32), sampling
        self.seed, self.length = seed, length
        self._cumulative = np.cumsum(weights)

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Return a sample.

        Returns:
            features: float32 (2 T, C); motion: float32 (T, 204), centimetres from the face at rest; mask: float32
            (T,), 0 where the clip is over.
        """
        rng = np.random.default_rng([self.seed, index])
        settings = self.sampling
        frames = settings.num_frames
        features = np.tile(self.silence, (ROWS_PER_FRAME * frames, 1))
        motion, mask = np.zeros((frames, 68, 3), np.float32), np.ones(frames, np.float32)
        if rng.random() >= settings.silent:
            clip = self.sequences[int(np.searchsorted(self._cumulative, rng.random() * self._cumulative[-1]))]
            speed = 1 + rng.uniform(-settings.speed, settings.speed)
            count = min(frames, int(clip.num_frames / speed))
            first = rng.uniform(0, max(0.0, clip.num_frames - count * speed))
            motion[:count] = resample(clip.motion, first, speed, count)
            rows = ROWS_PER_FRAME * count
            features[:rows] = resample(clip.features, ROWS_PER_FRAME * first, speed, rows)
            mask[count:] = 0
        if rng.random() < settings.mirrored:
            motion = mirrored(motion)
        return {
            "features": torch.from_numpy(features),
            "motion": torch.from_numpy(motion.reshape(frames, -1)),
            "mask": torch.from_numpy(mask),
        }


def resample(values: np.ndarray, first: float, step: float, count: int) -> np.ndarray:
    """Read (T, ...) values, each of which stands for the unit of time after its index, at another speed.

    Args:
        values: (T, ...).
        first: where to begin, in units.
        step: units from one value of the result to the next.
        count: values of the result.

    Returns:
        float32 (count, ...), interpolated linearly, held at the ends.
    """
    places = np.clip(first + (np.arange(count) + 0.5) * step - 0.5, 0, len(values) - 1)
    before = np.minimum(places.astype(np.intp), max(len(values) - 2, 0))
    after = np.minimum(before + 1, len(values) - 1)
    share = (places - before).astype(np.float32).reshape(-1, *[1] * (values.ndim - 1))
    between: np.ndarray = (1 - share) * values[before] + share * values[after]
    return between


def mirrored(motion: np.ndarray) -> np.ndarray:
    """Exchange left and right of motions (..., 68, 3) of head space."""
    return motion[..., _MIRROR_68, :] * np.array([-1, 1, 1], np.float32)


def _mirror_68() -> np.ndarray:
    places = {point: number for number, point in enumerate(IBUG_68)}
    return np.array([places[int(point)] for point in mirror_indices()[list(IBUG_68)]])


_MIRROR_68 = _mirror_68()
"""For each of the 68 points the one that takes its place in a mirrored face."""


_LOWEST_BAND = 4
"""Bands below hold hum, which is no loudness of speech: as `visavox.audio.features.mel_pitch` has it."""
_HIDDEN = 0.2
"""Share of samples that lose their pitch: a voice must be understood without it."""


def augment_features(features: Tensor, level_columns: int, settings: MelAugmentation) -> Tensor:
    """Change stretches of speech features.

    Args:
        features: (B, K, C) rows.
        level_columns: how many of the first columns rise with the level (`SpeechFeatures.level_columns`): 80 for a
            mel, 81 for a mel and its loudness; with less, nothing is changed, for the features of a network cannot be.
        settings: how far; chance comes from the device's own generator.

    Returns:
        (B, K, C), a new tensor where something is changed.
    """
    if level_columns < NUM_MEL_BANDS:
        return features
    mel = augment_mels(features[..., :NUM_MEL_BANDS].transpose(1, 2), settings).transpose(1, 2)
    parts = [mel]
    if level_columns > NUM_MEL_BANDS:
        parts.append(_loudness(mel))
    others = features[..., level_columns:]
    if others.shape[-1]:
        kept = torch.rand(len(features), 1, 1, device=features.device) >= _HIDDEN
        parts.append(others * kept)
    return torch.cat(parts, dim=-1)


def _loudness(mel: Tensor) -> Tensor:
    """Mean power of the bands of mels (B, K, 80), on their scale: (B, K, 1)."""
    to_nepers = DECIBELS_PER_UNIT / 10 * math.log(10)
    bands = (mel[..., _LOWEST_BAND:] - MEL_MIN) * to_nepers
    power = torch.logsumexp(bands, dim=-1, keepdim=True) - math.log(bands.shape[-1])
    return (MEL_MIN + power / to_nepers).clamp(MEL_MIN, MEL_MAX)
