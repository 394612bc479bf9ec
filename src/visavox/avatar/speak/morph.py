"""One picture on the way from one frame to another: what moves between them is moved, what changes fades."""

from __future__ import annotations

import cv2
import numpy as np

LARGEST = 512
"""Longer side of the pictures in which movement is looked for, pixels."""
SMOOTH = 0.01
"""Standard deviation over which the movement is averaged, in longer sides of the picture: a person moves as a whole."""


def morph(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    """Make a picture between two, along the optical flow between them (Kroeger et al. 2016, dense inverse search).

    Args:
        first: uint8 RGB (H, W, 3).
        second: the same.
        share: how much of the way is done: 0 gives the first, 1 the second.

    Returns:
        A new picture, uint8 RGB (H, W, 3).
    """
    flow = _flow(first, second)
    height, width = first.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = [
        cv2.remap(
            image, x + way * flow[..., 0], y + way * flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        for image, way in ((first, np.float32(-share)), (second, np.float32(1 - share)))
    ]
    return cv2.addWeighted(moved[0], 1 - share, moved[1], share, 0)


def _flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where each pixel of the first picture lies in the second, less where it is, float32 (H, W, 2)."""
    height, width = first.shape[:2]
    scale = min(1.0, LARGEST / max(height, width))
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    small = [
        cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
        for image in (first, second)
    ]
    still = np.zeros((*small[0].shape, 2), np.float32)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(small[0], small[1], still)
    flow = cv2.GaussianBlur(flow, (0, 0), SMOOTH * max(size))
    return cv2.resize(flow, (width, height)) * np.array([width / size[0], height / size[1]], np.float32)
