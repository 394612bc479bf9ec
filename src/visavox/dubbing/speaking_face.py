"""A face of a video as the second pass needs it: tens of numbers a frame instead of the thousands of its track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from visavox.constants import FRAME_RATE
from visavox.dubbing.stream import FaceInFrame
from visavox.face.composite import mask_points
from visavox.face.geometry import CropSpec, crop_transforms, eye_distance, usable_runs
from visavox.types import Track

_WORTH_ENLARGING = 0.6
"""Pixels of the frame to one of the network's crop, from which on the crop is taken twice as large."""
_FADE_SECONDS = 0.12
"""Time over which rendering begins and ends where a face comes into sight or turns away."""


@dataclass
class SpeakingFace:
    """One face of a video of T frames, ready to be rendered."""

    number: int
    """Number of the face."""
    matrices: np.ndarray
    """float64 (T, 2, 3), frame to crop; NaN where it is not rendered."""
    points: np.ndarray
    """float32 (T, K, 2): smoothed `mask_points`, in frame pixels."""
    strengths: np.ndarray
    """float32 (T,) in [0, 1]: share of the rendered mouth; 0 where the frame passes through."""
    status: np.ndarray
    """uint8 (T,): a FrameStatus for each frame."""
    shots: np.ndarray
    """int32 (T,): number of the shot of each frame."""
    references: dict[int, np.ndarray] = field(default_factory=dict)
    """Shot number to reference crop, uint8 RGB (S, S, 3); one a shot today. Where a shot has none, a frame is its
    own reference."""

    def at(self, index: int, fade: float = 1.0) -> FaceInFrame | None:
        """Return the face as it is in source frame `index`; None where it is not rendered.

        Args:
            index: number of the source frame.
            fade: further share of the rendered mouth, 0-1.
        """
        strength = float(self.strengths[index]) * fade
        if strength <= 0:
            return None
        shot = int(self.shots[index])
        return FaceInFrame(
            self.number,
            self.matrices[index],
            self.points[index],
            self.references.get(shot),
            shot,
            strength,
        )


def working_crop(crop: CropSpec, layered: bool, tracks: Sequence[Track]) -> CropSpec:
    """Choose how large the crops of a video are: a layered generator keeps what is sharp in the reference.

    Args:
        crop: the crop that the generator sees.
        layered: whether it gives layers; if not, this is its crop.
        tracks: the faces that are rendered.
    """
    if not layered or crop.kind != "aligned":
        return crop
    # Chosen after, not before: the landmarks of ten minutes are a hundred megabytes, and are not to be copied.
    distances = np.concatenate([eye_distance(track.landmarks)[track.usable] for track in tracks])
    enlargement = crop.side * float(np.median(distances)) / crop.size
    # Twice is where it ends: sharper crops than that cost more time than they show.
    return replace(crop, size=2 * crop.size) if enlargement > _WORTH_ENLARGING else crop


def prepare_face(track: Track, crop: CropSpec, smoothing: float) -> SpeakingFace:
    """Keep of a track what rendering needs.

    Args:
        track: a face followed through T frames.
        crop: the crop to cut out (`working_crop`).
        smoothing: standard deviation of the smoothing of the mask over time, in seconds.
    """
    matrices = crop_transforms(track, crop)
    rate = _frame_rate(track)
    return SpeakingFace(
        track.face_id,
        matrices,
        _smooth_points(track, matrices, smoothing * rate),
        _strengths(track.usable, track.shots, _FADE_SECONDS * rate),
        track.status,
        track.shots,
    )


def _frame_rate(track: Track) -> float:
    span = float(track.times[-1] - track.times[0])
    return (track.num_frames - 1) / span if span > 0 else float(FRAME_RATE)


def _smooth_points(track: Track, matrices: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth the points relative to the crop, so that a moving head does not outrun its mask."""
    points = mask_points(track.landmarks).astype(np.float32)
    if sigma <= 0:
        return points
    for start, stop in usable_runs(track.usable, track.shots):
        linear, shift = matrices[start:stop, :, :2], matrices[start:stop, :, 2]
        back = np.linalg.inv(linear)
        for number in range(points.shape[1]):  # one at a time: memory for a long video stays small
            in_crop = np.einsum("tij,tj->ti", linear, points[start:stop, number]) + shift
            smooth = gaussian_filter1d(in_crop, sigma, axis=0, mode="nearest")
            points[start:stop, number] = np.einsum("tij,tj->ti", back, smooth - shift)
    return points


def _strengths(usable: np.ndarray, shots: np.ndarray, fade: float) -> np.ndarray:
    """Fade in and out over `fade` frames, but not at cuts nor at the ends of the video."""
    strengths = usable.astype(np.float32)
    for start, stop in usable_runs(usable, shots):
        position = np.arange(stop - start)
        if start > 0 and shots[start - 1] == shots[start]:
            strengths[start:stop] = np.minimum(strengths[start:stop], (position + 1) / (fade + 1))
        if stop < len(usable) and shots[stop] == shots[stop - 1]:
            strengths[start:stop] = np.minimum(strengths[start:stop], (position[::-1] + 1) / (fade + 1))
    return strengths
