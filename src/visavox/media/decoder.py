"""From packets to decoded frames with their times, past damage and up to a break."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

logger = logging.getLogger(__name__)

_LARGEST_STEP_BACK = 1  # seconds; a larger one is a new count, not a misplaced frame
_BREAK_TOLERANCE = Fraction(1, 5)  # seconds by which a whole file may end before its declared end


class FrameDecoder:
    """Decodes the pictures of one stream in the order in which they are shown.

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

    def _packets(self) -> Iterator[Packet]:
        """Packets of the picture; those of the other streams only tell how far the data reach."""
        partial: Packet | None = None
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
        if partial is not None:  # the last one lacks its end: decoding it would show a smeared picture
            self.broke_off = True
            yield from self._flush()

    def _note_end(self, packet: Packet) -> None:
        if packet.dts is None or not packet.time_base:
            return
        stamp = packet.dts if packet.pts is None else max(packet.dts, packet.pts)
        end = (stamp + (packet.duration or 0)) * packet.time_base
        self._data_end = end if self._data_end is None else max(end, self._data_end)

    def _flush(self) -> Iterator[Packet]:
        flush = Packet()
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
