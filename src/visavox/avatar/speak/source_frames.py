"""Frames of the videos that an avatar was learned from, in the order of a plan through them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator
from contextlib import closing
from fractions import Fraction
from itertools import accumulate, islice
from pathlib import Path

import cv2
import numpy as np

from visavox.avatar.format import AvatarInfo, AvatarSource
from visavox.avatar.speak.source_plan import Segment, SourcePlan, fade_shares
from visavox.constants import FRAME_RATE
from visavox.data.preparation import nearest_frames
from visavox.errors import InputError
from visavox.media import SegmentReader, VideoInfo, VideoReader, probe

_MEMORY = 48 << 20
"""Bytes of decoded images that are held at a time of each of two videos: 18 frames of 720p."""
_FEWEST = 8
"""Images that are read at a time even where they are larger."""


class SourceVideos:
    """The videos that an avatar was learned from; only those that are used must be right.

    Args:
        info: the avatar.
        seen: bool (T,): frames of the performance in which the face is seen.
        folder: the avatar's folder, which its paths may be relative to.
        place: folder of the video, or one of its videos, where that is no longer where it was.

    Raises:
        InputError: the avatar does not name its videos, or the face is never seen in it.
    """

    def __init__(self, info: AvatarInfo, seen: np.ndarray, folder: Path, place: Path | None) -> None:
        if info.source is None:
            raise InputError("the avatar does not say what video it was learned from; leave out --paste")
        self._source: AvatarSource = info.source
        self._folder, self._place = folder, place
        self._stops = list(accumulate(video.num_frames for video in info.source.videos))
        if info.num_frames > self._stops[-1]:
            raise InputError(
                f"the avatar's video has {self._stops[-1]} frames and its performance more; build the avatar again"
            )
        self.stretches = self._only_given(_runs(info, seen))
        self._known: dict[int, VideoInfo] = {}
        self._times: dict[int, list[Fraction]] = {}

    @property
    def is_one_video(self) -> bool:
        """True where all stretches lie in one video."""
        return len({self._video_of(start) for start, _ in self.stretches}) == 1

    def check(self, plan: SourcePlan) -> VideoInfo:
        """Look at the videos of a plan; return what is known of the first one.

        Raises:
            InputError: one of them is not there, or is another one.
        """
        for video in dict.fromkeys(self._video_of(segment.first) for segment in plan.segments):
            if video not in self._known:
                self._known[video] = self._look_at(video)
        return self._known[self._video_of(plan.segments[0].first)]

    def locate(self, plan: SourcePlan) -> None:
        """Find out when the frames of a plan are shown, so that what is missing is said before any is drawn.

        Raises:
            InputError: a video of it is not there, or is another one.
        """
        self.check(plan)
        needed: dict[int, int] = {}
        for segment in plan.segments:
            video = self._video_of(segment.first)
            count = max(segment.first, int(segment.frames[-1])) + 1 - self._start_of(video)
            needed[video] = max(needed.get(video, 0), count)
        for video, count in needed.items():
            if len(self._times.get(video, ())) < count:
                self._times[video] = _times(self._known[video], count)

    def play(self, plan: SourcePlan) -> Generator[np.ndarray, None, None]:
        """Yield the frames of a plan, uint8 RGB (H, W, 3), not to be changed; two videos are open at most.

        Raises:
            InputError: a video is not what it was, or changes while it is read.
        """
        self.locate(plan)
        images = self._frames(plan.segments[0])
        for segment, onward in zip(plan.segments, (*plan.segments[1:], None), strict=True):
            fade = onward.fade if onward is not None else 0
            with closing(images):
                yield from islice(images, segment.num_frames - segment.fade - fade)
                if onward is None:
                    return
                following = self._frames(onward)
                try:
                    for share in fade_shares(fade):
                        yield morph(next(images), next(following), float(share))
                except BaseException:
                    following.close()
                    raise
            images = following

    def _only_given(self, runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Runs of the video that was given, where one was given of several; else all."""
        videos, place = self._source.videos, self._place
        if place is None or not place.is_file() or len(videos) == 1:
            return runs
        kept = [run for run in runs if Path(videos[self._video_of(run[0])].path).name == place.name]
        if not kept:
            raise InputError(f"{place} is none of the videos that the avatar was learned from; give their folder")
        return kept

    def _video_of(self, frame: int) -> int:
        """Number of the video that a frame of the performance lies in."""
        return bisect_right(self._stops, frame)

    def _start_of(self, video: int) -> int:
        """The first frame of a video, of those of the performance."""
        return self._stops[video] - self._source.videos[video].num_frames

    def _look_at(self, video: int) -> VideoInfo:
        path = self._path_of(video)
        if not path.is_file():
            raise InputError(
                f"the video of the avatar is no longer there: {path} is missing; give the folder where it is now "
                "(--paste FOLDER), or leave out --paste"
            )
        known = probe(path)
        if (known.width, known.height) != self._source.frame_size:
            width, height = self._source.frame_size
            raise InputError(
                f"{path} has {known.width} x {known.height} pixels and the video of the avatar had {width} x "
                f"{height}; give the folder of the video itself"
            )
        return known

    def _path_of(self, video: int) -> Path:
        path, place = self._source.videos[video].path, self._place
        if place is None:
            return self._folder / path  # an absolute path stays what it is
        return place if place.is_file() else place / Path(path).name

    def _frames(self, segment: Segment) -> Generator[np.ndarray, None, None]:
        """Yield the frames of a segment."""
        video = self._video_of(segment.first)
        info, times = self._known[video], self._times[video]
        wanted = [times[frame - self._start_of(video)] for frame in segment.frames]
        at_a_time = max(_FEWEST, _MEMORY // (info.width * info.height * 3))
        with SegmentReader(info) as reader:
            for begin in range(0, len(wanted), at_a_time):
                part = wanted[begin : begin + at_a_time]
                different = sorted(set(part))
                images = dict(zip(different, reader.read(different), strict=True))
                yield from (images[time] for time in part)


def _runs(info: AvatarInfo, seen: np.ndarray) -> list[tuple[int, int]]:
    """Intervals of the stretches in which the face is always seen."""
    runs = []
    for start, stop in info.stretches:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], seen[start:stop], [False]]).astype(np.int8)))
        runs += [(start + int(a), start + int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    if not runs:
        raise InputError("the avatar's performance never shows its face; build the avatar again")
    return runs


def _times(info: VideoInfo, count: int) -> list[Fraction]:
    """Return the times at which the first frames of a video are shown, at 25 a second."""
    end = Fraction(count, FRAME_RATE)
    times = []
    with VideoReader(info.path) as reader:
        for frame in reader:
            times.append(frame.time)
            if frame.time > end:
                break
    selected = nearest_frames(times, info.frame_rate)[:count]
    if len(selected) < count:
        raise InputError(
            f"{info.path} has {len(times)} frames, fewer than the video of the avatar had; give the folder of the "
            "video itself"
        )
    return [times[number] for number in selected]


LARGEST = 512
"""Longer side of the images in which movement is looked for, pixels."""
SMOOTH = 0.01
"""Standard deviation over which the movement is averaged, in longer sides of the image: a person moves as a whole."""


def morph(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    """Make an image between two, along the optical flow between them (Kroeger et al. 2016, dense inverse search).

    Args:
        first: uint8 RGB (H, W, 3).
        second: the same.
        share: how much of the way is done: 0 gives the first, 1 the second.

    Returns:
        A new image, uint8 RGB (H, W, 3).
    """
    flow = _flow(first, second)
    height, width = first.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = [
        cv2.remap(
            image, x + way * flow[..., 0], y + way * flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        for image, way in ((first, np.float32(-share)), (second, np.float32(1 - share)))
    ]
    return cv2.addWeighted(moved[0], 1 - share, moved[1], share, 0)


def _flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Estimate the optical flow from the first image to the second, float32 (H, W, 2)."""
    height, width = first.shape[:2]
    scale = min(1.0, LARGEST / max(height, width))
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    small = [
        cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
        for image in (first, second)
    ]
    still = np.zeros((*small[0].shape, 2), np.float32)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(small[0], small[1], still)
    flow = cv2.GaussianBlur(flow, (0, 0), SMOOTH * max(size))
    return cv2.resize(flow, (width, height)) * np.array([width / size[0], height / size[1]], np.float32)
