"""Tracks of recordings that were followed before, kept in a folder, so that a second evaluation is quick."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from visavox.errors import InputError
from visavox.face.track.selection import check_selection, select_tracks
from visavox.face.track.track_cache import TRACKER_VERSION
from visavox.face.track.track_file import FORMAT, load_track, save_track
from visavox.face.track.tracking import track_video
from visavox.progress import QUIET, Progress
from visavox.types import PathLike, Track


class TrackCache:
    """Follows the faces of videos, or remembers having done so.

    Unlike the cache of `visavox.face.track.track_cache` it lies where it is wanted, holds the one face that is
    measured, and does not fill up with tracks of results that the next run makes again.
    """

    def __init__(self, folder: PathLike | None) -> None:
        """Keep tracks in `folder`, made when first needed; None keeps nothing."""
        self.folder = None if folder is None else Path(folder)

    def track(self, path: PathLike, face: str = "largest", progress: Progress = QUIET, *, keep: bool = True) -> Track:
        """Return the track of one face, at the video's own size.

        Args:
            path: the video.
            face: largest, leftmost, rightmost or a number.
            progress: the tracker's bar.
            keep: whether a new track is worth keeping; kept ones are used either way.

        Raises:
            InputError: the video cannot be read, or has no such face.
        """
        kept = self.file(path, face)
        if kept is not None and kept.exists():
            return load_track(kept)
        check_selection(face)
        if face == "all":
            raise InputError("all faces asked for; one is measured at a time: give largest, leftmost or a number")
        chosen = select_tracks(track_video(path, progress=progress), face)
        if not chosen:
            raise InputError(f"{path} shows no face; give a video in which one is seen")
        if kept is not None and keep:
            kept.parent.mkdir(parents=True, exist_ok=True)
            save_track(chosen[0], kept)
        return chosen[0]

    def file(self, path: PathLike, face: str = "largest") -> Path | None:
        """Name the file of a track after what the video is: where, how long, how old; None where nothing is kept."""
        if self.folder is None or not os.path.isfile(path):
            return None
        status = os.stat(path)
        identity = (FORMAT, TRACKER_VERSION, os.path.abspath(path), status.st_size, status.st_mtime_ns, face)
        return self.folder / f"{Path(path).stem}-{hashlib.sha256(repr(identity).encode()).hexdigest()[:16]}.npz"
