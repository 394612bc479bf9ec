"""The motion of the face and the pose of the head, as a person's data set keeps them.

The displacements are those of the pose of each single frame (`visavox.face.geometry.motion` says why). The pose that a
renderer looks along is smoothed: what trembles in it would tremble in the picture, hair and ears first.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from visavox.avatar.dataset.tracking import PersonTrack, stretches
from visavox.errors import InputError
from visavox.face.geometry.motion import displacements_of, fill_in
from visavox.face.geometry.pose import facing
from visavox.runtime.files import write_whole
from visavox.types import FrameStatus


def smooth_pose(
    rotations: np.ndarray, translations: np.ndarray, known: np.ndarray, stretch: np.ndarray, sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Smooth a pose within every stretch of time, and fill in what is not known.

    Rotations are averaged as matrices and brought back to the nearest rotation (the chordal mean: Hartley, Trumpf, Dai,
    Li, "Rotation Averaging", IJCV 2013, section 5.3).

    Args:
        rotations: (T, 3, 3).
        translations: (T, 3).
        known: bool (T,): frames whose pose is to be believed, at least one.
        stretch: (T,): number of the stretch of time.
        sigma: standard deviation of the Gaussian in frames; 0 smooths nothing.

    Returns:
        Rotations float32 (T, 3, 3) and translations float32 (T, 3), finite everywhere.
    """
    values = np.concatenate([rotations.reshape(-1, 9), translations], axis=1).astype(np.float64)
    values = fill_in(values, np.flatnonzero(known))
    if sigma > 0:
        for start, stop in stretches(stretch):
            weight = known[start:stop].astype(np.float64)[:, None]
            if not weight.any():
                continue
            # What was filled in only counts where nothing known is near.
            weight = np.maximum(weight, 1e-3)
            total = gaussian_filter1d(values[start:stop] * weight, sigma, axis=0, mode="nearest")
            values[start:stop] = total / gaussian_filter1d(weight, sigma, axis=0, mode="nearest")
    return nearest_rotations(values[:, :9].reshape(-1, 3, 3)).astype(np.float32), values[:, 9:].astype(np.float32)


def nearest_rotations(matrices: np.ndarray) -> np.ndarray:
    """The rotations (T, 3, 3) that differ least from matrices (Procrustes)."""
    left, _, right = np.linalg.svd(matrices)
    left[..., -1] *= np.sign(np.linalg.det(left @ right))[:, None]
    return left @ right


def write_motion(path: Path, track: PersonTrack, usable: np.ndarray, sigma: float) -> None:
    """Write displacements, confidence, smoothed pose and which frames are usable.

    Raises:
        InputError: the face is in no frame.
    """
    if not usable.any():
        raise InputError("the face is in none of the frames; give a video in which it can be seen")
    raw = displacements_of(track.landmarks, track.rotations, track.translations, track.frame_size)
    displacements = fill_in(np.where(usable[:, None, None], raw, 0), np.flatnonzero(usable))
    rotations, translations = smooth_pose(
        track.rotations, track.translations, track.seen & usable, track.stretch, sigma
    )
    away = np.nan_to_num(facing(track.rotations, track.translations)[:, 2, 2])
    detected = (track.status == FrameStatus.DETECTED) & usable
    arrays = {
        "displacements": displacements.astype(np.float32),
        "confidence": np.where(detected, np.clip(away, 0, 1), 0).astype(np.float32),
        "rotations": rotations,
        "translations": translations,
        "usable": usable,
    }
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))
