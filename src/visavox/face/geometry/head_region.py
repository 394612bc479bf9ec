"""The region of the head in an image, by the landmarks of its face; neck and torso lie outside.

The border follows the jaw from one corner to the other and leaves it there sideways. What of the person lies above it,
and not far to the side, is head: hair and ears as well. Long hair below the line counts as torso.
"""

from __future__ import annotations

import cv2
import numpy as np

from visavox.face.geometry.landmarks import CHIN, FACE_OVAL, JAW

FOREHEAD = 10
"""Landmark at the top of the forehead."""
JAW_LINE = JAW[3:-3]
"""The jaw from corner to corner (58 to 288): the points above lie in front of the ears."""
CHIN_ROOM = 0.015
"""How far under the landmarks of the jaw the border runs, in heights of the face: they lie on the edge of the skin."""
SIDE_ROOM = 0.06
"""The same at the corners of the jaw, where cheek and lobe bulge beyond the landmarks."""
HAIR_ROOM = 0.6
"""How far to each side of the face the head may reach, in widths of the face."""
HAIR_HEIGHT = 1.5
"""How far above the forehead it may reach, in heights of the face."""
FEATHER = 0.012
"""Standard deviation of the border's softness, in heights of the face."""
_SUBPIXEL_BITS = 4


def face_height(landmarks: np.ndarray) -> np.ndarray:
    """Distance of forehead and chin in the picture, (...) from (..., 478, 2 or 3)."""
    return np.linalg.norm(landmarks[..., FOREHEAD, :2] - landmarks[..., CHIN, :2], axis=-1)


def head_outline(landmarks: np.ndarray) -> np.ndarray:
    """Polygon around the head and much of what is above and beside it: float64 (P, 2), pixels.

    Args:
        landmarks: (478, 2 or 3) in pixels.
    """
    points = landmarks[:, :2].astype(np.float64)
    height = float(face_height(points))
    upward = (points[FOREHEAD] - points[CHIN]) / max(height, 1e-6)
    sideways = np.array([-upward[1], upward[0]])  # to the right of an upright picture
    oval = points[list(FACE_OVAL)]
    across = oval @ sideways
    width = float(np.ptp(across))
    middle = oval.mean(axis=0)
    jaw = points[list(JAW_LINE)]
    outward = jaw - middle
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
    aside = np.abs((jaw - points[CHIN]) @ sideways)
    room = CHIN_ROOM + (SIDE_ROOM - CHIN_ROOM) * (aside / max(float(aside.max()), 1e-6)) ** 2
    jaw = jaw + height * room[:, None] * outward
    # The corners go straight to the side until they are beside the hair, then up.
    left, right = across.min() - HAIR_ROOM * width, across.max() + HAIR_ROOM * width
    right_out = jaw[-1] + (right - jaw[-1] @ sideways) * sideways
    left_out = jaw[0] + (left - jaw[0] @ sideways) * sideways
    rise = (1 + HAIR_HEIGHT) * height * upward
    return np.concatenate([jaw, [right_out, right_out + rise, left_out + rise, left_out]])


def head_region(landmarks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Compute the share of each pixel inside the outline of a head, with a soft border.

    Args:
        landmarks: (478, 2 or 3) in pixels.
        size: width and height of the picture.

    Returns:
        float32 (H, W) in [0, 1].
    """
    width, height = size
    region = np.zeros((height, width), dtype=np.uint8)
    outline = np.round(head_outline(landmarks) * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillPoly(region, [outline], 255, lineType=cv2.LINE_AA, shift=_SUBPIXEL_BITS)
    sigma = max(0.4, FEATHER * float(face_height(landmarks)))
    return cv2.GaussianBlur(region.astype(np.float32) / 255, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
