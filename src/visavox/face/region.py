"""The square of a picture in which a face is looked at closely, turned so that the face is upright in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visavox.face.crop import warp_crop
from visavox.face.landmarks import EYE_OUTER_LEFT, EYE_OUTER_RIGHT

FACE_MARGIN = 1.5
"""Side of a region over the longer side of its face, as the face mesh was trained."""


@dataclass(frozen=True)
class Region:
    """A square around a face."""

    x: float
    """Centre, pixels to the right; a whole number is the centre of a pixel."""
    y: float
    """Centre, pixels down."""
    side: float
    """Length of a side in pixels."""
    angle: float
    """Roll of the face in radians, clockwise in the picture; 0 is upright."""

    def matrix(self, size: int) -> np.ndarray:
        """Transform of picture pixels to the pixels of an upright cut-out: float64 (2, 3)."""
        scale = size / self.side
        turn = scale * np.array([[np.cos(self.angle), np.sin(self.angle)], [-np.sin(self.angle), np.cos(self.angle)]])
        shift = (size - 1) / 2 - turn @ np.array([self.x, self.y])
        return np.concatenate([turn, shift[:, None]], axis=1)

    def cut_out(self, image: np.ndarray, size: int) -> np.ndarray:
        """Upright picture of the region: uint8 RGB (size, size, 3); outside the picture its border repeats."""
        return warp_crop(image, self.matrix(size), size)

    def to_picture(self, points: np.ndarray, size: int) -> np.ndarray:
        """Carry (L, 3) landmarks from cut-out pixels to picture pixels; z is scaled alike, float32."""
        matrix = self.matrix(size)
        flat = (points[:, :2] - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
        return np.concatenate([flat, points[:, 2:] * (self.side / size)], axis=1).astype(np.float32)


def region_of_landmarks(landmarks: np.ndarray) -> Region:
    """Region of a face whose landmarks, (L, 2 or 3) in pixels, are known."""
    points = landmarks[:, :2].astype(np.float64)
    return _region_around(points, points[EYE_OUTER_RIGHT], points[EYE_OUTER_LEFT])


def region_of_box(box: tuple[float, float, float, float], right_eye: np.ndarray, left_eye: np.ndarray) -> Region:
    """Region of a face known by its box (x0, y0, x1, y1) and its eyes, (2,) each, in pixels."""
    x0, y0, x1, y1 = box
    across = np.asarray(left_eye, dtype=np.float64) - np.asarray(right_eye, dtype=np.float64)
    side = FACE_MARGIN * max(x1 - x0, y1 - y0)
    return Region((x0 + x1) / 2, (y0 + y1) / 2, side, float(np.arctan2(across[1], across[0])))


def _region_around(points: np.ndarray, right_eye: np.ndarray, left_eye: np.ndarray) -> Region:
    """Smallest turned box around points, squared and widened by the margin."""
    across = left_eye - right_eye
    angle = float(np.arctan2(across[1], across[0]))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    upright = points @ turn.T
    low, high = upright.min(axis=0), upright.max(axis=0)
    center = turn.T @ ((low + high) / 2)
    return Region(float(center[0]), float(center[1]), FACE_MARGIN * float((high - low).max()), angle)
