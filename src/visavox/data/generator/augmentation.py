"""Augmentation of crops and of mel windows.

A network's crop is cut out of a stored one, turned, shifted and coloured a little differently each time. Mel windows
are changed in batches: what a plain audio network needs not to overfit. All of that works in the mel domain, where a
thousand windows cost what one waveform costs. The numbers of a mel are decibels over the range [-4, 4]: 12.5 dB a unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from visavox.audio.features.mel import LEVEL_RANGE, MEL_MAX, MEL_MIN
from visavox.data.generator.clip_file import STORED_MARGIN
from visavox.models.generator import AudioSpec
from visavox.speech.feature_sets import ENCODERS, SIGNAL_FEATURES, load_features

DECIBELS_PER_UNIT = LEVEL_RANGE / (MEL_MAX - MEL_MIN)


@dataclass(frozen=True)
class CropAugmentation:
    """Amounts of change of a crop; target and reference of a sample share all but the jitter."""

    angle: float = 3.0
    """Largest turn, in degrees."""
    scale: float = 0.06
    """Largest change of the size, as a share."""
    shift: float = 0.02
    """Largest shift, as a share of the side."""
    jitter: float = 0.3
    """Share of these changes that target and reference do not have in common."""
    flip: bool = True
    """Mirror half of the samples."""
    brightness: float = 0.12
    """Largest change of the brightness."""
    contrast: float = 0.2
    """Largest change of the contrast."""
    saturation: float = 0.3
    """Largest change of the saturation."""


NO_AUGMENTATION = CropAugmentation(0, 0, 0, 0, False, 0, 0, 0)


@dataclass(frozen=True)
class CropChange:
    """One draw of an augmentation."""

    angle: float
    scale: float
    shift: tuple[float, float]
    flip: bool
    brightness: float
    contrast: float
    saturation: float


def draw_change(settings: CropAugmentation, rng: np.random.Generator) -> CropChange:
    """Draw how the images of one sample change."""
    return CropChange(
        angle=rng.uniform(-1, 1) * settings.angle,
        scale=1 + rng.uniform(-1, 1) * settings.scale,
        shift=(rng.uniform(-1, 1) * settings.shift, rng.uniform(-1, 1) * settings.shift),
        flip=bool(settings.flip and rng.random() < 0.5),
        brightness=rng.uniform(-1, 1) * settings.brightness,
        contrast=1 + rng.uniform(-1, 1) * settings.contrast,
        saturation=1 + rng.uniform(-1, 1) * settings.saturation,
    )


def jittered(change: CropChange, settings: CropAugmentation, rng: np.random.Generator) -> CropChange:
    """Move a change a little, as two crops of one face never lie quite alike."""
    share = settings.jitter
    return CropChange(
        angle=change.angle + share * rng.uniform(-1, 1) * settings.angle,
        scale=change.scale * (1 + share * rng.uniform(-1, 1) * settings.scale),
        shift=(
            change.shift[0] + share * rng.uniform(-1, 1) * settings.shift,
            change.shift[1] + share * rng.uniform(-1, 1) * settings.shift,
        ),
        flip=change.flip,
        brightness=change.brightness,
        contrast=change.contrast,
        saturation=change.saturation,
    )


def change_matrix(stored_size: int, size: int, change: CropChange) -> np.ndarray:
    """Transform (2, 3) of stored crop pixels to the pixels of a crop of `size` without the stored margin."""
    scale = size / (stored_size / STORED_MARGIN) * change.scale
    radians = np.deg2rad(change.angle)
    turn = scale * np.array([[np.cos(radians), np.sin(radians)], [-np.sin(radians), np.cos(radians)]])
    if change.flip:
        turn = np.array([[-1.0, 0.0], [0.0, 1.0]]) @ turn
    center = np.full(2, (stored_size - 1) / 2)
    target = np.full(2, (size - 1) / 2) + size * np.array(change.shift)
    return np.concatenate([turn, (target - turn @ center)[:, None]], axis=1)


def changed_crop(crop: np.ndarray, matrix: np.ndarray, size: tuple[int, int], change: CropChange) -> np.ndarray:
    """Cut and colour: uint8 RGB (S, S, 3) to uint8 RGB of `size` (width, height)."""
    crop = cv2.warpAffine(crop, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if change.saturation != 1:
        grey = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        crop = cv2.addWeighted(crop, change.saturation, grey, 1 - change.saturation, 0)
    if change.contrast != 1 or change.brightness != 0:
        levels = (np.arange(256, dtype=np.float32) / 255 - 0.5) * change.contrast + 0.5 + change.brightness
        crop = cv2.LUT(crop, (levels.clip(0, 1) * 255).round().astype(np.uint8))
    return crop


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


@dataclass(frozen=True)
class RowAugmentation:
    """Amounts of change of windows of features that come out of a network, against the deviation of each column."""

    noise: float = 0.0
    """Standard deviation of what is added to every number."""
    mask_rows: int = 0
    """Largest length of a stretch of rows that is set to its mean."""
    dropped_columns: float = 0.0
    """Largest share of the columns that are set to their mean."""


def augment_rows(features: Tensor, settings: RowAugmentation, generator: torch.Generator | None = None) -> Tensor:
    """Change windows of rows of mean 0 and variance 1, as `ReducedWhisper` gives them.

    Args:
        features: (B, C, W).
        settings: how far.
        generator: where chance comes from, on the device of the windows; by default that device's own generator.

    Returns:
        (B, C, W), a new tensor.
    """
    chance = _Chance(features.device, generator)
    count, columns, rows = features.shape
    features = features + settings.noise * chance.normal(count, columns, rows)
    width = chance.uniform(count, 1, 1, high=settings.mask_rows + 1).long()
    start = (chance.uniform(count, 1, 1) * (rows - width)).long()
    position = torch.arange(rows, device=features.device)
    dropped = chance.uniform(count, columns, 1) < chance.uniform(count, 1, 1, high=settings.dropped_columns)
    return features.masked_fill(((position >= start) & (position < start + width)) | dropped, 0.0)


def augment_features(
    features: Tensor, audio: AudioSpec, settings: MelAugmentation, rows: RowAugmentation | None = None
) -> Tensor:
    """Change windows of audio features, as far as it is known what their numbers mean.

    A mel is changed as a whole. Of other sets that hold a mel in their first columns (`level_columns`) that part is
    changed; rows of the shipped encoders as rows of unit variance; a set such as HuBERT's stays as it is.

    Args:
        features: (B, C, W), rows of the set that `audio` names.
        audio: which set.
        settings: how far a mel is changed.
        rows: how far rows of unit variance are changed; not at all by default.

    Returns:
        (B, C, W).
    """
    if audio.features == "mel":
        return augment_mels(features, settings)
    if audio.features in ENCODERS:
        return augment_rows(features, rows or RowAugmentation())
    columns = load_features(audio.features).level_columns if audio.features in SIGNAL_FEATURES else 0
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
    selected = torch.nonzero(chance.uniform(count) < settings.noise)[:, 0]
    if not len(selected):
        return mels
    clean, number = mels[selected], len(selected)
    other = mels[torch.randperm(count, device=mels.device, generator=chance.generator)[:number]]
    steady = _smooth_curve(chance.normal(number, 1, 6), bands) + 0.3 * chance.normal(number, bands, frames)
    background = torch.where(chance.uniform(number, 1, 1) < 0.4, other, steady)
    low, high = settings.noise_level
    louder = _loudness(clean) - _loudness(background)
    background = background + louder + chance.uniform(number, 1, 1, low=low, high=high) / DECIBELS_PER_UNIT
    # log10 of the sum of two powers, each 10 ** (decibels / 10).
    factor = DECIBELS_PER_UNIT / 10 * math.log(10)
    sums = torch.logaddexp(clean * factor, background * factor) / factor
    return mels.index_copy(0, selected, sums)


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
