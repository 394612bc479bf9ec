"""Writing a video with its audio, encoded in a thread, under a temporary name until it is whole."""

from __future__ import annotations

import contextlib
import logging
import math
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from visavox.errors import InputError
from visavox.media.audio_track import AudioPlan, AudioTrack, add_audio_track
from visavox.media.color import ColorConverter, Siting
from visavox.media.info import VideoInfo
from visavox.media.output import CONTAINERS, STANDARD_STREAM, SYNTHETIC_TAGS, Encoding, check_output, write_failure
from visavox.runtime.background import Channel, ChannelAbandoned
from visavox.runtime.files import PartialFile
from visavox.types import PathLike

logger = logging.getLogger(__name__)

_TRANSPARENT = {".mov": "png", ".webm": "vp9"}
"""Extension → codec of transparent images that this build of FFmpeg writes and players of the container show."""
_FRAMES_WAITING = 4  # images that wait to be encoded
_FINEST_CLOCK = 1_000_000  # ticks a second; finer ones overflow the counters of old players
_USUAL_CLOCK = 90_000
_CPU_AVX_512F = 13  # OpenCV's number, to which its Python binding gives no name
_WITHOUT_AVX512 = {"x264-params": "asm=avx2,bmi1,bmi2,lzcnt,fma3"}
"""With AVX-512 the x264 that PyAV brings makes another file of the same images once in twenty-five times, different
by a few levels at the border; with what every processor that has AVX-512 has besides, it always makes the same."""


class VideoWriter:
    """Writes frames and audio to a file that appears under its name only when it is whole.

    Use it in a `with` block: at its clean end the file is finished, synced and renamed; any exception, Ctrl-C
    among them, removes the temporary file. Conversion, encoding and muxing run in a thread of their own.

    Args:
        output: path of the result (.mp4, .mkv, .mov, .webm); "-" writes Matroska to standard output.
        like: the video whose size, frame rate, timestamps, pixel aspect and colours the result has.
        audio: what is heard; None for a silent file.
        encoding: codec, quality and speed.
        overwrite: whether an existing file may be replaced.
        synthetic: whether the file is marked as synthetic media; only for files that are not generated, leave it.
        transparent: whether the frames have an alpha channel, which only .mov (PNG) and .webm (VP9) can hold here.

    Raises:
        InputError: the output cannot be written, or the audio cannot be read.
    """

    def __init__(
        self,
        output: PathLike,
        *,
        like: VideoInfo,
        audio: AudioPlan | None = None,
        encoding: Encoding | None = None,
        overwrite: bool = False,
        synthetic: bool = True,
        transparent: bool = False,
    ) -> None:
        encoding = encoding or Encoding()
        sources = [] if audio is None else [path for path in (audio.speech, audio.original) if path is not None]
        check_output(output, [like.path, *sources] if like.path else sources, overwrite)
        if transparent:
            check_transparent(output, encoding)
        self.output = str(output)
        self._to_stream = self.output == STANDARD_STREAM
        extension = ".mkv" if self._to_stream else Path(output).suffix.lower()
        self._partial = None if self._to_stream else PartialFile(output)
        self._channel: Channel[tuple[np.ndarray, Fraction]] = Channel(_FRAMES_WAITING)
        self._error: BaseException | None = None
        self._shape = (like.height, like.width, 4 if transparent else 3)
        try:
            stream = partial(_add_transparent_stream if transparent else _add_video_stream, like=like)
            self._job = _EncodingJob(self._open(extension), like, audio, encoding, extension, synthetic, stream)
        except BaseException as error:
            self._discard()
            self._translate(error)
            raise
        self._thread = threading.Thread(target=self._encode, name="visavox-encode", daemon=True)
        self._thread.start()

    def _open(self, extension: str) -> OutputContainer:
        options = {"movflags": "+faststart+use_metadata_tags"} if extension in (".mp4", ".mov") else {}
        target: Any = _StandardOutput() if self._partial is None else f"file:{self._partial.path}"
        return av.open(target, "w", format=CONTAINERS[extension], options=options)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()

    def write(self, image: np.ndarray, time: Fraction) -> None:
        """Add a frame.

        Args:
            image: uint8 RGB (H, W, 3) of the size of the video, or RGB and alpha (H, W, 4) in a transparent one, not
                multiplied; must not be changed afterwards.
            time: seconds from the start of the result, later than that of the frame before.

        Raises:
            InputError: the file can no longer be written (full disk, closed pipe).
        """
        if image.shape != self._shape or image.dtype != np.uint8:
            raise ValueError(f"frame is {image.dtype} {image.shape}, must be uint8 {self._shape}")
        try:
            self._channel.put((image, Fraction(time)))
        except ChannelAbandoned:
            self._thread.join()
            self._raise()
            raise RuntimeError(f"writing {self.output} was given up already") from None

    def close(self) -> None:
        """Finish the file and give it its name.

        Raises:
            InputError: it could not be written to its end; nothing is left of it.
        """
        try:
            self._channel.finish()
            self._thread.join()
            self._raise()
            if self._partial is not None:
                self._partial.commit()
        except BaseException as error:
            self.abort()
            self._translate(error)
            raise

    def abort(self) -> None:
        """Stop at once and leave nothing behind."""
        self._channel.abandon()
        self._discard()  # before the thread closes the file: there is no point in finishing it well
        self._thread.join()
        self._discard()

    def _discard(self) -> None:
        if self._partial is not None:
            self._partial.discard()

    def _raise(self) -> None:
        if self._error is not None:
            self._translate(self._error)
            raise self._error

    def _translate(self, error: BaseException) -> None:
        """Raise the sentence for an error of the operating system; return for any other."""
        failure = write_failure(error, self.output)
        if failure is not None:
            raise failure from None

    def _encode(self) -> None:
        try:
            self._job.run(self._channel)
        except ChannelAbandoned:
            self._job.drop()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that writes, which raises it
            self._error = error
            self._channel.abandon()
            self._discard()
            self._job.drop()


