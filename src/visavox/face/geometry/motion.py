"""From a track to motion and back, and the face at rest that motion is counted from.

Motion is 68 landmarks in head space, centimetres, the head's pose taken away. A landmark is seen on a ray; how far
along it lies is what the face mesh says of its depth. The track's pose puts the points on their rays into head space,
where they are compared with the canonical face. Since every point stays on its ray, the way back, by the same pose,
ends at the very pixel.

The pose is taken frame by frame as the track has it. A tracker's landmarks tremble together; a pose fitted to the same
frame trembles with them and takes that away. On real clips any smoothing of position, angle or distance over time
makes points that cannot move (bridge of the nose, temples) move more, not less.

The face at rest has its lips shut. Identity is not in the audio, so what is predicted is the displacement from the
speaker's own rest; but the gap between the lips stays absolute, so that 0 is a closed mouth for everybody. Where a clip
shows no shut mouth, its mean face is shut by the way in which faces open: the *opening mode*, how all points move on
average when the lips part by a centimetre.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from visavox.constants import FRAME_RATE
from visavox.errors import InputError
from visavox.face.geometry.landmarks import IBUG_68, RIGID, to_ibug68
from visavox.face.geometry.pose import canonical_face, facing, focal_length, project
from visavox.types import FrameStatus, Motion, Track


def canonical_68() -> np.ndarray:
    """The 68 points of the canonical face: float64 (68, 3), head space, centimetres."""
    return canonical_face()[list(IBUG_68)].astype(np.float64)


def displacements_of(
    landmarks: np.ndarray, rotations: np.ndarray, translations: np.ndarray, frame_size: tuple[int, int]
) -> np.ndarray:
    """Bring landmarks of the image into head space.

    Args:
        landmarks: (T, 478, 3) in pixels, z in the same scale, smaller is nearer.
        rotations: (T, 3, 3) head to camera.
        translations: (T, 3), centimetres.
        frame_size: width and height in pixels.

    Returns:
        float32 (T, 68, 3), centimetres from the canonical face; NaN where the landmarks or the pose are.
    """
    focal = focal_length(frame_size)
    points = landmarks.astype(np.float64)
    rigid = list(RIGID)
    # The mesh measures depth from a point of its own: the rigid points tell where that is.
    turned = canonical_face()[rigid].astype(np.float64).mean(axis=0) @ rotations.swapaxes(1, 2)
    distance = -(turned[:, 2] + translations[:, 2])
    depth = to_ibug68(points)[..., 2] - points[:, rigid, 2].mean(axis=1, keepdims=True)
    away = distance[:, None] * (1 + depth / focal)  # (T, 68); z is scaled like the image at the face's distance
    middle = (np.asarray(frame_size, dtype=np.float64) - 1) / 2
    rays = (to_ibug68(points)[..., :2] - middle) / focal * np.array([1.0, -1.0])
    seen = np.concatenate([rays, -np.ones_like(rays[..., :1])], axis=-1) * away[..., None]
    result: np.ndarray = ((seen - translations[:, None]) @ rotations - canonical_68()).astype(np.float32)
    return result


def landmarks_of(
    displacements: np.ndarray, rotations: np.ndarray, translations: np.ndarray, frame_size: tuple[int, int]
) -> np.ndarray:
    """Show motion in an image: the inverse of `displacements_of` for any pose.

    Args:
        displacements: (T, 68, 3), centimetres from the canonical face.
        rotations: (T, 3, 3) head to camera.
        translations: (T, 3), centimetres.
        frame_size: width and height in pixels.

    Returns:
        float64 (T, 68, 2), pixels.
    """
    return project(canonical_68() + displacements, rotations, translations, frame_size)


def track_confidence(track: Track) -> np.ndarray:
    """Compute the confidence in the landmarks of each frame of a track.

    Returns:
        float32 (T,) in [0, 1]: 0 where the face was not seen in that very frame, else the cosine of the angle by which
        the head is turned away from the camera, 1 from the front: what is turned away is guessed by the face mesh.
    """
    away = facing(track.rotations, track.translations)[:, 2, 2]
    seen = (track.status == FrameStatus.DETECTED) | (track.status == FrameStatus.TURNED_AWAY)
    return np.where(seen, np.clip(np.nan_to_num(away), 0, 1), 0).astype(np.float32)


def motion_of_track(track: Track) -> Motion:
    """Take the head's pose away from a track.

    Frames without the face are filled in between their neighbours, and held at the ends; their confidence is 0.

    Args:
        track: T frames; the motion has as many, at the track's mean rate.

    Raises:
        InputError: the face is in none of the frames.
    """
    displacements = displacements_of(track.landmarks, track.rotations, track.translations, track.frame_size)
    known = np.flatnonzero(np.isfinite(displacements).all(axis=(1, 2)))
    if len(known) == 0:
        raise InputError("the face is in none of the frames of the track; give a video in which it can be seen")
    confidence = track_confidence(track)
    sure = confidence > 0
    neutral = displacements[sure if sure.any() else known].mean(axis=0, dtype=np.float64)
    return Motion(fill_in(displacements, known), confidence, neutral.astype(np.float32), track_rate(track))


def fill_in(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Interpolate (T, ...) values linearly between the `known` frames, (K,) ascending; hold them at the ends."""
    positions = np.interp(np.arange(len(values)), known, np.arange(len(known)))
    before = np.floor(positions).astype(np.intp)
    after = np.minimum(before + 1, len(known) - 1)
    share = (positions - before).reshape(-1, *[1] * (values.ndim - 1))
    filled = (1 - share) * values[known[before]] + share * values[known[after]]
    result: np.ndarray = filled.astype(values.dtype)
    return result


