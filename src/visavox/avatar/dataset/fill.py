"""Filling in what of a picture is not known, smoothly, from what is."""

from __future__ import annotations

import cv2
import numpy as np

_SURE = 0.25
"""Share of a coarser pixel that has to be known for its mean to count as known."""


def fill_unknown(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Fill in the unknown parts of a picture by a pyramid of weighted means (pull-push).

    Gortler, Grzeszczuk, Szeliski, Cohen: "The Lumigraph", SIGGRAPH 1996, section 3.4. Near what is known the result is
    like it; far away it is a mean of what is around.

    Args:
        image: float32 (H, W, C).
        weight: float32 (H, W) in [0, 1]: how well each pixel is known.

    Returns:
        float32 (H, W, C): known pixels as they were, mixed by their weight with what was filled in.
    """
    height, width = weight.shape
    if height == 1 and width == 1:
        return image.copy()
    smaller = ((width + 1) // 2, (height + 1) // 2)
    mass = cv2.resize(weight, smaller, interpolation=cv2.INTER_AREA)
    color = cv2.resize(image * weight[..., None], smaller, interpolation=cv2.INTER_AREA).reshape(*mass.shape, -1)
    mean = color / np.maximum(mass, 1e-8)[..., None]
    known = np.minimum(mass / _SURE, 1.0)
    coarse = fill_unknown(mean, known)
    guess = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(image.shape)
    return image * weight[..., None] + guess * (1 - weight[..., None])
