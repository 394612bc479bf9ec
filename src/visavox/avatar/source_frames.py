"""The frames of the footage that an avatar was learned from, played to and fro within one stretch of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from visavox.avatar.avatar_folder import AvatarInfo, AvatarSource, SourceVideo
from visavox.data.frame_grid import FRAME_RATE, nearest_frames
from visavox.errors import InputError
from visavox.media.info import VideoInfo, probe
from visavox.media.reader import VideoReader
from visavox.media.segment import SegmentReader

_MEMORY = 96 << 20
"""Bytes of decoded pictures that are held at a time: 36 frames of 720p."""
_FEWEST = 8
"""Pictures that are read at a time even where they are larger."""


@dataclass(frozen=True)
class SourceStretch:
    """Frames of one video in which time goes on and the face is seen."""

    info: VideoInfo
    """The video."""
    first: int
    """Its first frame, of those of the performance."""
    num_frames: int
    """How many there are."""
    offset: int
    """Where the first one lies in the video, in frames of 25 a second."""


def find_stretch(info: AvatarInfo, seen: np.ndarray, folder: Path, place: Path | None) -> SourceStretch:
    """Find the longest stretch of the footage in which the face is always seen.

    Args:
        info: the avatar.
        seen: bool (T,): frames of the performance in which the face is seen.
        folder: the avatar's folder, which its paths may be relative to.
        place: folder of the footage, or its only video, where that is no longer where it was.

    Raises:
        InputError: nothing is told of the footage, or its video is not there, or is another one.
    """
    if info.source is None:
        raise InputError("the avatar does not say what footage it was learned from; leave out --paste")
    first, stop = max(_runs(info, seen), key=lambda run: run[1] - run[0])
    video, start = _video_of(info.source, first)
    path = _path_of(video, folder, place)
    if not path.is_file():
        raise InputError(
            f"the footage of the avatar is no longer there: {path} is missing; give the folder where it is now "
            "(--paste FOLDER), or leave out --paste"
        )
    known = probe(path)
    if (known.width, known.height) != info.source.frame_size:
        width, height = info.source.frame_size
        raise InputError(
            f"{path} has {known.width} x {known.height} pixels and the footage of the avatar had {width} x {height}; "
            "give the folder of the footage itself"
        )
    return SourceStretch(known, first, stop - first, first - start)


def _runs(info: AvatarInfo, seen: np.ndarray) -> list[tuple[int, int]]:
    """Intervals of the stretches in which the face is always seen."""
    runs = []
    for start, stop in info.stretches:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], seen[start:stop], [False]]).astype(np.int8)))
        runs += [(start + int(a), start + int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    if not runs:
        raise InputError("the avatar's performance never shows its face; build the avatar again")
    return runs


def _video_of(source: AvatarSource, frame: int) -> tuple[SourceVideo, int]:
    """The video that a frame lies in, and the number of its first frame."""
    start = 0
    for video in source.footage:
        if frame < start + video.num_frames:
            return video, start
        start += video.num_frames
    raise InputError(f"the avatar's footage has {start} frames and its performance more; build the avatar again")


def _path_of(video: SourceVideo, folder: Path, place: Path | None) -> Path:
    if place is None:
        return folder / video.path  # an absolute path stays what it is
    return place if place.is_file() else place / Path(video.path).name


def to_and_fro(length: int, count: int) -> np.ndarray:
    """Numbers from 0 to length - 1 and back, again and again, int64 (count,); neighbours are neighbours."""
    period = max(1, 2 * (length - 1))
    place = np.arange(count) % period
    return np.where(place < length, place, period - place)


def play(stretch: SourceStretch, num_frames: int) -> Iterator[np.ndarray]:
    """Yield as many frames as are wanted, to and fro: uint8 RGB (H, W, 3), not to be changed.

    Raises:
        InputError: the video ends before the stretch does, or changes while it is read.
    """
    length = min(stretch.num_frames, num_frames)
    times = _times(stretch, length)
    order = to_and_fro(length, num_frames)
    at_a_time = max(_FEWEST, _MEMORY // (stretch.info.width * stretch.info.height * 3))
    with SegmentReader(stretch.info) as reader:
        if length <= at_a_time:
            images = _read(reader, times)
            yield from (images[place] for place in order)
            return
        for begin, end in _pieces(order, at_a_time):
            part = order[begin:end]
            low = int(part.min())
            images = _read(reader, times[low : int(part.max()) + 1])
            yield from (images[place - low] for place in part)


def _times(stretch: SourceStretch, length: int) -> list[Fraction]:
    """When the frames of a stretch are shown in their video."""
    end = Fraction(stretch.offset + length, FRAME_RATE)
    times = []
    with VideoReader(stretch.info.path) as reader:
        for frame in reader:
            times.append(frame.time)
            if frame.time > end:
                break
    chosen = nearest_frames(times, stretch.info.frame_rate)[stretch.offset : stretch.offset + length]
    if len(chosen) < length:
        raise InputError(
            f"{stretch.info.path} has {len(times)} frames, fewer than the footage of the avatar had; give the folder "
            "of the footage itself"
        )
    return [times[number] for number in chosen]


def _read(reader: SegmentReader, times: list[Fraction]) -> list[np.ndarray]:
    """Frames at times that may repeat."""
    different = sorted(set(times))
    images = dict(zip(different, reader.read(different), strict=True))
    return [images[time] for time in times]


def _pieces(order: np.ndarray, size: int) -> Iterator[tuple[int, int]]:
    """Cut an order into pieces of no more than a size that go in one direction."""
    turns = np.flatnonzero(np.diff(np.sign(np.diff(order)))) + 1
    edges = [0, *turns.tolist(), len(order)]
    for start, stop in pairwise(edges):
        for begin in range(start, stop, size):
            yield begin, min(begin + size, stop)