class _EncodingJob:
    """The work of the encoding thread, which owns the container and its streams."""

    def __init__(
        self,
        container: OutputContainer,
        like: VideoInfo,
        audio: AudioPlan | None,
        encoding: Encoding,
        extension: str,
        synthetic: bool,
        add_stream: Callable[..., VideoStream],
    ) -> None:
        self._container = container
        self._audio: AudioTrack | None = None
        try:
            self._period = 1 / like.frame_rate
            self._clock = _clock_for(like)
            self._convert = ColorConverter(like.color_tags, like.width, like.height)
            self._stream = add_stream(container, encoding=encoding, extension=extension, clock=self._clock)
            # H.264 is on the left unless it says otherwise; VP9 and AV1 do not say, and FFmpeg takes the middle.
            self._siting: Siting = "left" if self._stream.codec_context.name == "libx264" else "center"
            if synthetic:
                container.metadata.update(SYNTHETIC_TAGS)
            if audio is not None:
                self._audio = add_audio_track(container, audio, encoding, extension)
            container.start_encoding()
        except BaseException:
            self.drop()
            raise

    def run(self, channel: Channel[tuple[np.ndarray, Fraction]]) -> None:
        """Encode what comes through the channel until it ends, and finish the file."""
        waiting: tuple[np.ndarray, int] | None = None
        while True:
            try:
                image, time = channel.get()
            except StopIteration:
                break
            stamp = round(time / self._clock)
            if waiting is not None:
                stamp = max(stamp, waiting[1] + 1)
                self._write_frame(*waiting, stamp - waiting[1])
            waiting = (image, stamp)
        if waiting is None:
            raise InputError("no frame was written; the source has no frames")
        length = max(1, round(self._period / self._clock))
        self._write_frame(*waiting, length)
        self._container.mux(self._stream.encode(None))
        if self._audio is not None:
            self._audio.finish((waiting[1] + length) * self._clock)
            self._audio.close()
        self._container.close()

    def _write_frame(self, image: np.ndarray, stamp: int, duration: int) -> None:
        width, height = self._stream.width, self._stream.height
        pixel_format = self._stream.pix_fmt or "yuv420p"
        if pixel_format == "rgba":
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format=pixel_format)
        else:
            frame = self._convert.from_rgb(image[:height, :width], pixel_format, self._siting)
        frame.time_base = self._clock
        frame.pts = stamp
        frame.duration = duration
        self._container.mux(self._stream.encode(frame))
        if self._audio is not None:
            self._audio.advance((stamp + duration) * self._clock)

    def drop(self) -> None:
        """Free everything, whatever state the file is in."""
        if self._audio is not None:
            self._audio.close()
        with contextlib.suppress(av.FFmpegError, OSError, ValueError):
            self._container.close()