def track_rate(track: Track) -> Fraction:
    """Mean frames a second of a track; 25 where it has a single frame."""
    duration = track.times[-1] - track.times[0]
    return Fraction(track.num_frames - 1) / duration if duration > 0 else Fraction(FRAME_RATE)


UPPER_LIP, LOWER_LIP = 62, 66
"""The middles of the inner lips among the 68 points."""
EYE_RIGHT, EYE_LEFT = 36, 45
"""The outer corners of the eyes among the 68 points."""
MOUTH_RIGHT, MOUTH_LEFT = 48, 54
"""The corners of the mouth among the 68 points."""


def lip_gap(displacements: np.ndarray) -> np.ndarray:
    """Height of the gap between the lips, centimetres, (...) of displacements (..., 68, 3) from the canonical face.

    It is signed: a tracker that lets shut lips cross a little gives a little less than 0.
    """
    points = _canonical() + displacements
    result: np.ndarray = points[..., UPPER_LIP, 1] - points[..., LOWER_LIP, 1]
    return result


def opening_of(displacements: np.ndarray) -> np.ndarray:
    """Opening as `visavox.face.geometry.landmarks.mouth_opening` measures it.

    The gap of the lips over the distance of the outer eye corners, (...) of displacements (..., 68, 3) from the
    canonical face.
    """
    points = _canonical() + displacements
    result: np.ndarray = _distance(points, UPPER_LIP, LOWER_LIP) / _distance(points, EYE_RIGHT, EYE_LEFT)
    return result


def width_of(displacements: np.ndarray) -> np.ndarray:
    """Width of the mouth over the distance of the outer eye corners, (...) of displacements (..., 68, 3)."""
    points = _canonical() + displacements
    result: np.ndarray = _distance(points, MOUTH_RIGHT, MOUTH_LEFT) / _distance(points, EYE_RIGHT, EYE_LEFT)
    return result


def fit_opening_mode(clips: Sequence[np.ndarray]) -> np.ndarray:
    """Learn how faces open, by regression of all points on the gap of the lips within each clip.

    Args:
        clips: displacements (T, 68, 3) of each clip.

    Returns:
        float32 (68, 3), centimetres for each centimetre of gap; of itself it opens the lips by exactly 1.

    Raises:
        InputError: the mouths stand still.
    """
    products = np.zeros((68, 3))
    energy = 0.0
    for displacements in clips:
        gap = lip_gap(displacements).astype(np.float64)
        gap -= gap.mean()
        products += np.einsum("t,tpi->pi", gap, displacements - displacements.mean(axis=0))
        energy += float((gap**2).sum())
    if energy < 1e-6:
        raise InputError("the mouths of the training clips do not move; prepare videos of people who speak")
    return (products / energy).astype(np.float32)


def resting_face(displacements: np.ndarray, opening_mode: np.ndarray) -> np.ndarray:
    """The face at rest, (68, 3) from the canonical face, of a speaker's displacements (T, 68, 3): their mean, shut."""
    mean = displacements.mean(axis=0, dtype=np.float64)
    result: np.ndarray = (mean - opening_mode * lip_gap(mean)).astype(np.float32)
    return result


def _canonical() -> np.ndarray:
    return canonical_face()[list(IBUG_68)]


def _distance(points: np.ndarray, first: int, second: int) -> np.ndarray:
    result: np.ndarray = np.linalg.norm(points[..., first, :] - points[..., second, :], axis=-1)
    return result
