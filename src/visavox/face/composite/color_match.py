"""Colour match: the slow difference between the painted skin and the skin around it, steady over time."""

from __future__ import annotations

import math

import cv2
import numpy as np

_GRID = 16
"""Cells along the side of a crop: the difference is a smooth field, not a picture."""
_OUTLIER = 12.0
"""Differences this far (grey levels) from the usual one count half: there the two pictures show different things."""
_PRIOR = 0.02
"""Weight of the face's mean difference where a cell sees no skin, against that of full skin."""


class ColorMatch:
    """Estimates source minus painted on the skin that both show, and follows it smoothly.

    One object serves one face; `reset` it when the face was away or the shot changed.
    """

    def __init__(self, time_constant: float = 0.25) -> None:
        """Make a matcher that follows changes within `time_constant` seconds (0: at once)."""
        self.time_constant = time_constant
        self.reset()

    def reset(self) -> None:
        """Forget the difference seen so far."""
        self._field: np.ndarray | None = None

    def update(self, difference: np.ndarray, skin: np.ndarray, seconds: float) -> np.ndarray:
        """Take the next frame's difference; return the smooth correction to add to the painted crop.

        Args:
            difference: float32 (S, S, 3), source crop minus painted crop, in grey levels (0-255).
            skin: float32 (S, S) in [0, 1], where the two show the same skin.
            seconds: time since the frame before; not used for the first.

        Returns:
            float32 (S, S, 3) in grey levels.
        """
        field = _slow_field(difference, skin)
        if self._field is None or field is None:
            self._field = self._field if field is None else field
        elif self.time_constant > 0:
            share = 1 - math.exp(-max(seconds, 0.0) / self.time_constant)
            self._field = self._field + np.float32(share) * (field - self._field)
        else:
            self._field = field
        if self._field is None:
            return np.zeros_like(difference)
        return cv2.resize(self._field, skin.shape[::-1], interpolation=cv2.INTER_CUBIC)


def _slow_field(difference: np.ndarray, skin: np.ndarray) -> np.ndarray | None:
    """Robust normalised convolution of the difference on a coarse grid: float32 (G, G, 3), or None without skin."""
    if float(skin.sum()) < 1.0:
        return None
    fine = (2 * _GRID, 2 * _GRID)
    weight = cv2.resize(skin, fine, interpolation=cv2.INTER_AREA)
    weighted = cv2.multiply(difference, cv2.merge((skin, skin, skin)))
    mean = cv2.resize(weighted, fine, interpolation=cv2.INTER_AREA) / np.maximum(weight, 1e-6)[..., None]
    usual = np.average(mean, axis=(0, 1), weights=weight)
    for _ in range(2):
        deviation = np.abs(mean - usual).max(axis=-1)
        trusted = weight / (1 + (deviation / _OUTLIER) ** 2)
        usual = np.average(mean, axis=(0, 1), weights=trusted)
    stacked = np.concatenate([(mean - usual) * trusted[..., None], trusted[..., None]], axis=-1)
    cells = cv2.resize(stacked.astype(np.float32), (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    cells = cv2.GaussianBlur(cells, (0, 0), _GRID / 8, borderType=cv2.BORDER_CONSTANT)
    return (usual + cells[..., :3] / (cells[..., 3:] + _PRIOR)).astype(np.float32)
