"""The part of a crop that is replaced: a soft region over mouth, cheeks and jaw that follows the landmarks.

Everything here lives in crop space, in which the head stands still: the region is small whatever the size of
the face in the video, and one warp with the crop's own matrix carries it back.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from visavox.face.geometry.landmarks import CHIN, EYE_OUTER_LEFT, EYE_OUTER_RIGHT, LIPS_OUTER

_UPPER_EDGE = (187, 205, 98, 2, 327, 425, 411)
"""From the right cheek below the nose to the left cheek."""
_LEFT_JAW = (288, 397, 365, 379, 378, 400, 377)
"""From the left cheek at the height of the mouth along the jaw to beside the chin."""
_RIGHT_JAW = (148, 176, 149, 150, 136, 172, 58)
"""From beside the chin along the jaw to the right cheek at the height of the mouth."""
_CHIN_SHARE = (0.0, 0.0, 0.05, 0.35, 0.7, 0.95, 1.0)
"""Share of each point of the left jaw in the margin below the chin."""
_INSET_SHARE = {187: 0.6, 58: 1.0, 172: 1.0, 136: 0.8, 150: 0.4}
_INSET_SHARE |= {411: 0.6, 288: 1.0, 397: 1.0, 365: 0.8, 379: 0.4}
"""Share of each point of the sides in the inset from the outline of the cheeks."""
_FOREHEAD = 10

_OUTLINE = _UPPER_EDGE + _LEFT_JAW + (CHIN,) + _RIGHT_JAW
_LOWERED = np.array([0.0] * len(_UPPER_EDGE) + [*_CHIN_SHARE, 1.0, *reversed(_CHIN_SHARE)])
_INSET = np.array([_INSET_SHARE.get(index, 0.0) for index in _OUTLINE])

MASK_LANDMARKS = (*_OUTLINE, *LIPS_OUTER, EYE_OUTER_RIGHT, EYE_OUTER_LEFT, _FOREHEAD)
"""The landmarks that the mask is made from; `mask_points` picks them."""
_LIPS = slice(len(_OUTLINE), len(_OUTLINE) + len(LIPS_OUTER))
_EYE_RIGHT, _EYE_LEFT, _TOP = (len(_OUTLINE) + len(LIPS_OUTER) + k for k in range(3))
_CHIN_ROW = _OUTLINE.index(CHIN)
_NOSE_ROW = _OUTLINE.index(2)

_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class MaskSettings:
    """Shape of the region that is replaced; lengths in distances between the outer eye corners."""

    chin_margin: float = 0.16
    """Reach of the region below the chin: the new jaw may be lower than the old one."""
    cheek_inset: float = 0.11
    """Distance of the middle of the soft border inside the outline of the cheeks: behind it is background, which
    the source shows better."""
    lip_margin: float = 0.10
    """Distance around the lips within which no fine detail of the source is kept."""
    feather: float = 0.04
    """Half width of the soft border at the cheeks, as a part of the crop's side."""
    upright_feather: float = 0.022
    """The same above and below: narrow, because a raised upper lip comes close to the edge of what was rendered."""


@dataclass(frozen=True)
class MouthMask:
    """Three maps over a crop of S x S pixels, float32 (S, S) in [0, 1]."""

    blend: np.ndarray
    """1 where the image is replaced, 0 where it is kept; exactly 0 outside of the lower half and on its rim."""
    skin: np.ndarray
    """Weight of each pixel for colour matching: the skin just inside the border, away from lips and chin."""
    detail: np.ndarray
    """1 where fine detail of the source (skin, grain) still holds on the new image, 0 around the lips."""


def mask_points(landmarks: np.ndarray) -> np.ndarray:
    """Pick what `mouth_mask` needs out of (..., 478, 2 or 3) landmarks: (..., K, 2), same unit."""
    return landmarks[..., list(MASK_LANDMARKS), :2]


