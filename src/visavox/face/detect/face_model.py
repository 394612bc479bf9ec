"""The interface of a tracker's neural network: finding faces, and measuring the one in a region of the image."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import cv2
import numpy as np

from visavox.face.geometry.landmarks import EYE_OUTER_LEFT, EYE_OUTER_RIGHT


class Closeable(Protocol):
    """Something that is closed when it is no longer needed. Usable as a context manager."""

    def close(self) -> None:
        """Free the networks."""
        ...

    def __enter__(self) -> Self:
        """Return it."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        ...


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
    """Roll of the face in radians, clockwise in the image; 0 is upright."""

    def matrix(self, size: int) -> np.ndarray:
        """Transform of image pixels to the pixels of an upright cut-out: float64 (2, 3)."""
        scale = size / self.side
        turn = scale * np.array([[np.cos(self.angle), np.sin(self.angle)], [-np.sin(self.angle), np.cos(self.angle)]])
        shift = (size - 1) / 2 - turn @ np.array([self.x, self.y])
        return np.concatenate([turn, shift[:, None]], axis=1)

    def cut_out(self, image: np.ndarray, size: int) -> np.ndarray:
        """Upright image of the region: uint8 RGB (size, size, 3); outside the image its border repeats."""
        matrix = self.matrix(size)
        shrink = int(self.side / size)
        if shrink < 2:
            return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        # A bilinear warp reads four pixels however many it covers. Averaging squares of pixels first costs a tenth of
        # what supersampling does, and is as good for a network that has to find landmarks.
        part, x0, y0 = self._surroundings(image, shrink)
        height, width = part.shape[:2]
        small = cv2.resize(part, (width // shrink, height // shrink), interpolation=cv2.INTER_AREA)
        # Pixel p of the image lies at (p - p0 + 1/2) / shrink - 1/2 in the small one.
        shift = np.array([x0, y0]) + (shrink - 1) / 2
        coarse = np.concatenate([matrix[:, :2] * shrink, (matrix[:, :2] @ shift + matrix[:, 2])[:, None]], axis=1)
        return cv2.warpAffine(small, coarse, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def _surroundings(self, image: np.ndarray, multiple: int) -> tuple[np.ndarray, int, int]:
        """Part of the image that holds the region, its sides multiples of a number; also its left and top."""
        reach = self.side / 2 * (abs(np.cos(self.angle)) + abs(np.sin(self.angle))) + 2 * multiple
        bounds = []
        for center, length in ((self.x, image.shape[1]), (self.y, image.shape[0])):
            low = int(np.clip(center - reach, 0, max(0, length - multiple)))
            high = int(np.clip(center + reach, low + multiple, length))
            bounds.append((low, max(low + multiple, high - (high - low) % multiple)))
        (x0, x1), (y0, y1) = bounds
        return image[y0:y1, x0:x1], x0, y0

    def to_image(self, points: np.ndarray, size: int) -> np.ndarray:
        """Carry (L, 3) landmarks from cut-out pixels to image pixels; z is scaled alike, float32."""
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


@dataclass(frozen=True)
class Observation:
    """One face, seen in one image."""

    landmarks: np.ndarray
    """float32 (478, 3): x and y in pixels (a whole number is the centre of a pixel), z in the same scale."""
    score: float
    """Confidence that this is a face, 0-1."""


@dataclass(frozen=True)
class Detection:
    """A box in which a face was detected."""

    region: Region
    """The square to look at."""
    score: float
    """Confidence of the detector, 0-1."""


class FaceModel(Protocol):
    """The networks behind a tracker. Images are uint8 RGB (H, W, 3); nothing is remembered between calls."""

    def detect(self, image: np.ndarray, *, near: bool = True) -> list[Detection]:
        """Find faces that take more than about a tenth of an image, uint8 RGB (H, W, 3), surest first.

        With `near` false, faces that fill or overflow the image may be missed, and it may be faster.
        """
        ...

    def measure(self, image: np.ndarray, region: Region) -> Observation | None:
        """Find the landmarks of the face in a region of an image, uint8 RGB (H, W, 3); None if there is none."""
        ...

    def close(self) -> None:
        """Free the networks."""
        ...
