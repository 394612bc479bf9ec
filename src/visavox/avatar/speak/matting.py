"""The edge of a person before a scene that is known.

An outline, of a segmentation network or of a radiance field, is right to a pixel or two. The scene behind the person is
known, so near the edge the colour tells more: how far it lies on the way from the scene's to the person's colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from visavox.avatar.dataset.background import Plate
from visavox.avatar.dataset.fill import fill_unknown

BAND = 0.025
"""Half width of the band around the person's edge in which colour decides, in sides of the picture."""
CONTRAST = (18.0, 60.0)
"""Distance of the person's colour from the scene's, in grey levels, under which the network alone decides and over
which the colour alone."""


@dataclass(frozen=True)
class Cutout:
    """One frame, taken apart."""

    person: np.ndarray
    """float32 (H, W) in [0, 1]."""
    color: np.ndarray
    """float32 (H, W, 3), 0-255: the person's own colour, without the scene that shines through at the edge."""


def matte(image: np.ndarray, person: np.ndarray, plate: Plate) -> Cutout:
    """Refine the edge of a person before a known scene.

    Args:
        image: uint8 (H, W, 3).
        person: float32 (H, W), the rough outline.
        plate: the scene.
    """
    reach = 2 * max(1, round(BAND * len(person))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    inside = cv2.erode((person > 0.5).astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE)
    around = cv2.dilate((person > 0.5).astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE)
    colors = image.astype(np.float32)
    own = fill_unknown(colors, inside.astype(np.float32))
    scene = plate.image.astype(np.float32)
    way = own - scene
    contrast = np.linalg.norm(way, axis=-1)
    share = ((colors - scene) * way).sum(axis=-1) / np.maximum(contrast**2, 1.0)
    # What lies within the noise of the camera is scene, or person, altogether.
    slack = np.minimum(3 * plate.noise / np.maximum(contrast, 1.0), 0.2)
    share = np.clip((share - slack) / (1 - 2 * slack), 0, 1)
    low, high = CONTRAST
    trust = np.clip((contrast - low) / (high - low), 0, 1) * plate.credit
    alpha = np.where(inside > 0, 1.0, np.where(around > 0, trust * share + (1 - trust) * person, 0.0))
    # The person's colour: what is left of the pixel when the scene's share is taken away.
    unmixed = (colors - (1 - alpha[..., None]) * scene) / np.maximum(alpha, 0.1)[..., None]
    sure = np.clip((alpha - 0.15) / 0.35, 0, 1)[..., None]
    color = sure * np.clip(unmixed, 0, 255) + (1 - sure) * own
    return Cutout(alpha.astype(np.float32), color.astype(np.float32))
