"""Quality measurements of a face before it is trained on: size, sharpness, and a visible mouth."""

from __future__ import annotations

import cv2
import numpy as np

from visavox.face.geometry.landmarks import CHIN, LIPS_OUTER, NOSE_TIP, eye_distance

BLUR_SCALE = 9
"""Pixels of the box that a crop is blurred with to see whether that makes a difference."""
PATCH = (10, 14)
"""Rows and columns of the small image of the mouth that tells whether something is in front of it."""
CHIN_OUTSIDE = 0.06
"""Distance that the chin may lie outside the image, in sizes of the face: tight crops of corpora cut a little off."""
STRANGE_COLOR = 20.0
"""Distance in CIELAB from what is usually seen there: skin of another shade is closer, another thing farther."""


def face_size(landmarks: np.ndarray) -> np.ndarray:
    """Longer side of the box around landmarks (T, 478, 2 or 3), in pixels, (T,)."""
    points = landmarks[..., :2]
    size: np.ndarray = (points.max(axis=-2) - points.min(axis=-2)).max(axis=-1)
    return size


def mouth_in_image(landmarks: np.ndarray, frame_size: tuple[int, int]) -> np.ndarray:
    """Find frames with the lips within the image and the chin at most a little outside, bool (T,)."""
    last = np.array(frame_size, dtype=np.float64) - 1
    lips, chin = landmarks[:, LIPS_OUTER, :2], landmarks[:, CHIN, :2]
    room = CHIN_OUTSIDE * face_size(landmarks)[:, None]
    lips_inside = ((lips >= 0) & (lips <= last)).all(axis=(1, 2))
    chin_inside = ((chin >= -room) & (chin <= last + room)).all(axis=1)
    return np.asarray(lips_inside & chin_inside)


def blur(crop: np.ndarray) -> float:
    """Measure how little a crop changes when it is blurred once more: 0 sharp, 1 without any detail.

    Crété-Roffet, Dolmiere, Ladret, Nicolas: "The Blur Effect", SPIE 2007: the share of the differences between
    neighbouring pixels that a box filter leaves, in the worse of the two directions.

    Args:
        crop: uint8 RGB (H, W, 3).
    """
    gray = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    shares = []
    for axis, box in ((0, (1, BLUR_SCALE)), (1, (BLUR_SCALE, 1))):
        sharp = np.abs(np.diff(gray, axis=axis))
        blurred = np.abs(np.diff(cv2.blur(gray, box), axis=axis))
        lost = np.maximum(sharp - blurred, 0).sum()
        shares.append(1 - float(lost) / max(float(sharp.sum()), 1e-6))
    return max(shares)


def mouth_patch(crop: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Take a small image of lips, chin and the cheeks beside them.

    Args:
        crop: uint8 RGB (S, S, 3), aligned.
        landmarks: (478, 3) in its pixels.

    Returns:
        float32 (10, 14, 3) in CIELAB.
    """
    eyes = float(eye_distance(landmarks))
    x = float(landmarks[list(LIPS_OUTER), 0].mean())
    y = float(landmarks[NOSE_TIP, 1]) + 0.15 * eyes
    height, width = crop.shape[:2]
    left, right = np.clip([x - 0.45 * eyes, x + 0.45 * eyes], 0, width - 2).astype(int)
    top, bottom = np.clip([y, y + 0.62 * eyes], 0, height - 2).astype(int)
    part = crop[top : bottom + 1, left : right + 1].astype(np.float32) / 255
    small = cv2.resize(part, PATCH[::-1], interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2LAB)


def covered_share(patches: np.ndarray) -> np.ndarray:
    """Measure the share of the mouth's surroundings that differs from the rest of the clip, (T,), 0 to 1.

    A hand or a microphone that passes shows in most of the patch, the mouth's own motion in a tenth. What is there
    all the time cannot be told from a face this way.

    Args:
        patches: (T, 10, 14, 3) of `mouth_patch`.
    """
    usual = np.median(patches, axis=0)
    share: np.ndarray = (np.linalg.norm(patches - usual, axis=-1) > STRANGE_COLOR).mean(axis=(1, 2))
    return share


def loudness(waveform: np.ndarray) -> float:
    """Level of the loudest moments of a waveform (N,) in dB of full scale: the 95th percentile over 20 ms each."""
    length = len(waveform) // 320 * 320
    if length == 0:
        return -120.0
    power = (waveform[:length].astype(np.float64).reshape(-1, 320) ** 2).mean(axis=1)
    return float(10 * np.log10(max(float(np.percentile(power, 95)), 1e-12)))
