"""Opening a file to read, and saying in one sentence why it cannot be read."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from visavox.errors import InputError
from visavox.media.output import STANDARD_STREAM
from visavox.types import PathLike

_HEAD_BYTES = 4096
_NOT_MEDIA = {"tty", "srt", "ass", "webvtt", "lrc", "subviewer", "microdvd"}  # demuxers that take any text


def local_path(path: PathLike) -> str:
    """Path of a file on disk with the content of `path`, checked to be a file that can be opened.

    What cannot be read twice (standard input as "-", a named pipe) is first copied to a temporary file, which is
    removed when the program ends.

    Raises:
        InputError: there is no such file, or it is a directory, a device, empty or not ours to read.
    """
    name = str(path)
    if name == STANDARD_STREAM:
        return _spool(name)
    if not name:
        raise InputError("the path of an input is empty; give the name of a file")
    try:
        status = os.stat(name)
    except FileNotFoundError:
        raise InputError(f"{name}: no such file; check the path{_hint_for_address(name)}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{name} is a directory; give one file in it")
    if stat.S_ISFIFO(status.st_mode):
        return _spool(name)
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{name} is a device, not a file; give a file, a pipe or - for standard input")
    if not os.access(name, os.R_OK):
        raise InputError(f"{name} cannot be read: permission denied")
    if status.st_size == 0:
        raise InputError(f"{name} is empty (0 bytes); was the recording or the download broken off?")
    return name


def _hint_for_address(name: str) -> str:
    return " (addresses are not read: download the file first)" if "://" in name else ""


@functools.cache
def _spool(name: str) -> str:
    """Copy a stream that can be read once to a temporary file."""
    handle, spooled = tempfile.mkstemp(prefix="visavox-", suffix=".input")
    atexit.register(lambda: Path(spooled).unlink(missing_ok=True))
    with os.fdopen(handle, "wb") as target:
        if name == STANDARD_STREAM:
            shutil.copyfileobj(sys.stdin.buffer, target, 1 << 20)
        else:
            with open(name, "rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)
    if os.path.getsize(spooled) == 0:
        where = "standard input" if name == STANDARD_STREAM else name
        raise InputError(f"{where} is empty (0 bytes); pipe a whole video or audio file into it")
    return spooled


def read_head(file: str) -> bytes:
    """First bytes of a file, enough to tell what it is."""
    with open(file, "rb") as stream:
        return stream.read(_HEAD_BYTES)


def _is_text(head: bytes) -> bool:
    if b"\0" in head or head.startswith(b"YUV4MPEG2"):
        return False
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # a character cut by the end of the head is no reason
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\t\r\n\f\ufeff" for character in text)


def _text_message(name: str, head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return f"{name} is a web page, not a video, image or sound; the download link led to a page"
    if start.startswith(b"version https://git-lfs"):
        return f"{name} is a Git LFS pointer, not the file itself; run: git lfs pull"
    return f"{name} is a text file, not a video, image or sound"


def _invalid_message(name: str, head: bytes) -> str:
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return f"{name} is an MP4 or MOV without its index: it was broken off or damaged; record or download it again"
    return f"{name} is not a video, image or sound file that can be read, or it is damaged"


@contextlib.contextmanager
def open_input(path: PathLike) -> Iterator[InputContainer]:
    """Open a media file with PyAV.

    Raises:
        InputError: it is missing, a directory, empty, text, or of no format that can be read.
    """
    file = local_path(path)
    head = read_head(file)
    if _is_text(head):  # among them playlists, through which a demuxer would open further files
        raise InputError(_text_message(str(path), head))
    try:
        container = av.open("file:" + os.path.abspath(file), metadata_errors="replace")
    except (av.InvalidDataError, av.EOFError):
        raise InputError(_invalid_message(str(path), head)) from None
    except av.FFmpegError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror}") from None
    with container:
        if container.format.name in _NOT_MEDIA:
            raise InputError(_invalid_message(str(path), head))
        yield container


def video_stream(container: InputContainer) -> VideoStream | None:
    """The main video stream of a file; cover art and streams that nothing can decode do not count."""
    streams = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
    ]
    if not streams:
        return None
    best = container.streams.best("video")
    return best if best in streams else streams[0]


def audio_stream(container: InputContainer) -> AudioStream | None:
    """The main audio stream of a file that can be decoded."""
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
    if not streams:
        return None
    best = container.streams.best("audio")
    return best if best in streams else streams[0]


def tick_of(stream: Stream) -> Fraction:
    """Seconds of one tick of the timestamps of a stream."""
    return Fraction(stream.time_base or Fraction(1, av.time_base))


def stream_start(stream: VideoStream | AudioStream) -> Fraction:
    """Timestamp at which a stream starts, in seconds of its container."""
    return (stream.start_time or 0) * tick_of(stream)


def time_zero(container: InputContainer) -> Fraction:
    """Timestamp that counts as time 0 of a file: its first frame, or without frames its first sample."""
    video = video_stream(container)
    if video is not None and video.start_time is not None:
        return stream_start(video)
    audio = audio_stream(container)
    return stream_start(audio) if audio is not None else Fraction(0)
