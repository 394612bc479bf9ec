"""The footage of a person: one video, or many of one fixed camera, as one long row of frames."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visavox.data.preparation.sources import Source, find_sources
from visavox.errors import InputError
from visavox.media.info import VideoInfo, probe
from visavox.media.reader import VideoReader
from visavox.types import PathLike


@dataclass(frozen=True)
class FootageVideo:
    """One video of the footage."""

    source: Source
    """The file."""
    info: VideoInfo
    """What its header says."""

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
class Footage:
    """All videos, in the order of their names."""

    videos: tuple[FootageVideo, ...]
    """At least one."""
    left_out: tuple[tuple[str, str], ...]
    """Files that cannot be used, each with the reason."""

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width and height of the frames."""
        info = self.videos[0].info
        return info.width, info.height

    @property
    def expected_frames(self) -> int:
        """Frames of all videos, as far as the headers tell."""
        return sum(video.info.expected_frames or 0 for video in self.videos)


def find_footage(location: PathLike) -> Footage:
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
            left_out.append((source.name, "it is a picture, not a video"))
        else:
            videos.append(FootageVideo(source, info))
    if not videos:
        raise InputError(
            f"{left_out[0][0]}: {left_out[0][1]}; give a video of the person speaking, or a folder of videos"
        )
    return Footage(tuple(videos), tuple(left_out))


def read_chosen(path: str, chosen: Sequence[int] | np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Decode a video and give the frames that were chosen for the points of the 25 fps grid.

    Args:
        path: the video.
        chosen: (n,) frame number for each point of the grid, ascending, with repetitions.

    Yields:
        Number of the point and picture, uint8 RGB (H, W, 3); a picture chosen twice is given twice.
    """
    point = 0
    with VideoReader(path) as reader:
        for frame in reader:
            while point < len(chosen) and chosen[point] == frame.index:
                yield point, frame.image
                point += 1
            if point == len(chosen):
                return
