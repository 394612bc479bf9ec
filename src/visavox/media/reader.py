"""Reading a video frame by frame, decoded ahead in a thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from fractions import Fraction
from types import TracebackType

import numpy as np

from visavox.errors import InputError
from visavox.media.color import ColorConverter
from visavox.media.container import local_path, open_input, read_head, video_stream
from visavox.media.decoder import FrameClock, FrameDecoder
from visavox.media.info import VideoInfo, probe
from visavox.media.stills import looks_animated, read_animation, read_still
from visavox.runtime.background import Channel, ChannelAbandoned
from visavox.types import Frame, PathLike

logger = logging.getLogger(__name__)

_FRAMES_AHEAD = 6  # decoded pictures that wait to be taken: enough to overlap, little to keep


class VideoReader:
    """Iterates over the frames of a video or the one frame of a picture.

    Use it in a `with` block and iterate once. Decoding and conversion to RGB run in a thread of their own, a few
    frames ahead, so that memory does not grow with the length of the video.

    Args:
        path: the file; "-" is standard input.
        start: seconds from the first frame; earlier frames are decoded but not given. Times and indices still
            count from the first frame of the file.

    Attributes:
        info: what was found by `probe`.
        truncated: whether the file broke off before its declared end; certain once the iteration has ended.

    Raises:
        InputError: as `probe`.
    """

    def __init__(self, path: PathLike, *, start: Fraction | float | None = None) -> None:
        self.info: VideoInfo = probe(path)
        self.truncated = False
        self._start = Fraction(start) if start is not None else Fraction(0)
        self._channel: Channel[Frame] = Channel(_FRAMES_AHEAD)
        self._thread: threading.Thread | None = None

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop decoding and free the file."""
        self._channel.abandon()
        if self._thread is not None:
            self._thread.join()

    def __iter__(self) -> Iterator[Frame]:
        if self._thread is not None:
            raise RuntimeError("a VideoReader is iterated once; open the file again")
        self._thread = threading.Thread(target=self._decode, name="visavox-decode", daemon=True)
        self._thread.start()
        return self

    def __next__(self) -> Frame:
        if self._thread is None:
            iter(self)
        try:
            return self._channel.get()
        except ChannelAbandoned:
            raise StopIteration from None

    def _decode(self) -> None:
        try:
            for frame in self._frames():
                self._channel.put(frame)
            self._channel.finish()
        except ChannelAbandoned:
            return
        except BaseException as error:  # noqa: BLE001 - handed to the thread that reads, which raises it
            self._channel.fail(error)

    def _frames(self) -> Iterator[Frame]:
        path = self.info.path
        if self.info.is_still:
            yield from self._late_enough([(read_still(local_path(path), path)[0], Fraction(0))])
        elif looks_animated(read_head(local_path(path))):
            yield from self._late_enough(read_animation(local_path(path), path))
        else:
            yield from self._video_frames()

    def _late_enough(self, pictures: Iterable[tuple[np.ndarray, Fraction]]) -> Iterator[Frame]:
        for index, (image, time) in enumerate(pictures):
            if time >= self._start:
                yield Frame(image, time, index)

    def _video_frames(self) -> Iterator[Frame]:
        info = self.info
        with open_input(info.path) as container:
            stream = video_stream(container)
            if stream is None:
                raise InputError(f"{info.path} has no picture any more; it changed while it was read")
            stream.thread_type = "AUTO"
            convert = ColorConverter(info.color_tags, info.width, info.height)
            width, height = info.width, info.height
            if info.orientation.transposed:
                width, height = height, width
            clock = FrameClock(1 / info.frame_rate)
            decoder = FrameDecoder(container, stream, 1 / info.frame_rate)
            for index, frame in enumerate(decoder):
                time = clock.time_of(frame)
                if time >= self._start:
                    image = info.orientation.upright(convert.to_rgb(frame, width, height))
                    yield Frame(image, time, index)
        self._judge_end(clock, decoder)

    def _judge_end(self, clock: FrameClock, decoder: FrameDecoder) -> None:
        path = self.info.path
        if clock.last is None:
            raise InputError(f"{path}: no picture of it can be decoded; it is damaged")
        self.truncated = decoder.broke_off
        if self.truncated:
            declared = f" of {float(self.info.duration):.2f} s" if self.info.duration else ""
            end = float(clock.last + 1 / self.info.frame_rate)
            logger.warning("%s breaks off before its end: %.2f s%s could be decoded", path, end, declared)
