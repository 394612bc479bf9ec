"""The region of a frame that a dub may have changed."""

from __future__ import annotations

import cv2
import numpy as np

from visavox.face.composite.mouth_mask import mask_points, mouth_mask
from visavox.face.geometry.landmarks import eye_distance

_TOLERANCE = 0.1
"""Distances of the eye corners by which the region is widened: masks of other models, landmarks found anew."""


def repainted_region(landmarks: np.ndarray, matrix: np.ndarray, size: int, frame_size: tuple[int, int]) -> np.ndarray:
    """Draw where the mask over mouth and jaw can reach, generously.

    Args:
        landmarks: (478, 2 or 3) of the source frame, in pixels.
        matrix: (2, 3), frame pixels to the pixels of an aligned crop wider than the networks' own.
        size: side of that crop.
        frame_size: width and height of the frame.

    Returns:
        bool (H, W).
    """
    points = mask_points(landmarks) @ matrix[:, :2].T + matrix[:, 2]
    blend = mouth_mask(points, size).blend
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    radius = max(1, round(_TOLERANCE * float(eye_distance(landmarks)) * scale))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    region = cv2.dilate((blend > 0).astype(np.uint8), kernel)
    return cv2.warpAffine(region, matrix, frame_size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP) > 0
