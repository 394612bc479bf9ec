"""Names for the 478 landmarks of a face, measurements of a mouth, and the region of the head.

Points 0-467 are the MediaPipe face mesh (Kartynnik et al., "Real-time Facial Surface Geometry from Monocular
Video on Mobile GPUs", 2019), whose lips and eyes are refined by attention (Grishchenko et al., "Attention Mesh",
2020); 468-472 and 473-477 are the two irises, centre first. "Right" and "left" are the speaker's own: the
speaker's right eye is on the left of the image. Closed outlines are listed in order, without repeating the
first point, so that they can be filled as polygons.
"""

from __future__ import annotations

import cv2
import numpy as np

from visavox.types import NUM_LANDMARKS

LIPS_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
"""Outer border of the lips: right corner, along the lower lip to the left corner, back along the upper lip."""
LIPS_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
"""Inner border of the lips, in the order of LIPS_OUTER."""
LIPS = tuple(sorted({
    *LIPS_OUTER, *LIPS_INNER,
    76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408,
    62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,
}))  # fmt: skip
"""All 80 points of the lips: the two borders and two rings between them."""
MOUTH_RIGHT, MOUTH_LEFT = 61, 291
"""Corners of the mouth."""
LIP_UPPER, LIP_LOWER = 13, 14
"""Middle of the inner border of the upper and of the lower lip."""

FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""Outline of the face: top of the forehead, down the left side to the chin, up the right side."""
JAW = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454)
"""Line of the jaw (open): from the right ear along the chin to the left ear."""
CHIN = 152
"""Lowest point of the chin."""

RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
"""Right eye: outer corner, lower lid, inner corner, upper lid."""
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
"""Left eye: outer corner, lower lid, inner corner, upper lid."""
EYES = RIGHT_EYE + LEFT_EYE
"""Both eyes."""
EYE_OUTER_RIGHT, EYE_OUTER_LEFT = 33, 263
"""Outer corners of the eyes; their distance is the unit in which mouths are measured."""
RIGHT_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
"""Right eyebrow, as a closed outline."""
LEFT_BROW = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
"""Left eyebrow, as a closed outline."""
RIGHT_IRIS = (468, 469, 470, 471, 472)
"""Right iris: centre, then four points of its border."""
LEFT_IRIS = (473, 474, 475, 476, 477)
"""Left iris: centre, then four points of its border."""

NOSE_BRIDGE = (168, 6, 197, 195, 5, 4)
"""From between the eyes to the tip of the nose."""
NOSE_TIP = 1
"""Tip of the nose."""

RIGID = (
    33, 133, 362, 263, 130, 359, 243, 463,  # corners of the eyes
    168, 6, 197, 195, 122, 351, 196, 419, 193, 417, 8,  # bridge of the nose
    151, 10, 109, 338, 67, 297, 108, 337,  # forehead
    127, 356, 162, 389, 139, 368, 34, 264, 143, 372, 116, 345,  # temples and upper cheekbones
    5, 4, 45, 275, 51, 281, 3, 248, 174, 399,  # upper and middle nose
)  # fmt: skip
"""Points that speech and blinking hardly move: what head pose and alignment are fitted to."""

IBUG_68 = (
    127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356,  # 0-16 jaw
    70, 63, 105, 66, 107,  # 17-21 right brow
    336, 296, 334, 293, 300,  # 22-26 left brow
    168, 197, 5, 4,  # 27-30 bridge of the nose
    75, 97, 2, 326, 305,  # 31-35 under the nose
    33, 160, 158, 133, 153, 144,  # 36-41 right eye
    362, 385, 387, 263, 373, 380,  # 42-47 left eye
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,  # 48-59 outer lips
    78, 81, 13, 311, 308, 402, 14, 178,  # 60-67 inner lips
)  # fmt: skip
"""For each of the 68 points of iBUG 300-W (Sagonas et al., 2013) the face mesh point that stands for it."""


def to_ibug68(landmarks: np.ndarray) -> np.ndarray:
    """Pick the 68 landmarks of the iBUG 300-W scheme out of face mesh landmarks.

    Args:
        landmarks: (..., 478 or 468, C).

    Returns:
        (..., 68, C), a copy. Brows, eyes, nose and lips coincide with the scheme to about the width of an
        annotator's hand; the jaw points 0-3 and 13-16 are those of the mesh's outline, which follows the skin
        in front of the ear and so, on a turned head, not the visible contour that 300-W marks.
    """
    if landmarks.ndim < 2 or landmarks.shape[-2] not in (468, NUM_LANDMARKS):
        raise ValueError(f"landmarks have shape {landmarks.shape}; expected (..., 478, C) or (..., 468, C)")
    return landmarks[..., list(IBUG_68), :]


def _distance(landmarks: np.ndarray, first: int, second: int) -> np.ndarray:
    result: np.ndarray = np.linalg.norm(landmarks[..., first, :2] - landmarks[..., second, :2], axis=-1)
    return result


def eye_distance(landmarks: np.ndarray) -> np.ndarray:
    """Distance of the outer eye corners in the image, (...) from (..., 478, 2 or 3), in the landmarks' unit."""
    return _distance(landmarks, EYE_OUTER_RIGHT, EYE_OUTER_LEFT)


