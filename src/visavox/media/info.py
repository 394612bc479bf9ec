"""Properties of a video or image that are known before it is decoded: size, rate, orientation, colours, tracks."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, pairwise
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from visavox.constants import FRAME_RATE
from visavox.errors import InputError
from visavox.media.color import IMAGE_TAGS, UNSPECIFIED, ColorTags, tags_of
from visavox.media.container import audio_stream, local_path, open_input, read_head, tick_of, video_stream
from visavox.media.stills import is_animated, is_still_image, read_animation, read_still
from visavox.types import PathLike


@dataclass(frozen=True)
class Orientation:
    """The turn that makes a stored image upright: first the transposition, then the flips."""

    transposed: bool = False
    """Rows become columns."""
    flipped_x: bool = False
    """Left and right change places (after the transposition)."""
    flipped_y: bool = False
    """Top and bottom change places (after the transposition)."""

    @property
    def rotation(self) -> int:
        """Clockwise quarter turns that make the image upright, in degrees: 0, 90, 180 or 270."""
        if self.transposed:
            return 90 if self.flipped_x else 270
        return 180 if self.flipped_y else 0

    def upright(self, image: np.ndarray) -> np.ndarray:
        """Turn an image (H, W, C) upright; the result is contiguous."""
        if self.transposed:
            image = image.transpose(1, 0, 2)
        if self.flipped_x:
            image = image[:, ::-1]
        if self.flipped_y:
            image = image[::-1]
        return np.ascontiguousarray(image)


UPRIGHT = Orientation()
"""The image is stored as it is seen."""


def orientation_from_matrix(matrix: Sequence[int]) -> Orientation:
    """Orientation of a display matrix of nine numbers (ISO/IEC 14496-12, 8.3.2): x' = ax + cy, y' = bx + dy.

    Turns that are no multiple of 90 degrees are taken as the nearest that is.
    """
    a, b, _, c, d = matrix[:5]
    if abs(b) > abs(a):
        return Orientation(transposed=True, flipped_x=c < 0, flipped_y=b < 0)
    return Orientation(flipped_x=a < 0, flipped_y=d < 0)


def orientation_of(frame: VideoFrame) -> Orientation:
    """Orientation that a decoded frame carries from its container or stream."""
    side_data: Any = frame.side_data  # typed as a mapping of names, but its keys are types
    data = side_data.get(SideDataType.DISPLAYMATRIX)
    return UPRIGHT if data is None else orientation_from_matrix(struct.unpack("=9i", bytes(data)[:36]))


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
    return _timing_of(ticks, tick_of(stream), declared)


def _declared_rate(stream: VideoStream) -> Fraction | None:
    for rate in (stream.guessed_rate, stream.average_rate, stream.base_rate):
        if rate is not None and 0 < rate <= _HIGHEST_RATE:
            return Fraction(rate)
    return None


def _timing_of(ticks: np.ndarray, time_base: Fraction, declared: Fraction | None) -> Timing:
    # A constant rate whose period is no whole number of ticks gives two neighbouring distances.
    variable = int(ticks.max() - ticks.min()) > max(1, round(0.02 * float(np.median(ticks))))
    mean = Fraction(len(ticks)) / (int(ticks.sum()) * time_base)
    if not variable and declared is not None and abs(declared / mean - 1) < Fraction(1, 50):
        return Timing(declared, False)
    return Timing(min(mean.limit_denominator(1001), Fraction(_HIGHEST_RATE)), variable)


_ANIMATION_FRAMES = 50  # looked at to tell the rate of an animation
_EXIF_TURNS = {3: 180, 4: 180, 5: 270, 6: 90, 7: 90, 8: 270}


@dataclass(frozen=True)
class VideoInfo:
    """Properties of a video or image; sizes are those of the upright frame."""

    path: str
    """The path as it was given."""
    width: int
    """Width of the upright frame in pixels."""
    height: int
    """Height of the upright frame in pixels."""
    frame_rate: Fraction
    """Frames a second; the mean where the rate varies, 25 for a still image."""
    num_frames: int | None = None
    """Number of frames that the container declares; None where it does not."""
    duration: Fraction | None = None
    """Seconds that the container declares for the video; None where it does not."""
    rotation: int = 0
    """Degrees clockwise by which the stored frame was turned to be upright: 0, 90, 180 or 270."""
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel over its height, in the upright frame."""
    color_range: int = 0
    """Range of the stored samples: 1 limited, 2 full, 0 not said."""
    color_space: int = UNSPECIFIED
    """Matrix of the stored samples (ITU-T H.273): 1 BT.709, 5 and 6 BT.601, 9 BT.2020, 2 not said."""
    primaries: int = UNSPECIFIED
    """Colour primaries (ITU-T H.273), 2 where the stream does not say."""
    transfer: int = UNSPECIFIED
    """Transfer curve (ITU-T H.273), 2 where the stream does not say."""
    is_still: bool = False
    """True if it is a single image."""
    has_audio: bool = False
    """True if there is audio that can be decoded."""
    codec: str = ""
    """Name of the video codec or image format, such as h264."""
    pixel_format: str = "rgb24"
    """Format of the stored samples, such as yuv420p10le."""
    variable_frame_rate: bool = False
    """True if the distance of frames varies."""
    time_base: Fraction = Fraction(1, 90_000)
    """Unit of the stored timestamps in seconds."""
    start_time: Fraction = Fraction(0)
    """Timestamp of the first frame in its container, in seconds; the reader subtracts it."""
    orientation: Orientation = UPRIGHT
    """The turn that makes the stored frame upright (mirroring included)."""

    @property
    def color_tags(self) -> ColorTags:
        """Colour range, matrix, primaries and transfer together."""
        return ColorTags(self.color_space, self.color_range, self.primaries, self.transfer)

    @property
    def expected_frames(self) -> int | None:
        """Number of frames as declared, or else estimated from duration and rate; for progress bars."""
        if self.num_frames is not None or self.duration is None:
            return self.num_frames
        return max(1, round(self.duration * self.frame_rate))


