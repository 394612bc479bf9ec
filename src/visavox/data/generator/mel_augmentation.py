"""Making more sounds out of few, on batches of mel windows: what a plain audio network needs not to overfit.

All of it works in the mel domain, where a thousand windows cost what one waveform costs. The numbers of a mel are
decibels over the range [-4, 4]: 12.5 dB a unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from visavox.audio.features.mel import LEVEL_RANGE, MEL_MAX, MEL_MIN
from visavox.audio.features.speech_features import HUBERT_PREFIX, load_features
from visavox.models.generator.spec import AudioSpec

DECIBELS_PER_UNIT = LEVEL_RANGE / (MEL_MAX - MEL_MIN)


@dataclass(frozen=True)
class MelAugmentation:
    """Amounts of change of a mel window; each change is drawn again for every window."""

    level: float = 6.0
    """Standard deviation of the loudness, in decibels."""
    tilt: float = 3.0
    """Standard deviation of a smooth change of the spectrum (microphone, room), in decibels."""
    speed: float = 0.08
    """Largest change of the speed, as a share."""
    bands: float = 1.5
    """Largest shift of the spectrum, in mel bands (other voices)."""
    noise: float = 0.2
    """Chance that another window of the batch or coloured noise is heard in the background."""
    noise_level: tuple[float, float] = (-35.0, -8.0)
    """Level of the background against the speech, in decibels."""
    masks: int = 1
    """Bands and stretches that are silenced (SpecAugment, Park et al. 2019)."""
    mask_bands: int = 12
    """Largest width of a silenced band, in mel bands."""
    mask_frames: int = 6
    """Largest length of a silenced stretch, in mel frames."""


def augment_mels(mels: Tensor, settings: MelAugmentation, generator: torch.Generator | None = None) -> Tensor:
    """Change mel windows, keeping the moment in their middle where it is.

    Args:
        mels: (B, 80, W) in [-4, 4].
        settings: how far.
        generator: where chance comes from, on the device of the windows; by default that device's own generator.

    Returns:
        (B, 80, W) in [-4, 4], a new tensor.
    """
    chance = _Chance(mels.device, generator)
    mels = _warp(mels, settings, chance)
    mels = mels + _level_and_tilt(mels, settings, chance) / DECIBELS_PER_UNIT
    mels = _add_background(mels, settings, chance)
    mels = _mask(mels, settings, chance)
    return mels.clamp(MEL_MIN, MEL_MAX)


def augment_features(features: Tensor, audio: AudioSpec, settings: MelAugmentation) -> Tensor:
    """Change windows of audio features, as far as it is known what their numbers mean.

    A mel is changed as a whole. Of other sets that hold a mel in their first columns (`level_columns`) that part is
    changed; a set without one, such as HuBERT's, stays as it is.

    Args:
        features: (B, C, W), rows of the set that `audio` names.
        audio: which set.
        settings: how far.

    Returns:
        (B, C, W).
    """
    if audio.features == "mel":
        return augment_mels(features, settings)
    columns = 0 if audio.features.startswith(HUBERT_PREFIX) else load_features(audio.features).level_columns
    if not columns:
        return features
    return torch.cat([augment_mels(features[:, :columns], settings), features[:, columns:]], dim=1)


@dataclass(frozen=True)
class _Chance:
    """Draws tensors on one device from one generator."""

    device: torch.device
    generator: torch.Generator | None

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(shape, device=self.device, generator=self.generator) * (high - low) + low

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, device=self.device, generator=self.generator)


def _warp(mels: Tensor, settings: MelAugmentation, chance: _Chance) -> Tensor:
    """Change speed and voice: stretch time about the middle of the window, shift bands."""
    count = len(mels)
    theta = torch.zeros(count, 2, 3, device=mels.device)
    theta[:, 0, 0] = 1 + chance.uniform(count, low=-settings.speed, high=settings.speed)
    theta[:, 1, 1] = 1
    theta[:, 1, 2] = chance.uniform(count, low=-settings.bands, high=settings.bands) * 2 / mels.shape[1]
    grid = F.affine_grid(theta, [count, 1, *mels.shape[1:]], align_corners=False)
    return F.grid_sample(mels[:, None], grid, padding_mode="border", align_corners=False)[:, 0]


def _level_and_tilt(mels: Tensor, settings: MelAugmentation, chance: _Chance) -> Tensor:
    """Decibels to add: one level a window, and a smooth curve over the bands."""
    count, bands = mels.shape[:2]
    level = chance.normal(count, 1, 1) * settings.level
    curve = _smooth_curve(chance.normal(count, 1, 5) * settings.tilt, bands)
    return level + curve - curve.mean(dim=1, keepdim=True)


def _smooth_curve(knots: Tensor, bands: int) -> Tensor:
    """Curves over the bands (B, bands, 1) through knots (B, 1, K)."""
    return F.interpolate(knots, size=bands, mode="linear", align_corners=True)[:, 0, :, None]


def _add_background(mels: Tensor, settings: MelAugmentation, chance: _Chance) -> Tensor:
    """Add the power of another window, or of steady coloured noise, to some windows."""
    count, bands, frames = mels.shape
    chosen = torch.nonzero(chance.uniform(count) < settings.noise)[:, 0]
    if not len(chosen):
        return mels
    clean, number = mels[chosen], len(chosen)
    other = mels[torch.randperm(count, device=mels.device, generator=chance.generator)[:number]]
    steady = _smooth_curve(chance.normal(number, 1, 6), bands) + 0.3 * chance.normal(number, bands, frames)
    background = torch.where(chance.uniform(number, 1, 1) < 0.4, other, steady)
    low, high = settings.noise_level
    louder = _loudness(clean) - _loudness(background)
    background = background + louder + chance.uniform(number, 1, 1, low=low, high=high) / DECIBELS_PER_UNIT
    # log10 of the sum of two powers, each 10 ** (decibels / 10).
    factor = DECIBELS_PER_UNIT / 10 * math.log(10)
    sums = torch.logaddexp(clean * factor, background * factor) / factor
    return mels.index_copy(0, chosen, sums)


def _loudness(mels: Tensor) -> Tensor:
    """The level (B, 1, 1) that one number in twenty of each window is above."""
    numbers = mels.flatten(1)
    # Selecting one number is five times faster than `torch.quantile`, which sorts them all.
    return numbers.kthvalue(round(0.95 * (numbers.shape[1] - 1)) + 1, dim=1).values[:, None, None]


def _mask(mels: Tensor, settings: MelAugmentation, chance: _Chance) -> Tensor:
    """Give a few bands and stretches of each window its mean, which tells nothing."""
    count, bands, frames = mels.shape
    keep = torch.ones(count, bands, frames, dtype=torch.bool, device=mels.device)
    for size, largest, dimension in ((bands, settings.mask_bands, 1), (frames, settings.mask_frames, 2)):
        position = torch.arange(size, device=mels.device).view([1, -1, 1] if dimension == 1 else [1, 1, -1])
        for _ in range(settings.masks):
            width = chance.uniform(count, 1, 1, high=largest + 1).long()
            start = (chance.uniform(count, 1, 1) * (size - width)).long()
            keep &= (position < start) | (position >= start + width)
    return torch.where(keep, mels, mels.mean(dim=(1, 2), keepdim=True))
