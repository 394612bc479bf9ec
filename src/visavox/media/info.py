"""Properties of a video or image that are known before it is decoded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, pairwise

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from visavox.constants import FRAME_RATE
from visavox.errors import InputError
from visavox.media.color import PICTURE_TAGS, UNSPECIFIED, ColorTags, tags_of
from visavox.media.container import audio_stream, local_path, open_input, read_head, tick_of, video_stream
from visavox.media.orientation import UPRIGHT, Orientation, orientation_of
from visavox.media.stills import looks_animated, looks_like_still, read_animation, read_still
from visavox.media.timing import Timing, survey
from visavox.types import PathLike

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
    """Frames a second; the mean where the rate varies, 25 for a still picture."""
    num_frames: int | None = None
    """Number of frames that the container declares; None where it does not."""
    duration: Fraction | None = None
    """Seconds that the container declares for the picture; None where it does not."""
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
    """Name of the video codec or picture format, such as h264."""
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
    """Look into a video or picture: opens it and decodes its first frame.

    Args:
        path: the file; "-" is standard input.

    Raises:
        InputError: it is missing, a directory, empty, text, sound only, damaged, or of no format that can be read.
    """
    file = local_path(path)
    if looks_like_still(file, read_head(file)):
        return _still_info(path, file)
    if looks_animated(read_head(file)):
        return _animation_info(path, file)
    with open_input(path) as container:
        stream = video_stream(container)
        if stream is None:
            raise _no_picture(path, container)
        frame, timing = survey(container, stream)
        if frame is None:
            raise InputError(f"{path}: no picture of its {stream.codec.name} video can be decoded; it is damaged")
        info = _video_info(path, container, stream, frame, timing)
    return info


def _no_picture(path: PathLike, container: InputContainer) -> InputError:
    if container.streams.audio:
        return InputError(f"{path} has sound but no picture; give a video or a photo of a face")
    kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
    return InputError(f"{path} has no picture that can be decoded (it has: {kinds}); give a video or a photo")


def _still_info(path: PathLike, file: str) -> VideoInfo:
    image, form, exif = read_still(file, str(path))
    info = _picture_info(path, image, form)
    return replace(info, is_still=True, num_frames=1, rotation=_EXIF_TURNS.get(exif, 0))


def _animation_info(path: PathLike, file: str) -> VideoInfo:
    times = []
    for picture, time in islice(read_animation(file, str(path)), _ANIMATION_FRAMES):
        times.append(time)
        image = picture
    steps = {after - before for before, after in pairwise(times)}
    rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else Fraction(FRAME_RATE)
    clock = Fraction(1, 1000)
    info = _picture_info(path, image, "webp")
    return replace(info, frame_rate=rate, variable_frame_rate=len(steps) > 1, time_base=clock)


def _picture_info(path: PathLike, image: np.ndarray, form: str) -> VideoInfo:
    height, width = image.shape[:2]
    return VideoInfo(
        path=str(path),
        width=width,
        height=height,
        frame_rate=Fraction(FRAME_RATE),
        color_range=PICTURE_TAGS.range,
        color_space=PICTURE_TAGS.space,
        primaries=PICTURE_TAGS.primaries,
        transfer=PICTURE_TAGS.transfer,
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
