"""Cutting a network's crop out of a stored one, turned, shifted and coloured a little differently each time."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from visavox.data.generator.clip_file import STORED_MARGIN


@dataclass(frozen=True)
class PictureAugmentation:
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


NO_AUGMENTATION = PictureAugmentation(0, 0, 0, 0, False, 0, 0, 0)


@dataclass(frozen=True)
class Look:
    """One draw of an augmentation."""

    angle: float
    scale: float
    shift: tuple[float, float]
    flip: bool
    brightness: float
    contrast: float
    saturation: float


def draw_look(settings: PictureAugmentation, rng: np.random.Generator) -> Look:
    """Draw how the images of one sample look."""
    return Look(
        angle=rng.uniform(-1, 1) * settings.angle,
        scale=1 + rng.uniform(-1, 1) * settings.scale,
        shift=(rng.uniform(-1, 1) * settings.shift, rng.uniform(-1, 1) * settings.shift),
        flip=bool(settings.flip and rng.random() < 0.5),
        brightness=rng.uniform(-1, 1) * settings.brightness,
        contrast=1 + rng.uniform(-1, 1) * settings.contrast,
        saturation=1 + rng.uniform(-1, 1) * settings.saturation,
    )


def jittered(look: Look, settings: PictureAugmentation, rng: np.random.Generator) -> Look:
    """Move a look a little, as two crops of one face never lie quite alike."""
    share = settings.jitter
    return Look(
        angle=look.angle + share * rng.uniform(-1, 1) * settings.angle,
        scale=look.scale * (1 + share * rng.uniform(-1, 1) * settings.scale),
        shift=(
            look.shift[0] + share * rng.uniform(-1, 1) * settings.shift,
            look.shift[1] + share * rng.uniform(-1, 1) * settings.shift,
        ),
        flip=look.flip,
        brightness=look.brightness,
        contrast=look.contrast,
        saturation=look.saturation,
    )


def look_matrix(stored_size: int, size: int, look: Look) -> np.ndarray:
    """Transform (2, 3) of stored crop pixels to the pixels of a crop of `size` without the stored margin."""
    scale = size / (stored_size / STORED_MARGIN) * look.scale
    radians = np.deg2rad(look.angle)
    turn = scale * np.array([[np.cos(radians), np.sin(radians)], [-np.sin(radians), np.cos(radians)]])
    if look.flip:
        turn = np.array([[-1.0, 0.0], [0.0, 1.0]]) @ turn
    center = np.full(2, (stored_size - 1) / 2)
    target = np.full(2, (size - 1) / 2) + size * np.array(look.shift)
    return np.concatenate([turn, (target - turn @ center)[:, None]], axis=1)


def dress(crop: np.ndarray, matrix: np.ndarray, size: tuple[int, int], look: Look) -> np.ndarray:
    """Cut and colour: uint8 RGB (S, S, 3) to uint8 RGB of `size` (width, height)."""
    picture = cv2.warpAffine(crop, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if look.saturation != 1:
        grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        picture = cv2.addWeighted(picture, look.saturation, grey, 1 - look.saturation, 0)
    if look.contrast != 1 or look.brightness != 0:
        levels = (np.arange(256, dtype=np.float32) / 255 - 0.5) * look.contrast + 0.5 + look.brightness
        picture = cv2.LUT(picture, (levels.clip(0, 1) * 255).round().astype(np.uint8))
    return picture
