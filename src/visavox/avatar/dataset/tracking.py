"""Following the face through all videos of the footage; a video that is done is not done again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from visavox.avatar.dataset.footage import Footage, FootageVideo
from visavox.data.preparation.frame_grid import nearest_frames
from visavox.errors import InputError
from visavox.face.track.track_file import load_tracks, save_tracks
from visavox.face.track.tracker import FaceTracker, TrackerSettings, open_tracker
from visavox.face.track.tracking import TrackingSettings, track_frames
from visavox.media.reader import VideoReader
from visavox.progress import Progress
from visavox.runtime.files import write_whole
from visavox.types import NUM_LANDMARKS, Frame, FrameStatus, Track

THUMBNAIL_WIDTH = 160
"""Columns of the small grey pictures by which the camera is judged."""
THUMBNAIL_SECONDS = 1.0
"""Seconds from one of them to the next."""
TRACKER = TrackerSettings(max_faces=3, search_interval=25)
"""One face is wanted; others are only looked for to say that they are there."""


@dataclass(frozen=True)
class Thumbnails:
    """Small pictures of one video, one a second."""

    frames: np.ndarray
    """int64 (K,): which frames they are of."""
    images: np.ndarray
    """uint8 (K, h, w), grey."""


@dataclass(frozen=True)
class VideoTrack:
    """What is known of one video."""

    chosen: np.ndarray
    """int64 (n,): the frame of the video for each point of the 25 fps grid."""
    tracks: tuple[Track, ...]
    """The faces, the most prominent first; none where no face was found."""
    thumbnails: Thumbnails
    """For judging the camera."""


@dataclass(frozen=True)
class PersonTrack:
    """The person's face in the T frames of all videos, 25 a second."""

    landmarks: np.ndarray
    """float32 (T, 478, 3), pixels of the frame; NaN where there is no face."""
    status: np.ndarray
    """uint8 (T,), a FrameStatus each."""
    rotations: np.ndarray
    """float32 (T, 3, 3), head to camera."""
    translations: np.ndarray
    """float32 (T, 3), centimetres."""
    video: np.ndarray
    """int32 (T,): number of the video."""
    stretch: np.ndarray
    """int32 (T,): number of the stretch of time: it grows at every joint of videos and at every cut."""
    frame_size: tuple[int, int]
    """Width and height of the frames."""

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.status)

    @property
    def seen(self) -> np.ndarray:
        """bool (T,): frames whose face is known and not turned away."""
        return (self.status == FrameStatus.DETECTED) | (self.status == FrameStatus.INTERPOLATED)


def stretches(labels: np.ndarray) -> list[tuple[int, int]]:
    """Intervals [start, stop) of equal neighbours in (T,) labels."""
    borders = np.flatnonzero(np.diff(labels)) + 1
    edges = [0, *borders.tolist(), len(labels)]
    return [(start, stop) for start, stop in pairwise(edges) if stop > start]


