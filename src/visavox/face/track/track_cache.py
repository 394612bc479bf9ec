"""Tracks of videos that were followed before, kept so that a second job on the same video starts at once."""

from __future__ import annotations

import hashlib
import logging
import os
from importlib import metadata

from visavox.errors import InputError
from visavox.face.geometry.face_box import FaceBox
from visavox.face.track.track_file import FORMAT, load_tracks, save_tracks
from visavox.face.track.tracking import TrackingSettings, track_video
from visavox.progress import QUIET, Progress
from visavox.runtime.cache import cache_folder
from visavox.types import PathLike, Track

logger = logging.getLogger(__name__)

TRACKER_VERSION = 1
"""Raised when the tracker finds something else in the same video."""
SAMPLE_BYTES = 1 << 20
"""Bytes at either end of a video that its identity is made from, besides its size and time."""


def cached_tracks(
    path: PathLike,
    *,
    face_box: FaceBox | None = None,
    progress: Progress = QUIET,
    settings: TrackingSettings | None = None,
) -> list[Track]:
    """Return the tracks of a video as `track_video` does, from the cache where they are in it.

    The cache is in `VISAVOX_CACHE` or where the platform keeps such things. A video counts as the same while its
    size, its time of change and the bytes at its ends are the same, whatever its name. Where the cache cannot be
    written, that is logged and the tracks are returned all the same.

    Raises:
        InputError: as `track_video`.
    """
    settings = settings or TrackingSettings()
    name = os.fspath(path)
    if not os.path.isfile(name):  # missing, or standard input: track_video knows what to say or do
        return track_video(name, face_box=face_box, progress=progress, settings=settings)
    target = cache_folder() / "tracks" / f"{_identity(name, face_box, settings)}.npz"
    if target.exists():
        try:
            return load_tracks(target)
        except InputError as error:
            logger.warning("the cached track is made anew: %s", error)
    tracks = track_video(name, face_box=face_box, progress=progress, settings=settings)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        save_tracks(tracks, target)
    except (InputError, OSError) as error:
        logger.warning("the track is not kept: %s", error)
    return tracks


def _identity(path: str, face_box: FaceBox | None, settings: TrackingSettings) -> str:
    """Hash of what the tracks depend on."""
    status = os.stat(path)
    try:
        network = metadata.version("mediapipe")
    except metadata.PackageNotFoundError:
        network = "none"
    told = (FORMAT, TRACKER_VERSION, network, status.st_size, status.st_mtime_ns, face_box, settings)
    digest = hashlib.sha256(repr(told).encode())
    with open(path, "rb") as file:
        digest.update(file.read(SAMPLE_BYTES))
        file.seek(max(0, status.st_size - SAMPLE_BYTES))
        digest.update(file.read())
    return digest.hexdigest()[:32]
