"""The videos of a person as one long row of frames, and the face followed through them.

A video that is done is not done again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from visavox.data.preparation import Source, find_sources, nearest_frames
from visavox.errors import InputError
from visavox.face.track import (
    FaceTracker,
    TrackerSettings,
    TrackingSettings,
    load_tracks,
    open_tracker,
    save_tracks,
    track_frames,
)
from visavox.media import VideoInfo, VideoReader, probe
from visavox.progress import Progress
from visavox.runtime.files import write_whole
from visavox.types import NUM_LANDMARKS, Frame, FrameStatus, PathLike, Track


@dataclass(frozen=True)
class PersonVideo:
    """One of the videos."""

    source: Source
    """The file."""
    info: VideoInfo
    """Content of its header."""

    @property
    def path(self) -> str:
        """Path of the file."""
        return self.source.path

    @property
    def name(self) -> str:
        """Name of the file without its ending."""
        return Path(self.source.path).stem

    @property
    def digest(self) -> str:
        """8 hex digits of name, size and time of change: what decides that work done before still fits."""
        state = (self.source.name, self.source.num_bytes, os.stat(self.path).st_mtime_ns)
        return hashlib.blake2b(repr(state).encode(), digest_size=4).hexdigest()


@dataclass(frozen=True)
class PersonVideos:
    """All videos, in the order of their names."""

    files: tuple[PersonVideo, ...]
    """At least one."""
    left_out: tuple[tuple[str, str], ...]
    """Files that cannot be used, each with the reason."""

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width and height of the frames."""
        info = self.files[0].info
        return info.width, info.height

    @property
    def expected_frames(self) -> int:
        """Frames of all videos, as far as the headers tell."""
        return sum(video.info.expected_frames or 0 for video in self.files)


def find_videos(location: PathLike) -> PersonVideos:
    """Find the videos of a person and look at their headers.

    Raises:
        InputError: there is none that can be used.
    """
    videos, left_out = [], []
    for source in find_sources([location], "flat").sources:
        try:
            info = probe(source.path)
        except InputError as error:
            left_out.append((source.name, str(error)))
            continue
        if info.is_still:
            left_out.append((source.name, "it is an image, not a video"))
        else:
            videos.append(PersonVideo(source, info))
    if not videos:
        raise InputError(
            f"{left_out[0][0]}: {left_out[0][1]}; give a video of the person speaking, or a folder of videos"
        )
    return PersonVideos(tuple(videos), tuple(left_out))