def _clock_for(like: VideoInfo) -> Fraction:
    """Unit of the timestamps: one that holds those of the source and a constant rate exactly, if it can."""
    ticks = math.lcm(like.time_base.denominator, like.frame_rate.numerator)
    if like.time_base.numerator != 1 or ticks > _FINEST_CLOCK:
        ticks = math.lcm(_USUAL_CLOCK, like.frame_rate.numerator)
    return Fraction(1, ticks if ticks <= _FINEST_CLOCK else _USUAL_CLOCK)


def _add_video_stream(
    container: OutputContainer, like: VideoInfo, encoding: Encoding, extension: str, clock: Fraction
) -> VideoStream:
    codec = encoding.video_encoder(extension)
    encoder, options = encoding.encoder_options(codec)
    if encoder == "libx264" and cv2.checkHardwareSupport(_CPU_AVX_512F):
        options |= _WITHOUT_AVX512
    stream = container.add_stream(encoder, rate=like.frame_rate, options=options)
    if not isinstance(stream, VideoStream):
        raise TypeError(f"{encoder} is no video codec")
    width, height = like.width, like.height
    odd = bool(width % 2 or height % 2)
    pixel_format = encoding.pixel_format
    if pixel_format == "auto":
        pixel_format = "yuv444p" if odd and codec == "h264" else "yuv420p"
        if pixel_format == "yuv444p":
            logger.warning(
                "%d x %d is odd: kept by H.264 in 4:4:4, which some players cannot show; pixel format yuv420p crops it",
                width,
                height,
            )
    if pixel_format == "yuv420p" and odd and codec == "h264":
        width, height = width - width % 2, height - height % 2
    return _set_up(stream, like, (width, height), pixel_format, clock)


def check_transparent(output: PathLike, encoding: Encoding) -> None:
    """See that a file can hold transparent images.

    Raises:
        InputError: its container or the codec that was asked for cannot.
    """
    allowed = _TRANSPARENT.get(Path(output).suffix.lower())
    if allowed is None:
        kind = Path(output).suffix or "standard output"
        raise InputError(
            f"{kind} holds no transparent images here; name the output .mov (PNG, for editing programs) or .webm "
            "(VP9, for web pages)"
        )
    if encoding.video_codec not in ("auto", allowed):
        raise InputError(
            f"{encoding.video_codec} holds no transparent images in {output}; leave the video codec out, which is "
            f"{allowed.upper()} there"
        )


def _add_transparent_stream(
    container: OutputContainer, like: VideoInfo, encoding: Encoding, extension: str, clock: Fraction
) -> VideoStream:
    encoder, options, pixel_format = "png", dict[str, str](), "rgba"
    if extension == ".webm":
        encoder, options = encoding.encoder_options("vp9")
        # Frames that are only referred to have no alpha.
        options, pixel_format = {**options, "auto-alt-ref": "0"}, "yuva420p"
    stream = container.add_stream(encoder, rate=like.frame_rate, options=options)
    if not isinstance(stream, VideoStream):
        raise TypeError(f"{encoder} is no video codec")
    return _set_up(stream, like, (like.width, like.height), pixel_format, clock)


def _set_up(
    stream: VideoStream, like: VideoInfo, size: tuple[int, int], pixel_format: str, clock: Fraction
) -> VideoStream:
    (stream.width, stream.height), stream.pix_fmt = size, pixel_format
    stream.time_base = clock
    context = stream.codec_context
    context.time_base = clock
    context.sample_aspect_ratio = like.pixel_aspect
    if pixel_format != "rgba":
        tags = like.color_tags
        context.color_range = tags.range
        context.colorspace = tags.space
        context.color_primaries = tags.primaries
        context.color_trc = tags.transfer
    context.flags |= Flags.frame_duration
    context.thread_count = 0
    return stream


class _StandardOutput:
    """Standard output as a file that can only be written to, so that the muxer does not try to go back."""

    def __init__(self) -> None:
        self._stream = sys.stdout.buffer

    def write(self, data: bytes) -> int:
        """Write all of `data` and pass it on at once."""
        self._stream.write(data)
        self._stream.flush()
        return len(data)
