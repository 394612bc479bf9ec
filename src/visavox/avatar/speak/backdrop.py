"""What is seen behind an avatar."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from visavox.avatar.dataset.background import Plate
from visavox.avatar.speak.matting import matte
from visavox.avatar.speak.renderer import Layers
from visavox.errors import InputError
from visavox.media.info import probe
from visavox.media.reader import VideoReader

GREEN = (0, 177, 64)
"""RGB of the green that is taken out again: that of cloth for studios."""
ORIGINAL, GREEN_NAME, TRANSPARENT = "original", "green", "transparent"


class Backdrop:
    """Puts a person before a background.

    Before another scene than their own, what shines through at the edge of the person is taken away first: a radiance
    field learns a pixel that is half hair and half scene as one thing of a colour between.

    Args:
        image: uint8 RGB (H, W, 3), as large as the pictures; None leaves it transparent.
        own: the scene that the person was learned before, uint8 RGB (H, W, 3), where `image` is another one.
    """

    def __init__(self, image: np.ndarray | None, own: np.ndarray | None = None) -> None:
        self.image = image
        self._own = None if own is None else Plate(own, np.ones(own.shape[:2], dtype=bool), 0.0)

    def put(self, layers: Layers) -> np.ndarray:
        """Put them together: uint8 RGB (H, W, 3); without a background RGB and alpha (H, W, 4), not multiplied."""
        color, opacity = 255 * layers.color, layers.opacity[..., None]
        if self._own is not None:
            seen = to_bytes(color + (1 - opacity) * self._own.image)
            cutout = matte(seen, layers.opacity, self._own)
            opacity = cutout.person[..., None]
            color = opacity * cutout.color
        if self.image is not None:
            return to_bytes(color + (1 - opacity) * self.image)
        alpha = to_bytes(255 * opacity)
        return np.concatenate([to_bytes(color / np.maximum(opacity, 1 / 255)) * (alpha > 0), alpha], axis=2)


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Round numbers from 0 to 255 to uint8."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def open_backdrop(name: str, own: np.ndarray, size: int) -> Backdrop:
    """Make the background that a user asked for.

    Args:
        name: original, green, transparent, or the path of a picture, of which the middle is taken.
        own: the avatar's own, uint8 RGB (S, S, 3).
        size: side of the pictures.

    Raises:
        InputError: there is no such picture.
    """
    scene = resized(own, size)
    if name == ORIGINAL:
        return Backdrop(scene)
    if name == TRANSPARENT:
        return Backdrop(None, scene)
    if name == GREEN_NAME:
        return Backdrop(np.full((size, size, 3), GREEN, dtype=np.uint8), scene)
    return Backdrop(resized(_middle(_read(name)), size), scene)


def resized(image: np.ndarray, size: int) -> np.ndarray:
    """Scale a square picture (H, H) or (H, H, C) to another size; its edges stay where they are."""
    if image.shape[0] == size:
        return image
    how = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_CUBIC
    return cv2.resize(image, (size, size), interpolation=how)


def check_backdrop(name: str) -> None:
    """See that a background is one.

    Raises:
        InputError: it is neither a word that is known nor a picture.
    """
    if name in (ORIGINAL, GREEN_NAME, TRANSPARENT):
        return
    if not Path(name).is_file():
        raise InputError(
            f"the background {name} is not there; give original, green, transparent, or the path of a picture"
        )
    if not probe(name).is_still:
        raise InputError(f"the background {name} is a video; give a picture, or original, green or transparent")


def _read(path: str) -> np.ndarray:
    check_backdrop(path)
    with VideoReader(path) as reader:
        return next(iter(reader)).image


def _middle(image: np.ndarray) -> np.ndarray:
    """The largest square in the middle of a picture."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]