def read_frames(path: PathLike, selected: Sequence[int] | np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Decode a video and give the frames that were chosen for the points of the 25 fps grid.

    Args:
        path: the video.
        chosen: (n,) frame number for each point of the grid, ascending, with repetitions.

    Yields:
        Number of the point and image, uint8 RGB (H, W, 3); an image chosen twice is given twice.
    """
    point = 0
    with VideoReader(path) as reader:
        for frame in reader:
            while point < len(selected) and selected[point] == frame.index:
                yield point, frame.image
                point += 1
            if point == len(selected):
                return


THUMBNAIL_WIDTH = 160
"""Columns of the small grey images by which the camera is evaluated."""
THUMBNAIL_SECONDS = 1.0
"""Seconds from one of them to the next."""
TRACKER = TrackerSettings(max_faces=3, search_interval=25)
"""One face is wanted; others are only looked for to say that they are there."""


@dataclass(frozen=True)
class Thumbnails:
    """Small images of one video, one a second."""

    frames: np.ndarray
    """int64 (K,): which frames they are of."""
    images: np.ndarray
    """uint8 (K, h, w), grey."""


@dataclass(frozen=True)
class VideoTrack:
    """Frames, faces and thumbnails of one video."""

    selected: np.ndarray
    """int64 (n,): the frame of the video for each point of the 25 fps grid."""
    tracks: tuple[Track, ...]
    """The faces, the most prominent first; none where no face was found."""
    thumbnails: Thumbnails
    """Small images for the check of the camera."""


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
        return np.asarray((self.status == FrameStatus.DETECTED) | (self.status == FrameStatus.INTERPOLATED))


def stretches(labels: np.ndarray) -> list[tuple[int, int]]:
    """Intervals [start, stop) of equal neighbours in (T,) labels."""
    borders = np.flatnonzero(np.diff(labels)) + 1
    edges = [0, *borders.tolist(), len(labels)]
    return [(start, stop) for start, stop in pairwise(edges) if stop > start]


def track_videos(videos: PersonVideos, folder: Path, progress: Progress) -> tuple[PersonVideos, list[VideoTrack]]:
    """Follow the faces of all videos, or take up what an earlier run left in a folder.

    Returns:
        The videos that could be decoded, and what is known of each.

    Raises:
        InputError: none could be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    decoded: list[PersonVideo] = []
    found: list[VideoTrack] = []
    left_out = list(videos.left_out)
    with (
        _TrackerOnDemand() as tracker,
        progress.bar("following the face", videos.expected_frames or None) as bar,
    ):
        for video in videos.files:
            target = folder / f"{video.source.clip_name}.{video.digest}.npz"
            try:
                if target.is_file():
                    bar.update(video.info.expected_frames or 0)
                else:
                    _track_video(video, tracker.get(), target, bar.update)
            except InputError as error:
                left_out.append((video.source.name, str(error)))
                continue
            decoded.append(video)
            found.append(_load(target))
    if not decoded:
        raise InputError(f"{left_out[0][0]}: {left_out[0][1]}; give a video of the person speaking")
    return PersonVideos(tuple(decoded), tuple(left_out)), found


def person_track(videos: list[VideoTrack], frame_size: tuple[int, int]) -> PersonTrack:
    """Put the most prominent faces of all videos into one row of frames."""
    parts = [_on_grid(video) for video in videos]
    lengths = [len(video.selected) for video in videos]
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
    count = len(video.selected)
    if not video.tracks:
        nothing = np.full((count, NUM_LANDMARKS, 3), np.nan, dtype=np.float32)
        status = np.full(count, FrameStatus.ABSENT, dtype=np.uint8)
        return nothing, status, nothing[:, :3, :], nothing[:, 0, :], np.zeros(count, dtype=np.int32)
    track = video.tracks[0]
    return tuple(
        array[video.selected]
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


def _track_video(video: PersonVideo, tracker: FaceTracker, target: Path, report: Callable[[int], object]) -> None:
    """Follow the faces of one video and write what was found: first the images, then the tracks."""
    sampler = _Sampler()
    tracker.reset()
    times: list[Fraction] = []
    with VideoReader(video.path) as reader:

        def reported() -> Iterator[Frame]:
            for frame in reader:
                sampler.push(frame)
                times.append(frame.time)
                yield frame
                report(1)

        tracks = track_frames(
            reported(),
            tracker,
            frame_size=(reader.info.width, reader.info.height),
            settings=TrackingSettings(tracker=TRACKER),
        )
    selected = nearest_frames(times, video.info.frame_rate)
    beside = target.with_suffix(".grid.npz")
    frames, images = np.array(sampler.frames), np.array(sampler.images)
    write_whole(beside, lambda file: np.savez_compressed(file, chosen=selected, frames=frames, images=images))
    save_tracks(tracks, target)


def _load(target: Path) -> VideoTrack:
    with np.load(target.with_suffix(".grid.npz"), allow_pickle=False) as arrays:
        thumbnails = Thumbnails(arrays["frames"], arrays["images"])
        selected = arrays["chosen"]
    return VideoTrack(selected, tuple(load_tracks(target)), thumbnails)


class _Sampler:
    """Keeps a small grey image of every second."""

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
        beside = np.zeros(len(video.selected), dtype=bool)
        for track in video.tracks[1:]:
            beside |= track.status[video.selected] == FrameStatus.DETECTED
        parts.append(beside)
    return np.concatenate(parts)
