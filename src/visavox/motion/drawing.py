"""Drawing 68 landmarks as a face: brows, eyes, nose, lips and jaw as smooth lines, the open mouth dark."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from scipy.interpolate import CubicSpline

JAW = tuple(range(17))
RIGHT_BROW, LEFT_BROW = tuple(range(17, 22)), tuple(range(22, 27))
NOSE_RIDGE, NOSE_BASE = tuple(range(27, 31)), tuple(range(31, 36))
RIGHT_EYE = ((36, 37, 38, 39), (39, 40, 41, 36))
LEFT_EYE = ((42, 43, 44, 45), (45, 46, 47, 42))
OUTER_LIPS = ((48, 49, 50, 51, 52, 53, 54), (54, 55, 56, 57, 58, 59, 48))
INNER_LIPS = ((60, 61, 62, 63, 64), (64, 65, 66, 67, 60))

BACKGROUND = (246, 245, 242)
SKIN, SKIN_LINE = (240, 218, 202), (196, 158, 138)
BROW, NOSE = (104, 76, 60), (206, 164, 142)
EYE, EYE_LINE, IRIS = (252, 252, 252), (88, 66, 58), (74, 96, 112)
LIPS, LIP_LINE, MOUTH = (208, 112, 112), (172, 80, 84), (62, 22, 28)
POINT = (60, 96, 160)
"""RGB of the parts."""

_FINE = 2
"""The picture is drawn so many times larger, and made smaller by areas: no stairs at edges."""
_SHIFT = 4
"""Bits of a pixel's fraction that OpenCV draws with."""
_STEPS = 10
"""Pieces of a line between two points."""


def draw_face(
    points: np.ndarray, size: tuple[int, int], *, forehead: np.ndarray | None = None, with_points: bool = False
) -> np.ndarray:
    """Draw a face.

    Args:
        points: (68, 2), pixels.
        size: width and height of the picture.
        forehead: (K, 2), pixels: outline of the head from the end of the jaw (point 16) over the top to its beginning
            (point 0); None: the head has no outline but the jaw.
        with_points: also draw the 68 points.

    Returns:
        uint8 RGB (H, W, 3).
    """
    canvas = _Canvas(points, size)
    if forehead is not None:
        outline = np.concatenate([_curve(points[list(JAW)]), _curve(np.stack([points[16], *forehead, points[0]]))])
        canvas.fill(outline, SKIN)
    canvas.line(_curve(points[list(JAW)]), SKIN_LINE, 0.022)
    for eye in (RIGHT_EYE, LEFT_EYE):
        canvas.eye(_ring(points, eye))
    for brow in (RIGHT_BROW, LEFT_BROW):
        canvas.line(_curve(points[list(brow)]), BROW, 0.04)
    canvas.line(points[list(NOSE_RIDGE)], NOSE, 0.018)
    canvas.line(_curve(points[list(NOSE_BASE)]), NOSE, 0.022)
    outer, inner = _ring(points, OUTER_LIPS), _ring(points, INNER_LIPS)
    canvas.fill(outer, LIPS)
    canvas.line(outer, LIP_LINE, 0.012, closed=True)
    canvas.fill(inner, MOUTH)
    canvas.line(inner, MOUTH, 0.01, closed=True)
    if with_points:
        canvas.dots(points)
    return canvas.picture()


def _curve(points: np.ndarray) -> np.ndarray:
    """A smooth line through (K, 2) points."""
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1) + 1e-6)])
    places = np.interp(np.arange((len(points) - 1) * _STEPS + 1) / _STEPS, np.arange(len(points)), way)
    return CubicSpline(way, points, bc_type="natural")(places)


def _ring(points: np.ndarray, halves: Sequence[Sequence[int]]) -> np.ndarray:
    """A closed outline of two smooth lines with corners where they meet."""
    return np.concatenate([_curve(points[list(half)])[:-1] for half in halves])


class _Canvas:
    """A picture that is drawn on; widths are in parts of the distance of the outer eye corners."""

    def __init__(self, points: np.ndarray, size: tuple[int, int]) -> None:
        self._size = size
        self._unit = float(np.linalg.norm(points[45] - points[36]))
        self._image = np.empty((size[1] * _FINE, size[0] * _FINE, 3), np.uint8)
        self._image[:] = BACKGROUND

    def fill(self, outline: np.ndarray, color: tuple[int, int, int]) -> None:
        cv2.fillPoly(self._image, [_fixed(outline)], color, cv2.LINE_AA, _SHIFT)

    def line(self, points: np.ndarray, color: tuple[int, int, int], width: float, *, closed: bool = False) -> None:
        thickness = max(1, round(width * self._unit * _FINE))
        cv2.polylines(self._image, [_fixed(points)], closed, color, thickness, cv2.LINE_AA, _SHIFT)

    def eye(self, outline: np.ndarray) -> None:
        """The white, and an iris in the middle between the corners, as far as the lids leave it free."""
        self.fill(outline, EYE)
        white = np.zeros(self._image.shape[:2], np.uint8)
        cv2.fillPoly(white, [_fixed(outline)], 255, cv2.LINE_AA, _SHIFT)
        corners = outline[0], outline[len(outline) // 2]
        radius = 0.19 * float(np.linalg.norm(corners[1] - corners[0]))
        center = (corners[0] + corners[1]) / 2 - [0, 0.4 * radius]
        iris = self._image.copy()
        place = _fixed(center[None])[0].tolist()
        for share, color in ((1.0, IRIS), (0.45, (20, 22, 26))):
            cv2.circle(iris, place, round(share * radius * _FINE * 2**_SHIFT), color, -1, cv2.LINE_AA, _SHIFT)
        part = white[..., None].astype(np.float32) / 255
        self._image = np.rint(part * iris + (1 - part) * self._image).astype(np.uint8)
        self.line(outline, EYE_LINE, 0.014, closed=True)

    def dots(self, points: np.ndarray) -> None:
        radius = max(1.0, 0.011 * self._unit * _FINE)
        for x, y in _fixed(points).tolist():
            cv2.circle(self._image, (x, y), round(radius * 2**_SHIFT), POINT, -1, cv2.LINE_AA, _SHIFT)

    def picture(self) -> np.ndarray:
        return cv2.resize(self._image, self._size, interpolation=cv2.INTER_AREA)


def _fixed(points: np.ndarray) -> np.ndarray:
    """Pixels of the picture to OpenCV's fixed-point numbers of the larger one, int32."""
    large = (points + 0.5) * _FINE - 0.5
    return np.rint(large * 2**_SHIFT).astype(np.int32)
