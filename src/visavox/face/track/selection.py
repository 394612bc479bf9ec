"""Choosing among the faces of a video, as the option `--face` names them."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from visavox.errors import InputError
from visavox.face.geometry import FaceBox
from visavox.face.geometry.face_box import is_inside
from visavox.face.track.tracking import TrackingSettings, track_video
from visavox.progress import QUIET, Progress
from visavox.types import PathLike, Track

NAMES = ("largest", "leftmost", "rightmost", "all")


def check_selection(which: str) -> None:
    """Check what a user gave for `--face`, before any work.

    Raises:
        InputError: it is no name and no number.
    """
    if which not in NAMES and not which.isdecimal():
        raise InputError(
            f"the face '{which}' is not known; give {', '.join(NAMES)}, or a number (0 is the most prominent face)"
        )


def select_tracks(tracks: Sequence[Track], which: str = "largest") -> list[Track]:
    """Choose among the faces of one video.

    Args:
        tracks: as `track_video` gives them.
        which: `largest` (summed over the frames in which it can be rendered), `leftmost` or `rightmost` (by the
            median of the centre), a number (`Track.face_id`), or `all`.

    Returns:
        The selected tracks: one, all of them, or none if there are none.

    Raises:
        InputError: `which` is not one of these, or there are faces but none of that number.
    """
    check_selection(which)
    if not tracks or which == "all":
        return list(tracks)
    if which == "largest":
        return [max(tracks, key=_area)]
    if which == "leftmost":
        return [min(tracks, key=_middle)]
    if which == "rightmost":
        return [max(tracks, key=_middle)]
    selected = [track for track in tracks if track.face_id == int(which)]
    if not selected:
        numbers = ", ".join(str(track.face_id) for track in tracks)
        raise InputError(f"there is no face {which}; the faces found have the numbers {numbers}")
    return selected


def track_in_box(
    path: PathLike,
    box: FaceBox,
    *,
    progress: Progress = QUIET,
    settings: TrackingSettings | None = None,
) -> Track:
    """Follow the face that is found inside a box, x0, y0, x1, y1 in pixels of the upright image.

    The face may leave the box afterwards; when it is lost, and after each cut, it is looked for in the box again.

    Raises:
        InputError: the box is not in the frame, there is no face in it, or as `track_video`.
    """
    tracks = track_video(path, face_box=box, progress=progress, settings=settings)
    if not tracks:
        named = ",".join(f"{number:g}" for number in box)
        raise InputError(
            f"no face was found in the box {named} of {os.fspath(path)}; draw it around the face of the first frames, "
            "or leave it out and choose with --face"
        )
    return max(tracks, key=lambda track: _frames_inside(track, box))


def _area(track: Track) -> float:
    """Area of the box around the face, summed over the frames in which it can be rendered."""
    boxes = track.boxes[track.usable]
    return float(((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sum())


def _middle(track: Track) -> float:
    """Median x of the middle of the face."""
    return float(np.nanmedian((track.boxes[:, 0] + track.boxes[:, 2]) / 2))


def _frames_inside(track: Track, box: FaceBox) -> int:
    centers = track.landmarks[..., :2].mean(axis=1)
    return sum(is_inside(box, float(x), float(y)) for x, y in centers)
