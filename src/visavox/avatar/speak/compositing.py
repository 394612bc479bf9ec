"""A rendered person before a background, or pasted back into the frames of the video.

What is pasted is the rendered head and whatever of the true one could be seen beside it: the rendered jaw may be higher
than the true one, and there the rendered neck has to cover it. From there it fades out, over the neck and over the
scene. Outside every pixel is the one that was decoded.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from visavox.avatar.dataset.background import Plate, matte
from visavox.avatar.format import AvatarSource
from visavox.avatar.speak.renderer import Layers
from visavox.data.radiance import MOUTH, PersonCamera
from visavox.errors import InputError
from visavox.face.geometry import canonical_68
from visavox.media import VideoReader, probe
from visavox.types import Motion

GREEN = (0, 177, 64)
"""RGB of the green that is taken out again: that of cloth for studios."""
ORIGINAL, GREEN_NAME, TRANSPARENT = "original", "green", "transparent"


class Backdrop:
    """Puts a person before a background.

    Before another scene than their own, what shines through at the edge of the person is taken away first: a radiance
    field learns a pixel that is half hair and half scene as one thing of a colour between.

    Args:
        image: uint8 RGB (H, W, 3), as large as the images; None leaves it transparent.
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
    """Round numbers from 0 to 255, float (any shape), to uint8 (same shape); what lies outside is clipped."""
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def open_backdrop(name: str, own: np.ndarray, size: int) -> Backdrop:
    """Make the background that a user asked for.

    Args:
        name: original, green, transparent, or the path of an image, of which the middle is taken.
        own: the avatar's own, uint8 RGB (S, S, 3).
        size: side of the images.

    Raises:
        InputError: there is no such image.
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
    """Scale a square image (H, H) or (H, H, C) to another size; its edges stay where they are."""
    if image.shape[0] == size:
        return image
    how = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_CUBIC
    return cv2.resize(image, (size, size), interpolation=how)


def check_backdrop(name: str) -> None:
    """See that a background is one.

    Raises:
        InputError: it is neither a word that is known nor an image.
    """
    if name in (ORIGINAL, GREEN_NAME, TRANSPARENT):
        return
    if not Path(name).is_file():
        raise InputError(
            f"the background {name} is not there; give original, green, transparent, or the path of an image"
        )
    if not probe(name).is_still:
        raise InputError(f"the background {name} is a video; give an image, or original, green or transparent")


def _read(path: str) -> np.ndarray:
    check_backdrop(path)
    with VideoReader(path) as reader:
        return next(iter(reader)).image


def _middle(image: np.ndarray) -> np.ndarray:
    """The largest square in the middle of an image."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


HEAD = 0.1
"""Opacity from which on a pixel belongs to the head."""
MARGIN = 0.02
"""Margin of what is pasted around the rendered and the true head, in sides of the crop."""
FADE = 0.06
"""Over which it fades out."""
SAME = 30.0
"""Grey levels by which the drawn image may differ from the true one for both to show the same; at twice as much they
do not."""
LIPS = 0.03
"""Distance from the true lips within which no such detail is taken, in sides of the crop; at twice as far it is."""
NEAR = 0.01
"""Neighbourhood in which a difference is looked for, in sides of the crop."""


class TrueFace(NamedTuple):
    """The face of the person in a frame of the video, or in an image between two frames."""

    frames: tuple[int, ...]
    """Numbers of the frames that are seen in it, in the performance."""
    rotation: np.ndarray
    """(3, 3), head to camera."""
    translation: np.ndarray
    """(3,), centimetres."""


