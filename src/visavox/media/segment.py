"""Reading a few frames from the middle of a video without decoding all that lies before them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from types import TracebackType

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from visavox.errors import InputError
from visavox.media.color import ColorConverter
from visavox.media.container import open_input, video_stream
from visavox.media.info import VideoInfo
from visavox.media.reader import VideoReader

logger = logging.getLogger(__name__)

_RUN_UPS = (Fraction(0), Fraction(2), Fraction(8))
"""Seconds by which a jump aims before the first wanted frame: some formats only guess where a time lies."""
_ANIMATIONS = ("gif", "webp", "apng", "png")
"""Codecs of short clips that a `VideoReader` reads in its own way."""


class SegmentReader:
    """Gives the frames that are shown at given times, the same images that a `VideoReader` gives there.

    It jumps to the key frame before them. Where the format allows no exact jump, it decodes from the beginning.
    Use it in a `with` block, any number of times.

    Args:
        info: the video, as `probe` found it.
    """

    def __init__(self, info: VideoInfo) -> None:
        self._info = info
        self._files = ExitStack()
        self._opened: tuple[InputContainer, VideoStream] | None = None
        self._convert = ColorConverter(info.color_tags, info.width, info.height)
        self._run_ups: tuple[Fraction, ...] = () if info.is_still or info.codec in _ANIMATIONS else _RUN_UPS

    def __enter__(self) -> SegmentReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def read(self, times: Sequence[Fraction]) -> list[np.ndarray]:
        """Return the frames shown at `times` (growing, as a `VideoReader` gave them), uint8 RGB (H, W, 3).

        Raises:
            InputError: the video has no frame at one of the times; it changed since it was read.
        """
        if not times:
            return []
        while self._run_ups:
            images = self._jump(times, self._run_ups[0])
            if images is not None:
                return images
            self._run_ups = self._run_ups[1:]  # what led astray once will do so again
        logger.debug("%s allows no exact jump; decoding from its beginning", self._info.path)
        return self._from_beginning(times)

    def _jump(self, times: Sequence[Fraction], run_up: Fraction) -> list[np.ndarray] | None:
        """Read after a jump; None where it did not lead to the very frames."""
        wanted = {time: position for position, time in enumerate(times)}
        images: dict[int, np.ndarray] = {}
        try:
            for count, (frame, time) in enumerate(self._decode(times[0] - run_up)):
                if count == 0 and time > times[0]:
                    return None
                if time in wanted:
                    images[wanted[time]] = self._to_rgb(frame)
                if time >= times[-1]:
                    break
        except av.FFmpegError:
            return None
        return [images[position] for position in range(len(times))] if len(images) == len(times) else None

    def _decode(self, start: Fraction) -> Iterator[tuple[VideoFrame, Fraction]]:
        """Decode from the last key frame before `start` on; frames that lean on what lies before it are left out."""
        container, stream = self._open(reopen=start <= 0)
        time_base = stream.time_base or Fraction(1, av.time_base)
        if start > 0:
            container.seek(int((start + self._info.start_time) / time_base), stream=stream, backward=True)
        seen_key = False
        for packet in container.demux(stream):
            for frame in packet.decode():
                seen_key = seen_key or frame.key_frame
                if frame.pts is None or frame.is_corrupt or not seen_key:
                    continue
                yield frame, frame.pts * (frame.time_base or time_base) - self._info.start_time

    def _open(self, *, reopen: bool) -> tuple[InputContainer, VideoStream]:
        """The file, where the last read has left it, or at its beginning: not every format jumps back to it."""
        if reopen or self._opened is None:
            self._files.close()
            container = self._files.enter_context(open_input(self._info.path))
            stream = video_stream(container)
            if stream is None:
                raise InputError(f"{self._info.path} has no video any more; it changed while it was read")
            stream.thread_type = "AUTO"
            self._opened = container, stream
        return self._opened

    def _to_rgb(self, frame: VideoFrame) -> np.ndarray:
        width, height = self._info.width, self._info.height
        if self._info.orientation.transposed:
            width, height = height, width
        return self._info.orientation.upright(self._convert.to_rgb(frame, width, height))

    def _from_beginning(self, times: Sequence[Fraction]) -> list[np.ndarray]:
        images = {}
        with VideoReader(self._info.path, start=times[0]) as reader:
            for frame in reader:
                if frame.time in times:
                    images[frame.time] = frame.image
                if frame.time >= times[-1]:
                    break
        if len(images) < len(times):
            raise InputError(f"{self._info.path} has no frame any more where it had one; it changed while it was read")
        return [images[time] for time in times]
