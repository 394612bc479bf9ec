"""A drawn head, back in the frames of the footage.

What is pasted is the drawn head and whatever of the true one could be seen beside it: the drawn jaw may be higher than
the true one, and there the drawn neck has to cover it. From there it fades out, over the neck and over the scene.
Outside every pixel is the one that was decoded.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from visavox.avatar.format.avatar_folder import AvatarSource
from visavox.avatar.speak.backdrop import resized, to_bytes
from visavox.avatar.speak.renderer import Layers
from visavox.data.radiance.person_data import PersonCamera
from visavox.data.radiance.ray_dataset import MOUTH
from visavox.face.geometry.motion import canonical_68
from visavox.types import Motion

HEAD = 0.1
"""Opacity from which on a pixel belongs to the head."""
COVER = 0.02
"""How far what is pasted reaches beyond the drawn and the true head, in sides of the crop."""
FADE = 0.06
"""Over which it fades out."""
SAME = 30.0
"""Grey levels by which the drawn picture may differ from the true one for both to show the same; at twice as much they
do not."""
LIPS = 0.03
"""How far from the true lips no such detail is taken, in sides of the crop; at twice as far it is."""
NEAR = 0.01
"""How far around a place is looked for a difference, in sides of the crop."""


class TrueFace(NamedTuple):
    """The face of the person in a frame of the footage, or in a picture between two frames."""

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
        motion: what the true face does in the footage.
        background: uint8 (S, S, 3), the empty scene, in the size of the drawn pictures.
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
            A new picture, uint8 RGB (H, W, 3).
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
        """How much is pasted, float32 (S, S) in [0, 1], exactly 0 where nothing is."""
        size = layers.head.shape[0]
        covered = (layers.head > HEAD).astype(np.uint8)
        cv2.fillConvexPoly(covered, cv2.convexHull(np.concatenate(self._landmarks(face, size))), 1)
        away = cv2.distanceTransform(1 - covered, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        far = np.clip((away - COVER * size) / (FADE * size), 0, 1)
        return ((1 - far) ** 2 * (1 + 2 * far) * self._border).astype(np.float32)

    def _away_from_lips(self, face: TrueFace) -> np.ndarray:
        """0 at the true lips, 1 away from them: float32 (S, S) in the size of the crop.

        Lips and teeth may look alike in a coarse picture and be elsewhere in a fine one.
        """
        side = self._source.crop.side
        lips = np.zeros((side, side), np.uint8)
        mouths = [points[MOUTH] for points in self._landmarks(face, side)]
        cv2.fillConvexPoly(lips, cv2.convexHull(np.concatenate(mouths)), 1)
        away = cv2.distanceTransform(1 - lips, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        return np.clip(away / (LIPS * side) - 1, 0, 1).astype(np.float32)

    def _landmarks(self, face: TrueFace, size: int) -> list[np.ndarray]:
        """Where the landmarks of the frames' faces lie in a picture of a size, each int32 (68, 2) pixels."""
        points = canonical_68() + self._motion.displacements[list(face.frames)]
        seen = [self._camera.project(one, face.rotation[None], face.translation[None])[0] for one in points]
        return [np.rint((one + 0.5) * (size / self._camera.size) - 0.5).astype(np.int32) for one in seen]


def _shared_detail(true: np.ndarray, drawn: np.ndarray, size: int) -> np.ndarray:
    """What the true picture has that pictures of a size cannot show, where it shows the same as the drawn one.

    Args:
        true: float32 (S, S, 3), grey levels.
        drawn: the same.
        size: side at which the drawn picture was drawn.

    Returns:
        float32 (S, S, 3): nothing where the two differ, such as at lips that do something else.
    """
    side = true.shape[0]
    coarse = resized(resized(true, size), side)
    apart = np.abs(drawn - coarse).max(axis=2)
    reach = 2 * round(NEAR * side) + 1
    apart = cv2.GaussianBlur(cv2.dilate(apart, np.ones((reach, reach), np.uint8)), (0, 0), NEAR * side)
    kept = np.clip(2 - apart / SAME, 0, 1)
    return kept[..., None] * (true - coarse)


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
