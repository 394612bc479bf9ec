"""Tracks of videos that were followed before, kept in a folder, so that a second evaluation is quick."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from visavox.errors import InputError
from visavox.progress import QUIET, Progress
from visavox.types import Track

_FORMAT = 1
"""Raise it when the tracker changes what it finds."""


class TrackCache:
    """Follows the faces of videos, or remembers having done so."""

    def __init__(self, folder: str | Path | None) -> None:
        """Keep tracks in `folder`, made when first needed; None keeps nothing."""
        self.folder = None if folder is None else Path(folder)

    def track(self, path: str | Path, face: str = "largest", progress: Progress = QUIET) -> Track:
        """Return the track of one face, at the video's own size.

        Args:
            path: the video.
            face: largest, leftmost, rightmost or a number.
            progress: the tracker's bar.

        Raises:
            InputError: the video cannot be read, or has no such face.
        """
        from visavox.face.selection import select_tracks
        from visavox.face.track_file import load_track, save_track
        from visavox.face.tracking import track_video

        kept = self.file(path, face)
        if kept is not None and kept.exists():
            return load_track(kept)
        chosen = select_tracks(track_video(path, progress=progress), face)
        if len(chosen) != 1:
            raise InputError(f"{len(chosen)} faces are called {face!r} in {path}; one is measured at a time")
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            save_track(chosen[0], kept)
        return chosen[0]

    def file(self, path: str | Path, face: str = "largest") -> Path | None:
        """Name the file of a track after what the video is: where, how long, how old; None where nothing is kept."""
        if self.folder is None or not os.path.isfile(path):
            return None
        status = os.stat(path)
        identity = f"{_FORMAT}|{os.path.abspath(path)}|{status.st_size}|{status.st_mtime_ns}|{face}"
        return self.folder / f"{Path(path).stem}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.npz"