def mouth_mask(points: np.ndarray, size: int, settings: MaskSettings | None = None) -> MouthMask:
    """Draw the region to replace.

    Args:
        points: float (K, 2), the `mask_points` of the source frame in crop pixels.
        size: side S of the crop in pixels.
        settings: shape of the region.

    Returns:
        the maps; `blend` never leaves the crop's lower half (rows S // 2 and below), which is what the
        network has rendered.
    """
    settings = settings or MaskSettings()
    points = points.astype(np.float64)
    unit = _face_unit(points)
    outline = _outline(points, unit, settings)
    across = max(2, round(settings.feather * size))
    along = max(2, round(settings.upright_feather * size))
    region = _fill(outline, size)
    # Blurring with a kernel of these radii reaches as far as the rim that is cleared here, and no further.
    region[: size // 2 + along + 1] = 0
    region[size - along - 1 :] = 0
    region[:, : across + 1] = 0
    region[:, size - across - 1 :] = 0
    blend = _soften(region, across, along)
    lips = _soften(_fill(_grow(points[_LIPS], settings.lip_margin * unit), size), across, across)
    face = _soften(_fill(_inside(points, unit), size), across, across)
    detail = (1 - lips) * face
    skin = (4 * blend * (1 - blend) + 0.05 * blend) * detail**2
    return MouthMask(blend, skin, detail)


def _face_unit(points: np.ndarray) -> float:
    """Distance of the outer eye corners of this face as if seen from the front, in pixels."""
    across = np.linalg.norm(points[_EYE_RIGHT] - points[_EYE_LEFT])
    # A turn of the head shortens the line of the eyes but not the face; a face is about 1.8 of them high.
    along = np.linalg.norm(points[_TOP] - points[_CHIN_ROW]) / 1.9
    return max(float(across), float(along), 1.0)


def _outline(points: np.ndarray, unit: float, settings: MaskSettings) -> np.ndarray:
    """The border of the region, (P, 2)."""
    outline = points[: len(_OUTLINE)].copy()
    down = points[_CHIN_ROW] - points[_NOSE_ROW]
    down /= max(np.linalg.norm(down), 1e-6)
    outline = _pull_in(outline, points[_LIPS].mean(axis=0), settings.cheek_inset * unit)
    outline += (settings.chin_margin * unit * _LOWERED)[:, None] * down
    return outline


def _inside(points: np.ndarray, unit: float) -> np.ndarray:
    """The outline without the chin, where skin meets neck: (P, 2), used for colour and detail."""
    outline = points[: len(_OUTLINE)].copy()
    middle = points[_LIPS].mean(axis=0)
    below = _LOWERED > 0
    outline[below] += (middle - outline[below]) * 0.22
    return _pull_in(outline, middle, 0.08 * unit)


def _pull_in(outline: np.ndarray, middle: np.ndarray, distance: float) -> np.ndarray:
    """Move the sides of the outline towards its middle."""
    inward = middle - outline
    inward /= np.maximum(np.linalg.norm(inward, axis=1, keepdims=True), 1e-6)
    result: np.ndarray = outline + distance * _INSET[:, None] * inward
    return result


def _grow(outline: np.ndarray, margin: float) -> np.ndarray:
    """Move the points of an outline away from their middle by `margin` pixels."""
    outward = outline - outline.mean(axis=0)
    result: np.ndarray = outline + margin * outward / np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
    return result


def _fill(outline: np.ndarray, size: int) -> np.ndarray:
    """Fill a polygon with an antialiased border: float32 (S, S)."""
    canvas = np.zeros((size, size), np.uint8)
    corners = np.clip(outline, -4 * size, 5 * size)
    fixed_point = np.rint(corners * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(canvas, [fixed_point], 255, lineType=cv2.LINE_AA, shift=_SUBPIXEL_BITS)
    return canvas.astype(np.float32) / 255


def _soften(region: np.ndarray, across: int, along: int) -> np.ndarray:
    """Blur over `across` columns and `along` rows to either side: two box filters, so nothing reaches further."""
    for share in (0, 1):
        width, height = ((radius + share) // 2 for radius in (across, along))
        region = cv2.blur(region, (2 * width + 1, 2 * height + 1), borderType=cv2.BORDER_CONSTANT)
    # Running sums leave crumbs of 1e-8 where there was nothing.
    return np.where(region < 1e-4, np.float32(0), np.minimum(region, np.float32(1)))
