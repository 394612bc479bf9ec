"""The reference: the image that tells the network what a face's lower half looks like.

One for each shot, because light and sharpness change at a cut. It must not lend its mouth to the result, so it is
chosen for everything but its words: a calm, sharp frame near the shot's usual pose, the lips as far parted as they
often are.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from visavox.dubbing.playback import read_indices
from visavox.errors import InputError
from visavox.face.geometry import eye_distance, mouth_opening, warp_crop
from visavox.media import VideoInfo
from visavox.types import FrameStatus, Track

_BEST_OPENING = 0.06
"""Gap of the lips, in distances between the outer eye corners: what shows between the lips can be closed over, but
what never shows must be guessed. Rendered from the true motion, frames of speakers that were not trained on come
out closest to the truth from references between the middle (0.045) and the upper quarter (0.075) of openings in
speech, and softer the less the reference's mouth is open."""
_OPENING_SCALE = 0.03
_POSE_SCALE = np.radians(8.0)
_FRONTAL_SCALE = np.radians(25.0)
_MOTION_SCALE = 0.5
"""Eye distances a second; faster than this blurs."""
_REACH = 2
"""Frames to either side of the best one among which the sharpest is taken."""
_TOLERANCE = 0.3
"""Largest amount by which a sharper frame may be worse than the best."""


def reference_candidates(track: Track, choice: str = "auto") -> dict[int, list[int]]:
    """Choose by landmarks and pose alone: shot number to the frames among which the sharpest is the reference.

    Args:
        track: a face followed through T frames.
        choice: `auto`, or the number of a frame to use everywhere.

    Raises:
        InputError: the chosen frame does not show the face.
    """
    shots = np.unique(track.shots[track.usable]).tolist()
    if choice != "auto":
        index = int(choice)
        if index >= track.num_frames or not track.usable[index]:
            raise InputError(f"reference frame {index} does not show the face well enough; choose another, or auto")
        return {shot: [index] for shot in shots}
    cost = _cost(track)
    candidates = {}
    for shot in shots:
        frames = np.flatnonzero(track.usable & (track.shots == shot))
        best = int(frames[np.argmin(cost[frames])])
        near = frames[(np.abs(frames - best) <= _REACH) & (cost[frames] <= cost[best] + _TOLERANCE)]
        candidates[shot] = near.tolist()
    return candidates


def read_references(
    info: VideoInfo, tracks: Sequence[Track], matrices: Sequence[np.ndarray], size: int, choice: str = "auto"
) -> list[dict[int, np.ndarray]]:
    """Cut the reference crops of all faces out of a video.

    Args:
        info: the video.
        tracks: its faces.
        matrices: for each face float64 (T, 2, 3), frame to crop.
        size: side of a crop in pixels.
        choice: as in `reference_candidates`.

    Returns:
        for each face: shot number to uint8 RGB (S, S, 3).
    """
    wanted = [reference_candidates(track, choice) for track in tracks]
    indices = sorted({index for shots in wanted for near in shots.values() for index in near})
    owners: dict[int, list[tuple[int, int]]] = {}
    for face, shots in enumerate(wanted):
        for shot, near in shots.items():
            for index in near:
                owners.setdefault(index, []).append((face, shot))
    best: dict[tuple[int, int], tuple[float, np.ndarray]] = {}
    for index, image in read_indices(info, tracks[0].times, indices):
        for face, shot in owners[index]:
            crop = warp_crop(image, matrices[face][index], size)
            sharpness = _sharpness(crop)
            if (face, shot) not in best or sharpness > best[face, shot][0]:
                best[face, shot] = (sharpness, crop)
    return [{shot: best[face, shot][1] for shot in shots if (face, shot) in best} for face, shots in enumerate(wanted)]


def _cost(track: Track) -> np.ndarray:
    """Score each frame as a reference, smaller is better: float64 (T,), infinite where the face is not usable."""
    usable = track.usable
    cost = np.full(track.num_frames, np.inf)
    opening = mouth_opening(track.landmarks)
    cost[usable] = np.abs(opening[usable] - _BEST_OPENING) / _OPENING_SCALE
    cost[usable] += _motion(track)[usable] / _MOTION_SCALE
    forward = track.rotations[:, :, 2]  # the direction of the face: head space looks along its z
    cost[usable] += np.arccos(np.clip(forward[usable, 2], -1, 1)) / _FRONTAL_SCALE
    for shot in np.unique(track.shots[usable]):
        here = usable & (track.shots == shot)
        usual = np.median(forward[here], axis=0)
        usual /= max(float(np.linalg.norm(usual)), 1e-6)
        cost[here] += np.arccos(np.clip(forward[here] @ usual, -1, 1)) / _POSE_SCALE
    cost[usable & (track.status != FrameStatus.DETECTED)] += 3.0
    return cost


def _motion(track: Track) -> np.ndarray:
    """Speed of the face, (T,), in eye distances a second; the faster of the steps to both neighbours."""
    seconds = np.diff([float(time) for time in track.times])
    points = track.landmarks[:, ::8, :2]
    step = np.linalg.norm(np.diff(points, axis=0), axis=-1).mean(axis=-1) / np.maximum(seconds, 1e-3)
    step /= np.maximum(eye_distance(track.landmarks)[1:], 1.0)
    step = np.where(np.isfinite(step) & (np.diff(track.shots) == 0), step, 0.0)
    return np.asarray(np.maximum(np.append(step, 0.0), np.append(0.0, step)))


def _sharpness(crop: np.ndarray) -> float:
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())
