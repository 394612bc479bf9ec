"""A performance: the motion of a face in a video, and the pose of its head, 25 times a second."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from visavox.constants import FRAME_RATE
from visavox.errors import InputError
from visavox.face.geometry import motion_of_track, track_rate
from visavox.face.track import TrackingSettings, check_selection, select_tracks, track_video
from visavox.progress import QUIET, Progress
from visavox.types import HeadPose, Motion, PathLike, Track


@dataclass(frozen=True)
class Performance:
    """Motion and head pose of a face in a video, T frames at 25 a second."""

    motion: Motion
    """The motion of the 68 landmarks."""
    pose: HeadPose
    """The head's pose in each frame."""


def motion_of(video: PathLike, *, face: str = "largest", progress: Progress = QUIET) -> Motion:
    """Extract the motion of a face from a video.

    Args:
        video: any file that `VideoReader` reads.
        face: `largest`, `leftmost`, `rightmost`, or a number (0 is the most prominent).
        progress: takes the events.

    Returns:
        68 landmarks at 25 frames a second from the first frame on, the head's pose taken away. Where the face was not
        seen it is filled in, with confidence 0.

    Raises:
        InputError: the video cannot be read, no tracker is installed, or there is no such face.
    """
    return capture_motion(video, face=face, progress=progress).motion


def capture_motion(
    video: PathLike,
    *,
    face: str = "largest",
    progress: Progress = QUIET,
    settings: TrackingSettings | None = None,
) -> Performance:
    """Extract motion and pose of a face from a video; otherwise as `motion_of`.

    Args:
        video: any file that `VideoReader` reads.
        face: which face, as `select_tracks` knows them; one, not `all`.
        progress: takes the events.
        settings: how faces are followed.
    """
    check_selection(face)
    if face == "all":
        raise InputError("a motion is that of one face; give largest, leftmost, rightmost, or a number")
    tracks = select_tracks(track_video(video, progress=progress, settings=settings), face)
    if not tracks:
        raise InputError(f"no face was found in {os.fspath(video)}; give a video with a face")
    return performance_of_track(tracks[0])


def performance_of_track(track: Track) -> Performance:
    """Bring a track to 25 frames a second: straight lines between its frames, none across a cut.

    Raises:
        InputError: the face is in none of the frames.
    """
    motion = motion_of_track(track)
    places = _places(track)
    confidence = np.minimum(
        motion.confidence[np.floor(places).astype(int)], motion.confidence[np.ceil(places).astype(int)]
    )
    displacements = _between(motion.displacements, places)
    known = np.flatnonzero(np.isfinite(track.rotations).all(axis=(1, 2)))
    seen = np.clip(places, known[0], known[-1])
    translations = np.stack([np.interp(seen, known, column) for column in track.translations[known].T], axis=1)
    pose = HeadPose(_turned(track.rotations[known], known, seen), translations.astype(np.float32), track.frame_size)
    return Performance(Motion(displacements, confidence, motion.neutral, Fraction(FRAME_RATE)), pose)


def _places(track: Track) -> np.ndarray:
    """Find the place in the track of each frame of the motion: float64 (G,), 1.5 is half way from its frame 1 to 2."""
    times = np.array([float(time) for time in track.times])
    end = track.times[-1] + 1 / track_rate(track)
    # Timestamps may be rounded to milliseconds: do not lose the last frame to that.
    count = max(1, int((end + Fraction(1, 500)) * FRAME_RATE))
    places = np.interp(np.arange(count) / FRAME_RATE, times, np.arange(len(times)))
    nearest = np.rint(places)
    across = track.shots[np.floor(places).astype(int)] != track.shots[np.ceil(places).astype(int)]
    close = np.abs(places - nearest) < 0.02  # rounded timestamps again: the frame itself, not a mixture
    return np.where(across | close, nearest, places)


def _between(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    before = np.floor(places).astype(int)
    share = (places - before).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray((1 - share) * values[before] + share * values[np.ceil(places).astype(int)], values.dtype)


def _turned(rotations: np.ndarray, known: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Rotations float32 (G, 3, 3) at places between known frames, along the shortest turn."""
    if len(known) == 1:
        return np.repeat(rotations, len(places), axis=0)
    turned: np.ndarray = Slerp(known, Rotation.from_matrix(rotations))(places).as_matrix().astype(np.float32)
    exact = np.isin(places, known)
    turned[exact] = rotations[np.searchsorted(known, places[exact])]
    return turned