class Paster:
    """Pastes heads into frames.

    Args:
        source: where the crop lies in the frames.
        camera: of the crops that the avatar was learned from.
        motion: what the true face does in the video.
        background: uint8 (S, S, 3), the empty scene, in the size of the drawn images.
    """

    def __init__(self, source: AvatarSource, camera: PersonCamera, motion: Motion, background: np.ndarray) -> None:
        self._source, self._camera, self._motion = source, camera, motion
        self._background = background
        self._border = _border_fade(source, background.shape[0])

    def paste(self, image: np.ndarray, layers: Layers, face: TrueFace) -> np.ndarray:
        """Paste one head.

        Args:
            image: the frame as it was decoded, uint8 RGB (H, W, 3).
            layers: what was drawn in the pose of this frame.
            face: the true one in it.

        Returns:
            A new image, uint8 RGB (H, W, 3).
        """
        crop = self._source.crop
        drawn = 255 * layers.color + (1 - layers.opacity)[..., None] * self._background
        share = np.clip(resized(self._share(layers, face), crop.side), 0, 1)[..., None]
        drawn = resized(drawn.astype(np.float32), crop.side)
        pasted = image.copy()
        part = pasted[crop.y : crop.y + crop.side, crop.x : crop.x + crop.side]
        if layers.head.shape[0] < crop.side:
            apart = self._away_from_lips(face)[..., None]
            drawn += apart * _shared_detail(part.astype(np.float32), drawn, layers.head.shape[0])
        part[...] = np.where(share > 0, to_bytes(part + share * (drawn - part)), part)
        return pasted

    def _share(self, layers: Layers, face: TrueFace) -> np.ndarray:
        """Compute how much is pasted: float32 (S, S) in [0, 1], exactly 0 where nothing is."""
        size = layers.head.shape[0]
        covered = (layers.head > HEAD).astype(np.uint8)
        cv2.fillConvexPoly(covered, cv2.convexHull(np.concatenate(self._landmarks(face, size))), 1)
        away = cv2.distanceTransform(1 - covered, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        far = np.clip((away - MARGIN * size) / (FADE * size), 0, 1)
        return np.asarray((1 - far) ** 2 * (1 + 2 * far) * self._border, np.float32)

    def _away_from_lips(self, face: TrueFace) -> np.ndarray:
        """0 at the true lips, 1 away from them: float32 (S, S) in the size of the crop.

        Lips and teeth may look alike in a coarse image and be elsewhere in a fine one.
        """
        side = self._source.crop.side
        lips = np.zeros((side, side), np.uint8)
        mouths = [points[MOUTH] for points in self._landmarks(face, side)]
        cv2.fillConvexPoly(lips, cv2.convexHull(np.concatenate(mouths)), 1)
        away = cv2.distanceTransform(1 - lips, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        return np.asarray(np.clip(away / (LIPS * side) - 1, 0, 1), np.float32)

    def _landmarks(self, face: TrueFace, size: int) -> list[np.ndarray]:
        """Project the landmarks of the frames' faces into an image of a size, each int32 (68, 2) pixels."""
        points = canonical_68() + self._motion.displacements[list(face.frames)]
        seen = [self._camera.project(one, face.rotation[None], face.translation[None])[0] for one in points]
        return [np.rint((one + 0.5) * (size / self._camera.size) - 0.5).astype(np.int32) for one in seen]


def _shared_detail(true: np.ndarray, drawn: np.ndarray, size: int) -> np.ndarray:
    """Return the detail of the true image that a rendered one cannot show, where both show the same.

    Args:
        true: float32 (S, S, 3), grey levels.
        drawn: the same.
        size: side at which the drawn image was drawn.

    Returns:
        float32 (S, S, 3): nothing where the two differ, such as at lips that do something else.
    """
    side = true.shape[0]
    coarse = resized(resized(true, size), side)
    apart = np.abs(drawn - coarse).max(axis=2)
    reach = 2 * round(NEAR * side) + 1
    apart = cv2.GaussianBlur(cv2.dilate(apart, np.ones((reach, reach), np.uint8)), (0, 0), NEAR * side)
    kept = np.clip(2 - apart / SAME, 0, 1)
    return np.asarray(kept[..., None] * (true - coarse))


def _border_fade(source: AvatarSource, size: int) -> np.ndarray:
    """1 inside the crop, falling to 0 at those of its borders that lie inside the frame: float32 (S, S)."""
    crop, (width, height) = source.crop, source.frame_size
    inside = (np.arange(size) + 0.5) / (FADE * size)
    columns, rows = np.ones(size), np.ones(size)
    if crop.x > 0:
        columns = np.minimum(columns, inside)
    if crop.x + crop.side < width:
        columns = np.minimum(columns, inside[::-1])
    if crop.y > 0:
        rows = np.minimum(rows, inside)
    if crop.y + crop.side < height:
        rows = np.minimum(rows, inside[::-1])
    return np.minimum(rows[:, None], columns).astype(np.float32)
