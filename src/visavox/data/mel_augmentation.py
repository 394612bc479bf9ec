"""Making more sounds out of few, on batches of mel windows: what a plain audio network needs not to overfit.

All of it works in the mel domain, where a thousand windows cost what one waveform costs. The numbers of a mel are
decibels over the range [-4, 4]: 12.5 dB a unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from visavox.audio.mel import LEVEL_RANGE, MEL_MAX, MEL_MIN

DECIBELS_PER_UNIT = LEVEL_RANGE / (MEL_MAX - MEL_MIN)


@dataclass(frozen=True)
class MelAugmentation:
    """How far a mel window is changed; each change is drawn anew for every window."""

    level: float = 8.0
    """Standard deviation of the loudness, in decibels."""
    tilt: float = 6.0
    """Standard deviation of a smooth change of the spectrum (microphone, room), in decibels."""
    speed: float = 0.12
    """Largest change of the speed, as a share."""
    bands: float = 3.0
    """Largest shift of the spectrum, in mel bands (other voices)."""
    noise: float = 0.5
    """Chance that another window of the batch or coloured noise is heard in the background."""
    noise_level: tuple[float, float] = (-35.0, -8.0)
    """Level of the background against the speech, in decibels."""
    masks: int = 2
    """Bands and stretches that are silenced (SpecAugment, Park et al. 2019)."""
    mask_bands: int = 12
    """Largest width of a silenced band, in mel bands."""
    mask_frames: int = 6
    """Largest length of a silenced stretch, in mel frames."""


def augment_mels(mels: Tensor, settings: MelAugmentation, generator: torch.Generator) -> Tensor:
    """Change mel windows, keeping the moment in their middle where it is.

    Args:
        mels: (B, 80, W) in [-4, 4].
        settings: how far.
        generator: where chance comes from.

    Returns:
        (B, 80, W) in [-4, 4], a new tensor.
    """
    mels = _warp(mels, settings, generator)
    mels = mels + _level_and_tilt(mels, settings, generator) / DECIBELS_PER_UNIT
    mels = _add_background(mels, settings, generator)
    mels = _mask(mels, settings, generator)
    return mels.clamp(MEL_MIN, MEL_MAX)


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator) * (high - low) + low


def _warp(mels: Tensor, settings: MelAugmentation, generator: torch.Generator) -> Tensor:
    """Change speed and voice: stretch time about the middle of the window, shift bands."""
    count = len(mels)
    stretch = 1 + _uniform((count,), -settings.speed, settings.speed, generator)
    shift = _uniform((count,), -settings.bands, settings.bands, generator) * 2 / mels.shape[1]
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = stretch
    theta[:, 1, 1] = 1
    theta[:, 1, 2] = shift
    grid = F.affine_grid(theta, [count, 1, *mels.shape[1:]], align_corners=False)
    return F.grid_sample(mels[:, None], grid, padding_mode="border", align_corners=False)[:, 0]


def _level_and_tilt(mels: Tensor, settings: MelAugmentation, generator: torch.Generator) -> Tensor:
    """Decibels to add: one level a window, and a smooth curve over the bands."""
    count, bands = mels.shape[:2]
    level = torch.randn(count, 1, 1, generator=generator) * settings.level
    knots = torch.randn(count, 1, 5, generator=generator) * settings.tilt
    curve = F.interpolate(knots, size=bands, mode="linear", align_corners=True)[:, 0, :, None]
    return level + curve - curve.mean(dim=1, keepdim=True)


def _add_background(mels: Tensor, settings: MelAugmentation, generator: torch.Generator) -> Tensor:
    """Add the power of another window, or of steady coloured noise, to some windows."""
    count, bands = mels.shape[:2]
    other = mels[torch.randperm(count, generator=generator)]
    steady = F.interpolate(torch.randn(count, 1, 6, generator=generator), size=bands, mode="linear", align_corners=True)
    steady = (steady[:, 0, :, None] + 0.3 * torch.randn(mels.shape, generator=generator)).expand_as(mels)
    background = torch.where(torch.rand(count, 1, 1, generator=generator) < 0.4, other, steady)
    loudest = torch.quantile(mels.flatten(1), 0.95, dim=1)[:, None, None]
    background = background - torch.quantile(background.flatten(1), 0.95, dim=1)[:, None, None] + loudest
    background = background + _uniform((count, 1, 1), *settings.noise_level, generator) / DECIBELS_PER_UNIT
    # log10 of the sum of two powers, each 10 ** (decibels / 10).
    factor = DECIBELS_PER_UNIT / 10
    sums = torch.logaddexp(mels * factor * 2.302585, background * factor * 2.302585) / (factor * 2.302585)
    chosen = torch.rand(count, 1, 1, generator=generator) < settings.noise
    return torch.where(chosen, sums, mels)


def _mask(mels: Tensor, settings: MelAugmentation, generator: torch.Generator) -> Tensor:
    """Silence a few bands and stretches of each window."""
    count, bands, frames = mels.shape
    keep = torch.ones(count, bands, frames, dtype=torch.bool)
    for size, largest, dimension in ((bands, settings.mask_bands, 1), (frames, settings.mask_frames, 2)):
        position = torch.arange(size).view([1, -1, 1] if dimension == 1 else [1, 1, -1])
        for _ in range(settings.masks):
            width = torch.randint(0, largest + 1, (count, 1, 1), generator=generator)
            start = (torch.rand(count, 1, 1, generator=generator) * (size - width)).long()
            keep &= (position < start) | (position >= start + width)
    return torch.where(keep, mels, mels.mean(dim=(1, 2), keepdim=True))
