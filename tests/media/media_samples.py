"""Small real media files, made on the fly by PyAV."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

NUM_CELLS = 16


def pattern(index: int, width: int = 64, height: int = 48) -> np.ndarray:
    """Smooth colours, and a frame number that survives every codec: a row of black and white cells on top."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    picture = np.stack([60 + 130 * x / width, 70 + 110 * y / height, 150 - 60 * x / width], axis=-1)
    picture = picture.round().astype(np.uint8)
    cell = width // 8
    for bit in range(8):
        picture[: height // 3, bit * cell : (bit + 1) * cell] = 235 if index >> bit & 1 else 20
    return picture


def number_of(image: np.ndarray) -> int:
    """The frame number that `pattern` drew."""
    height, width = image.shape[:2]
    cell = width // 8
    row = image[height // 6, cell // 2 :: cell].astype(int).mean(axis=-1)[:8]
    return sum(1 << bit for bit, level in enumerate(row) if level > 128)


def tone(seconds: float, rate: int = 44_100, channels: int = 2, hertz: float = 440.0, level: float = 0.5) -> np.ndarray:
    """A sine, float32 (channels, N)."""
    wave = level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[None].astype(np.float32), channels, axis=0)


def make_video(
    path: Path,
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    size: tuple[int, int] = (64, 48),
    rate: Fraction | int = 25,
    num_frames: int = 20,
    stamps: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    first_stamp: int = 0,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    container_format: str | None = None,
    rotation: int = 0,
    hflip: bool = False,
    pixel_aspect: Fraction | None = None,
    tags: tuple[int, int, int, int] | None = None,
    sound: np.ndarray | None = None,
    sound_rate: int = 44_100,
    sound_codec: str = "aac",
    sound_start: Fraction = Fraction(0),
) -> Path:
    """Write `pattern` frames; `stamps` are in `time_base` (1/rate); `tags`: range, space, primaries, transfer."""
    rate = Fraction(rate)
    clock = time_base or 1 / rate
    with av.open(str(path), "w", format=container_format, options=container_options or {}) as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=rate, options=options or {}))
        stream.width, stream.height, stream.pix_fmt = *size, pixel_format
        stream.codec_context.time_base = clock
        if pixel_aspect:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if tags:
            context = stream.codec_context
            context.color_range, context.colorspace, context.color_primaries, context.color_trc = tags
        if rotation or hflip:
            stream.set_display_rotation(rotation, hflip)
        times = stamps if stamps is not None else range(num_frames)
        if sound is not None:
            layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(sound)]
            audio = cast(av.AudioStream, container.add_stream(sound_codec, rate=sound_rate, layout=layout))
            _write_sound(container, audio, sound, sound_rate, sound_start)
        for index, stamp in enumerate(times):
            frame = av.VideoFrame.from_ndarray(pattern(index, *size), format="rgb24")
            if tags:
                frame = frame.reformat(format=pixel_format, dst_colorspace=tags[1], dst_color_range=tags[0])
            else:
                frame = frame.reformat(format=pixel_format)
            frame.pts, frame.time_base = first_stamp + stamp, clock
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _write_sound(
    container: OutputContainer, stream: av.AudioStream, samples: np.ndarray, rate: int, start: Fraction
) -> None:
    resampler = av.AudioResampler(
        format=stream.codec_context.format, layout=stream.codec_context.layout, rate=rate, frame_size=None
    )
    layout = stream.codec_context.layout.name
    size = 1024
    for begin in range(0, samples.shape[1], size):
        piece = np.ascontiguousarray(samples[:, begin : begin + size])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate = rate
        frame.pts, frame.time_base = round(start * rate) + begin, Fraction(1, rate)
        for ready in resampler.resample(frame):
            container.mux(stream.encode(ready))
    container.mux(stream.encode(None))


def make_sound(path: Path, samples: np.ndarray, rate: int = 44_100, codec: str | None = None) -> Path:
    """Write float32 (channels, N) to a sound file whose format follows from its extension."""
    codecs = {".wav": "pcm_s16le", ".flac": "flac", ".mp3": "libmp3lame", ".m4a": "aac", ".ogg": "libopus"}
    with av.open(str(path), "w") as container:
        name = {1: "mono", 2: "stereo", 4: "quad", 6: "5.1"}[len(samples)]
        stream = cast(av.AudioStream, container.add_stream(codec or codecs[path.suffix], rate=rate, layout=name))
        _write_sound(container, stream, samples, rate, Fraction(0))
    return path


def make_grid_clip(path: Path, num_frames: int = 30) -> Path:
    """MPEG-1 in a program stream with MP2 sound, 25 fps: the form of the GRID corpus."""
    seconds = num_frames / 25
    return make_video(
        path,
        codec="mpeg1video",
        num_frames=num_frames,
        container_format="mpeg",
        sound=tone(seconds),
        sound_codec="mp2",
        options={"b": "2000000"},
    )
