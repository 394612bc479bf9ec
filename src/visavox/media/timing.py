"""Timing of the frames of a stream: rate, count and whether the rate is constant."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from visavox.constants import FRAME_RATE
from visavox.media.container import tick_of

_PACKETS_SEEN = 400  # enough to tell a variable rate; reading them costs no decoding
_REORDERED = 32  # packets come in decoding order: among the last ones there are holes still to be filled
_HIGHEST_RATE = 1000


@dataclass(frozen=True)
class Timing:
    """The times at which the frames of a stream are shown."""

    rate: Fraction
    """Frames a second; the mean where the rate varies."""
    variable: bool
    """True if the distance of frames varies by more than the rounding of their timestamps."""


def survey(container: InputContainer, stream: VideoStream) -> tuple[VideoFrame | None, Timing]:
    """Decode the first frame of a stream and look at the timestamps of its first packets.

    Args:
        container: the open file, at its beginning; it is left somewhere behind those packets.
        stream: its video stream.

    Returns:
        The first frame that can be decoded (None where there is none), and the timing.
    """
    first: VideoFrame | None = None
    stamps: list[int] = []
    try:
        for packet in container.demux(stream):
            if packet.pts is not None:
                stamps.append(packet.pts)
            if first is None:
                with contextlib.suppress(av.InvalidDataError):
                    first = next(iter(packet.decode()), None)
            if first is not None and len(stamps) >= _PACKETS_SEEN:
                break
    except av.FFmpegError:  # broken off: what was seen until here has to do
        pass
    return first, _measure(stamps, stream)


def _measure(stamps: list[int], stream: VideoStream) -> Timing:
    ticks = np.diff(np.unique(np.array(stamps, dtype=np.int64)))
    if len(stamps) >= _PACKETS_SEEN:
        ticks = ticks[:-_REORDERED]
    declared = _declared_rate(stream)
    if len(ticks) == 0:
        return Timing(declared or Fraction(FRAME_RATE), False)
    return _judge(ticks, tick_of(stream), declared)


def _declared_rate(stream: VideoStream) -> Fraction | None:
    for rate in (stream.guessed_rate, stream.average_rate, stream.base_rate):
        if rate is not None and 0 < rate <= _HIGHEST_RATE:
            return Fraction(rate)
    return None


def _judge(ticks: np.ndarray, time_base: Fraction, declared: Fraction | None) -> Timing:
    # A constant rate whose period is no whole number of ticks gives two neighbouring distances.
    variable = int(ticks.max() - ticks.min()) > max(1, round(0.02 * float(np.median(ticks))))
    mean = Fraction(len(ticks)) / (int(ticks.sum()) * time_base)
    if not variable and declared is not None and abs(declared / mean - 1) < Fraction(1, 50):
        return Timing(declared, False)
    return Timing(min(mean.limit_denominator(1001), Fraction(_HIGHEST_RATE)), variable)
