"""Reading a video frame by frame, decoded ahead in a thread, past damage and up to a break."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from fractions import Fraction
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from visavox.errors import InputError
from visavox.media.color import ColorConverter
from visavox.media.container import local_path, open_input, read_head, video_stream
from visavox.media.info import VideoInfo, probe
from visavox.media.stills import is_animated, read_animation, read_still
from visavox.runtime.background import Channel, ChannelAbandoned
from visavox.types import Frame, PathLike

logger = logging.getLogger(__name__)

_FRAMES_AHEAD = 6  # decoded images that wait to be taken: enough to overlap, little to keep


class VideoReader:
    """Iterates over the frames of a video or the one frame of a still image.

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
        elif is_animated(read_head(local_path(path))):
            yield from self._late_enough(read_animation(local_path(path), path))
        else:
            yield from self._video_frames()

    def _late_enough(self, images: Iterable[tuple[np.ndarray, Fraction]]) -> Iterator[Frame]:
        for index, (image, time) in enumerate(images):
            if time >= self._start:
                yield Frame(image, time, index)

    def _video_frames(self) -> Iterator[Frame]:
        info = self.info
        with open_input(info.path) as container:
            stream = video_stream(container)
            if stream is None:
                raise InputError(f"{info.path} has no video any more; it changed while it was read")
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
        self._check_end(clock, decoder)

    def _check_end(self, clock: FrameClock, decoder: FrameDecoder) -> None:
        path = self.info.path
        if clock.last is None:
            raise InputError(f"{path}: no frame of it can be decoded; it is damaged")
        self.truncated = decoder.broke_off
        if self.truncated:
            declared = f" of {float(self.info.duration):.2f} s" if self.info.duration else ""
            end = float(clock.last + 1 / self.info.frame_rate)
            logger.warning("%s breaks off before its end: %.2f s%s could be decoded", path, end, declared)


_LARGEST_STEP_BACK = 1  # seconds; a larger one is a new count, not a misplaced frame
_BREAK_TOLERANCE = Fraction(1, 5)  # seconds by which a whole file may end before its declared end


class FrameDecoder:
    """Decodes the images of one stream in the order in which they are shown.

    A packet that cannot be decoded is skipped and counted. Where the data end before the declared end of the
    file, or in the middle of a packet, `broke_off` is set and the iteration ends.

    Args:
        container: the open file, at its beginning.
        stream: its video stream.
        period: usual seconds from frame to frame.

    Attributes:
        broke_off: whether the file ended before it should; certain once the iteration has ended.
        num_damaged: packets that could not be decoded.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, period: Fraction) -> None:
        self.broke_off = False
        self.num_damaged = 0
        self._container = container
        self._stream = stream
        self._period = period
        self._data_end: Fraction | None = None
        self._num_packets = 0

    def __iter__(self) -> Iterator[VideoFrame]:
        for packet in self._packets():
            try:
                yield from packet.decode()
            except (av.InvalidDataError, av.EOFError):
                self.num_damaged += 1
        self.broke_off = self.broke_off or self._ends_early()
        if self.num_damaged and not self.broke_off:
            name = self._container.name.removeprefix("file:")
            logger.warning("%s: %d damaged frames were left out", name, self.num_damaged)

    def _packets(self) -> Iterator[Packet[Any]]:
        """Packets of the video; those of the other streams only tell how far the data reach."""
        partial: Packet[Any] | None = None
        try:
            for packet in self._container.demux():
                self._note_end(packet)
                if packet.stream_index != self._stream.index or (not packet.size and partial is not None):
                    continue
                self._num_packets += bool(packet.size)
                if partial is not None:  # not the last one: a gap in a transmission, which the decoder conceals
                    yield partial
                partial = packet if packet.size and packet.is_corrupt else None
                if partial is None:
                    yield packet
        except av.FFmpegError:  # the data end where the file says that they go on
            self.broke_off = True
            yield from self._flush()
            return
        if partial is not None:  # the last one lacks its end: decoding it would show a smeared image
            self.broke_off = True
            yield from self._flush()

    def _note_end(self, packet: Packet[Any]) -> None:
        if packet.dts is None or not packet.time_base:
            return
        stamp = packet.dts if packet.pts is None else max(packet.dts, packet.pts)
        end = (stamp + (packet.duration or 0)) * packet.time_base
        self._data_end = end if self._data_end is None else max(end, self._data_end)

    def _flush(self) -> Iterator[Packet[Any]]:
        flush: Packet[Any] = Packet()
        flush.stream = self._stream
        yield flush

    def _ends_early(self) -> bool:
        if self._stream.frames and self._num_packets < self._stream.frames - 2:
            return True
        declared = self._container.duration
        if not declared or self._data_end is None:
            return False
        start = Fraction(self._container.start_time or 0, av.time_base)
        tolerance = max(_BREAK_TOLERANCE, 3 * self._period)
        return self._data_end - start < Fraction(declared, av.time_base) - tolerance


class FrameClock:
    """Gives decoded frames times that start at 0 and always grow.

    Args:
        period: usual seconds from frame to frame, used where a timestamp is missing.
    """

    def __init__(self, period: Fraction) -> None:
        self.last: Fraction | None = None
        self._period = period
        self._zero: Fraction | None = None

    def time_of(self, frame: VideoFrame) -> Fraction:
        """Seconds from the first frame to `frame`; to be called once for each frame, in order."""
        expected = Fraction(0) if self.last is None else self.last + self._period
        if frame.pts is None or not frame.time_base:
            self.last = expected
            return expected
        stamp = frame.pts * frame.time_base
        if self._zero is None:
            self._zero = stamp - expected
        time = stamp - self._zero
        if self.last is not None and time <= self.last:
            if self.last - time > _LARGEST_STEP_BACK:  # joined files, a counter that wrapped around
                self._zero = stamp - expected
                time = expected
            else:
                time = self.last + frame.time_base
        self.last = time
        return time