def track_footage(footage: Footage, folder: Path, progress: Progress) -> tuple[Footage, list[VideoTrack]]:
    """Follow the faces of all videos, or take up what an earlier run left in a folder.

    Returns:
        The videos that could be decoded, and what is known of each.

    Raises:
        InputError: none could be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    videos: list[FootageVideo] = []
    found: list[VideoTrack] = []
    left_out = list(footage.left_out)
    with (
        _TrackerOnDemand() as tracker,
        progress.bar("following the face", footage.expected_frames or None) as bar,
    ):
        for video in footage.videos:
            target = folder / f"{video.source.clip_name}.{video.digest}.npz"
            try:
                if target.is_file():
                    bar.update(video.info.expected_frames or 0)
                else:
                    _track_video(video, tracker.get(), target, bar.update)
            except InputError as error:
                left_out.append((video.source.name, str(error)))
                continue
            videos.append(video)
            found.append(_load(target))
    if not videos:
        raise InputError(f"{left_out[0][0]}: {left_out[0][1]}; give a video of the person speaking")
    return Footage(tuple(videos), tuple(left_out)), found


def person_track(videos: list[VideoTrack], frame_size: tuple[int, int]) -> PersonTrack:
    """Put the most prominent faces of all videos into one row of frames."""
    parts = [_on_grid(video) for video in videos]
    lengths = [len(video.chosen) for video in videos]
    shots = [part[4] for part in parts]
    offsets = np.cumsum([0, *(int(shot.max(initial=-1)) + 1 for shot in shots[:-1])])
    return PersonTrack(
        landmarks=np.concatenate([part[0] for part in parts]),
        status=np.concatenate([part[1] for part in parts]),
        rotations=np.concatenate([part[2] for part in parts]),
        translations=np.concatenate([part[3] for part in parts]),
        video=np.repeat(np.arange(len(videos), dtype=np.int32), lengths),
        stretch=np.concatenate([shot + offset for shot, offset in zip(shots, offsets, strict=True)]).astype(np.int32),
        frame_size=frame_size,
    )


def _on_grid(video: VideoTrack) -> tuple[np.ndarray, ...]:
    """Landmarks, status, rotations, translations and shots of the first face at the points of the grid."""
    count = len(video.chosen)
    if not video.tracks:
        nothing = np.full((count, NUM_LANDMARKS, 3), np.nan, dtype=np.float32)
        status = np.full(count, FrameStatus.ABSENT, dtype=np.uint8)
        return nothing, status, nothing[:, :3, :], nothing[:, 0, :], np.zeros(count, dtype=np.int32)
    track = video.tracks[0]
    return tuple(
        array[video.chosen]
        for array in (track.landmarks, track.status, track.rotations, track.translations, track.shots)
    )


class _TrackerOnDemand:
    """Opens the tracker when it is first needed: a run that finds everything done needs none."""

    def __init__(self) -> None:
        self._tracker: FaceTracker | None = None

    def get(self) -> FaceTracker:
        if self._tracker is None:
            self._tracker = open_tracker(settings=TRACKER)
        return self._tracker

    def __enter__(self) -> _TrackerOnDemand:
        return self

    def __exit__(self, *error: object) -> None:
        if self._tracker is not None:
            self._tracker.close()


def _track_video(video: FootageVideo, tracker: FaceTracker, target: Path, report: Callable[[int], object]) -> None:
    """Follow the faces of one video and write what was found: first the pictures, then the tracks."""
    sampler = _Sampler()
    tracker.reset()
    times: list[Fraction] = []
    with VideoReader(video.path) as reader:

        def watched() -> Iterator[Frame]:
            for frame in reader:
                sampler.push(frame)
                times.append(frame.time)
                yield frame
                report(1)

        tracks = track_frames(
            watched(),
            tracker,
            frame_size=(reader.info.width, reader.info.height),
            settings=TrackingSettings(tracker=TRACKER),
        )
    chosen = nearest_frames(times, video.info.frame_rate)
    beside = target.with_suffix(".grid.npz")
    frames, images = np.array(sampler.frames), np.array(sampler.images)
    write_whole(beside, lambda file: np.savez_compressed(file, chosen=chosen, frames=frames, images=images))
    save_tracks(tracks, target)


def _load(target: Path) -> VideoTrack:
    with np.load(target.with_suffix(".grid.npz"), allow_pickle=False) as arrays:
        thumbnails = Thumbnails(arrays["frames"], arrays["images"])
        chosen = arrays["chosen"]
    return VideoTrack(chosen, tuple(load_tracks(target)), thumbnails)


class _Sampler:
    """Keeps a small grey picture of every second."""

    def __init__(self) -> None:
        self.frames: list[int] = []
        self.images: list[np.ndarray] = []
        self._next = 0.0

    def push(self, frame: Frame) -> None:
        if float(frame.time) < self._next:
            return
        self._next = float(frame.time) + THUMBNAIL_SECONDS
        height, width = frame.image.shape[:2]
        size = (THUMBNAIL_WIDTH, max(1, round(height * THUMBNAIL_WIDTH / width)))
        gray = cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY)
        self.frames.append(frame.index)
        self.images.append(cv2.resize(gray, size, interpolation=cv2.INTER_AREA))


def faces_beside(videos: Iterable[VideoTrack]) -> np.ndarray:
    """bool (T,): frames in which a second face is seen."""
    parts = []
    for video in videos:
        beside = np.zeros(len(video.chosen), dtype=bool)
        for track in video.tracks[1:]:
            beside |= track.status[video.chosen] == FrameStatus.DETECTED
        parts.append(beside)
    return np.concatenate(parts)