def probe(path: PathLike) -> VideoInfo:
    """Look into a video or image: opens it and decodes its first frame.

    Args:
        path: the file; "-" is standard input.

    Raises:
        InputError: it is missing, a directory, empty, text, audio only, damaged, or of no format that can be read.
    """
    file = local_path(path)
    if is_still_image(file, read_head(file)):
        return _still_info(path, file)
    if is_animated(read_head(file)):
        return _animation_info(path, file)
    with open_input(path) as container:
        stream = video_stream(container)
        if stream is None:
            raise _no_image_error(path, container)
        frame, timing = survey(container, stream)
        if frame is None:
            raise InputError(f"{path}: no frame of its {stream.codec.name} video can be decoded; it is damaged")
        info = _video_info(path, container, stream, frame, timing)
    return info


def _no_image_error(path: PathLike, container: InputContainer) -> InputError:
    if container.streams.audio:
        return InputError(f"{path} has sound but no video; give a video or a photo of a face")
    kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
    return InputError(f"{path} has no image that can be decoded (it has: {kinds}); give a video or a photo")


def _still_info(path: PathLike, file: str) -> VideoInfo:
    image, form, exif = read_still(file, str(path))
    info = _image_info(path, image, form)
    return replace(info, is_still=True, num_frames=1, rotation=_EXIF_TURNS.get(exif, 0))


def _animation_info(path: PathLike, file: str) -> VideoInfo:
    times = []
    for still, time in islice(read_animation(file, str(path)), _ANIMATION_FRAMES):
        times.append(time)
        image = still
    steps = {after - before for before, after in pairwise(times)}
    rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else Fraction(FRAME_RATE)
    clock = Fraction(1, 1000)
    info = _image_info(path, image, "webp")
    return replace(info, frame_rate=rate, variable_frame_rate=len(steps) > 1, time_base=clock)


def _image_info(path: PathLike, image: np.ndarray, form: str) -> VideoInfo:
    height, width = image.shape[:2]
    return VideoInfo(
        path=str(path),
        width=width,
        height=height,
        frame_rate=Fraction(FRAME_RATE),
        color_range=IMAGE_TAGS.range,
        color_space=IMAGE_TAGS.space,
        primaries=IMAGE_TAGS.primaries,
        transfer=IMAGE_TAGS.transfer,
        codec=form,
    )


def _video_info(
    path: PathLike, container: InputContainer, stream: VideoStream, frame: VideoFrame, timing: Timing
) -> VideoInfo:
    orientation = orientation_of(frame)
    tags = tags_of(frame)
    width, height = frame.width, frame.height
    aspect = Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)
    if orientation.transposed:
        width, height, aspect = height, width, 1 / aspect
    tick = tick_of(stream)
    start = (frame.pts or 0) * Fraction(frame.time_base or tick)
    duration = stream_duration(container, stream)
    num_frames = stream.frames or None
    pixel_format = frame.format.name
    return VideoInfo(
        path=str(path),
        width=width,
        height=height,
        frame_rate=timing.rate,
        num_frames=num_frames,
        duration=duration,
        rotation=orientation.rotation,
        pixel_aspect=aspect,
        color_range=tags.range,
        color_space=tags.space,
        primaries=tags.primaries,
        transfer=tags.transfer,
        has_audio=audio_stream(container) is not None,
        codec=stream.codec_context.codec.canonical_name,
        pixel_format=pixel_format,
        variable_frame_rate=timing.variable,
        time_base=tick,
        start_time=start,
        orientation=orientation,
    )


def stream_duration(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """Seconds that a container declares for one of its streams, or else for the whole of it."""
    if stream.duration:
        return stream.duration * tick_of(stream)
    tagged = _parse_clock(stream.metadata.get("DURATION", ""))
    if tagged is not None:
        return tagged
    if container.duration:
        return Fraction(container.duration, av.time_base)
    return None


def _parse_clock(text: str) -> Fraction | None:
    """Seconds of "00:00:02.520000000", the form of Matroska's DURATION tag."""
    parts = text.split(":")
    if len(parts) != 3:
        return None
    try:
        hours, minutes, seconds = (Fraction(part) for part in parts)
    except (ValueError, ZeroDivisionError):
        return None
    return (hours * 60 + minutes) * 60 + seconds or None