def mouth_opening(landmarks: np.ndarray) -> np.ndarray:
    """Gap between the lips: |13 - 14| / |33 - 263| in the image.

    Args:
        landmarks: (..., 478, 2 or 3) in pixels; only x and y count.

    Returns:
        (...), 0 for a closed mouth, 0.1-0.3 for vowels; NaN where the landmarks are.
    """
    result: np.ndarray = _distance(landmarks, LIP_UPPER, LIP_LOWER) / eye_distance(landmarks)
    return result


def mouth_width(landmarks: np.ndarray) -> np.ndarray:
    """Width of the mouth: |61 - 291| / |33 - 263| in the image, (...) of landmarks (..., 478, 2 or 3)."""
    result: np.ndarray = _distance(landmarks, MOUTH_RIGHT, MOUTH_LEFT) / eye_distance(landmarks)
    return result


FOREHEAD = 10
"""Landmark at the top of the forehead."""
JAW_LINE = JAW[3:-3]
"""The jaw from corner to corner (58 to 288): the points above lie before the ear."""
CHIN_ROOM = 0.015
"""Distance of the border below the landmarks of the jaw, in heights of the face: they lie on the edge of the skin."""
SIDE_ROOM = 0.06
"""The same at the corners of the jaw, where cheek and lobe bulge beyond the landmarks."""
HAIR_ROOM = 0.6
"""Reach of the head to each side of the face, in widths of the face."""
HAIR_HEIGHT = 1.5
"""Reach of the head above the forehead, in heights of the face."""
FEATHER = 0.012
"""Standard deviation of the border's softness, in heights of the face."""
_SUBPIXEL_BITS = 4


def face_height(landmarks: np.ndarray) -> np.ndarray:
    """Distance of forehead and chin in the image, (...) from (..., 478, 2 or 3)."""
    result: np.ndarray = np.linalg.norm(landmarks[..., FOREHEAD, :2] - landmarks[..., CHIN, :2], axis=-1)
    return result


def head_outline(landmarks: np.ndarray) -> np.ndarray:
    """Polygon around the head and much of what is above and beside it: float64 (P, 2), pixels.

    The border follows the jaw from one corner to the other and leaves it there sideways. What of the person lies above
    it, and not far to the side, is head: hair and ears as well. Long hair below the line counts as torso.

    Args:
        landmarks: (478, 2 or 3) in pixels.
    """
    points = landmarks[:, :2].astype(np.float64)
    height = float(face_height(points))
    upward = (points[FOREHEAD] - points[CHIN]) / max(height, 1e-6)
    sideways = np.array([-upward[1], upward[0]])  # to the right of an upright image
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
        size: width and height of the image.

    Returns:
        float32 (H, W) in [0, 1].
    """
    width, height = size
    region = np.zeros((height, width), dtype=np.uint8)
    outline = np.round(head_outline(landmarks) * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillPoly(region, [outline], 255, lineType=cv2.LINE_AA, shift=_SUBPIXEL_BITS)
    sigma = max(0.4, FEATHER * float(face_height(landmarks)))
    return cv2.GaussianBlur(region.astype(np.float32) / 255, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
