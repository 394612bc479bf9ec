"""Small real films with a face and sound, made from the bundled clip."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from visavox.demo import FACE
from visavox.media import VideoReader, read_audio

RATE = 16_000


@functools.cache
def demo_pictures() -> tuple[np.ndarray, ...]:
    """The 75 pictures of the bundled clip, uint8 RGB."""
    with VideoReader(FACE) as reader:
        return tuple(frame.image for frame in reader)


@functools.cache
def demo_sound() -> np.ndarray:
    """The sound of the bundled clip as long as its pictures: float32 (48000,), 16 kHz."""
    sound = read_audio(FACE)[: 3 * RATE]
    return np.concatenate([sound, np.zeros(3 * RATE - len(sound), np.float32)])


def make_film(
    path: Path, pictures: Sequence[np.ndarray], sound: np.ndarray | None, rate: Fraction | int = 25, crf: int = 12
) -> Path:
    """Write H.264 and, so that samples can be compared, PCM sound of 16 kHz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w", format="matroska") as container:
        video = container.add_stream("libx264", rate=Fraction(rate), options={"crf": str(crf), "preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        if sound is not None:
            audio = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
            samples = (np.clip(sound, -1, 1) * 32767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
        for picture in pictures:
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
    return path


def zoomed(picture: np.ndarray) -> np.ndarray:
    """The same face nearer, mirrored and in other colours: another shot."""
    height, width = picture.shape[:2]
    part = picture[height // 8 : height - height // 8, width // 8 : width - width // 8]
    rows = np.arange(height) * len(part) // height
    columns = np.arange(width) * part.shape[1] // width
    return np.ascontiguousarray(part[rows][:, columns][:, ::-1, ::-1])
