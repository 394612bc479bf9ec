"""Following the faces of a whole video: who is where in every frame.

Landmarks are those of each single frame, not smoothed over time. On 19 real clips they jitter by 0.1-0.2 % of the
distance of the eyes (0.1 px at 70 px). Filters without lag that take half of that away ([1 2 1] / 4, a Gaussian of 0.7
frames, Savitzky-Golay over 5 frames) also take 5-9 % off the movement of the lips, and agree no better with a second,
independent landmark network (correlation of the lip opening 0.834-0.838, against 0.836 unfiltered). What is derived
from landmarks and must be still, such as crops, is smoothed where it is derived.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib import metadata
from typing import Annotated

import numpy as np

from visavox.errors import InputError
from visavox.face.geometry import FaceBox, check_face_box
from visavox.face.track.association import Sighting, Tracklet, describe, join_tracklets, link_frames
from visavox.face.track.cuts import CutDetector, without_disproved_cuts
from visavox.face.track.landmark_store import LandmarkStore
from visavox.face.track.track_building import StatusSettings, build_track
from visavox.face.track.track_file import FORMAT, load_tracks, save_tracks
from visavox.face.track.tracker import FaceTracker, TrackerSettings, open_tracker
from visavox.progress import QUIET, Progress
from visavox.runtime.cache import cache_folder
from visavox.runtime.ranges import Range, check_ranges
from visavox.types import Frame, PathLike, Track

DESCRIPTION_INTERVAL = 4
"""Frames from one description of a face's appearance to the next."""


@dataclass(frozen=True)
class TrackingSettings:
    """Settings of tracking a video."""

    tracker: TrackerSettings = field(default_factory=TrackerSettings)
    """Settings of finding and following faces from frame to frame."""
    status: StatusSettings = field(default_factory=StatusSettings)
    """Limits by which a frame counts as seen, filled in, or turned away."""
    min_duration: Annotated[float, Range(minimum=0, unit="s", lowest="every face is kept")] = 0.2
    """Shortest time, in seconds, that a face must be seen for; what is seen for less is mostly no face."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)


def track_video(
    path: PathLike,
    *,
    max_faces: int | None = None,
    face_box: FaceBox | None = None,
    progress: Progress = QUIET,
    settings: TrackingSettings | None = None,
) -> list[Track]:
    """Follow the faces of a video or find those of an image.

    Args:
        path: any file that `VideoReader` reads.
        max_faces: most faces followed at a time; by default what `settings` say.
        face_box: x0, y0, x1, y1 in pixels: follow only the face that is found inside, wherever it goes afterwards.
        progress: where to show how far it is.
        settings: see `TrackingSettings`.

    Returns:
        One track for each person, the most prominent (largest for longest) first; empty if there is no face.

    Raises:
        InputError: the file cannot be read, the box is not in the image, or no tracker is installed.
    """
    from visavox.media import VideoReader

    settings = settings or TrackingSettings()
    if max_faces is not None:
        settings = replace(settings, tracker=replace(settings.tracker, max_faces=max_faces))
    with VideoReader(os.fspath(path)) as reader:
        frame_size = (reader.info.width, reader.info.height)
        if face_box is not None:
            check_face_box(face_box, frame_size)
        with (
            open_tracker(settings=settings.tracker, face_box=face_box) as tracker,
            progress.bar("tracking faces", reader.info.num_frames) as bar,
        ):

            def counted() -> Iterable[Frame]:
                for frame in reader:
                    yield frame
                    bar.update(1)

            seen = see_faces(counted(), tracker)
    return build_tracks(seen, frame_size=frame_size, settings=settings)


track = track_video
"""The same function, by its name in `visavox`."""


def track_frames(
    frames: Iterable[Frame],
    tracker: FaceTracker,
    *,
    frame_size: tuple[int, int],
    settings: TrackingSettings | None = None,
) -> list[Track]:
    """Follow the faces of frames that come one after the other, as `track_video` does."""
    return build_tracks(see_faces(frames, tracker), frame_size=frame_size, settings=settings)


@dataclass
class SeenFaces:
    """The faces seen in the T frames of a video."""

    sightings: list[list[Sighting]] = field(default_factory=list)
    """For each frame its faces."""
    times: list[Fraction] = field(default_factory=list)
    """Presentation times, in seconds."""
    cuts: CutDetector = field(default_factory=CutDetector)
    """The measurements for the detection of cuts."""


def see_faces(frames: Iterable[Frame], tracker: FaceTracker) -> SeenFaces:
    """Look at every frame once. What follows, `build_tracks`, needs neither the frames nor the tracker."""
    seen, store = SeenFaces(), LandmarkStore()
    for number, frame in enumerate(frames):
        may_be_cut = seen.cuts.push(frame.image)
        if may_be_cut:
            tracker.reset()
        observations = tracker.observe(frame.image)
        changed = may_be_cut or not seen.sightings or len(observations) != len(seen.sightings[-1])
        described = changed or number % DESCRIPTION_INTERVAL == 0
        seen.sightings.append(
            [
                Sighting(
                    number,
                    store.keep(observation.landmarks),
                    observation.score,
                    describe(frame.image, observation.landmarks) if described else None,
                )
                for observation in observations
            ]
        )
        seen.times.append(frame.time)
    return seen


def build_tracks(
    seen: SeenFaces, *, frame_size: tuple[int, int], settings: TrackingSettings | None = None
) -> list[Track]:
    """Tell who is who in what was seen, which is used up; otherwise as `track_frames`."""
    settings = settings or TrackingSettings()
    times = tuple(seen.times)
    shots = without_disproved_cuts(seen.cuts.shots(), seen.sightings)
    people = join_tracklets(link_frames(seen.sightings, shots))
    seen.sightings.clear()  # what is built is far larger: nothing is to be held twice
    people = [person for person in people if _lasts(person, times, settings.min_duration)]
    people.sort(key=_prominence, reverse=True)
    tracks: list[Track] = []
    while people:
        sightings = _one_after_the_other(people.pop(0).sightings)
        track = build_track(sightings, shots=shots, times=times, frame_size=frame_size, settings=settings.status)
        track.face_id = len(tracks)
        tracks.append(track)
    return tracks


def _one_after_the_other(sightings: list[Sighting]) -> Iterator[Sighting]:
    """Yield sightings in order of time, holding on to none that was given out."""
    sightings.reverse()
    while sightings:
        yield sightings.pop()


def _lasts(person: Tracklet, times: tuple[Fraction, ...], min_duration: float) -> bool:
    """Return True if a person is seen for long enough, or for half of a shorter video."""
    frame_duration = float(times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0
    num_frames = len(person.sightings)
    return num_frames * frame_duration >= min_duration or 2 * num_frames >= len(times)


def _prominence(person: Tracklet) -> float:
    """Area of the face summed over the frames in which it is seen, in square pixels."""
    return float(np.sum([sighting.size**2 for sighting in person.sightings]))


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
            logger.warning("the cached track is made again: %s", error)
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
    inputs = (FORMAT, TRACKER_VERSION, network, status.st_size, status.st_mtime_ns, face_box, settings)
    digest = hashlib.sha256(repr(inputs).encode())
    with open(path, "rb") as file:
        digest.update(file.read(SAMPLE_BYTES))
        file.seek(max(0, status.st_size - SAMPLE_BYTES))
        digest.update(file.read())
    return digest.hexdigest()[:32]
