"""Brightness of an image, which sharpness and flicker are measured on."""

from __future__ import annotations

import numpy as np


def luma(image: np.ndarray) -> np.ndarray:
    """Return the brightness of an RGB image: float32 (H, W), 0-255, 0.299 R + 0.587 G + 0.114 B (BT.601)."""
    return image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
