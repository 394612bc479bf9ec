"""Material of a fair dub: a recording's video played backwards, its audio (or another's) forwards.

Played backwards, the video tells nothing of the answer: neither the mouth nor the place of the head says what is
being said at that moment, so a dub with the forward audio can be compared with the true recording.
"""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Iterator
from fractions import Fraction
from itertools import takewhile
from pathlib import Path

import numpy as np

from visavox.media import Encoding, VideoReader, VideoWriter, probe_audio, read_samples
from visavox.types import Frame

BACKWARDS_ENCODING = Encoding(crf=4, preset="faster")
"""Encoding of so little loss that the decoded frames differ from the recording's by less than its own noise."""


def reverse_video(source: Path, target: Path, start: Fraction = Fraction(0), stop: Fraction | None = None) -> None:
    """Write a video with its frames in reverse order and no audio; memory does not grow with its length.

    Decoded frames wait in a temporary file as they are, because inter-coded video cannot be read backwards.

    Args:
        source: the recording.
        target: the file to write.
        start: frames shown before this are left out; seconds from the first frame.
        stop: frames shown from this on are left out; None: to the end.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    times: list[Fraction] = []
    with tempfile.TemporaryFile(dir=target.parent) as store, VideoReader(source, start=start) as reader:
        shape = (reader.info.height, reader.info.width, 3)
        for frame in _until(reader, stop):
            store.write(np.ascontiguousarray(frame.image).tobytes())
            times.append(frame.time)
        store.flush()
        frames = np.memmap(store, np.uint8, "r", shape=(len(times), *shape))
        with VideoWriter(
            target, like=reader.info, encoding=BACKWARDS_ENCODING, overwrite=True, synthetic=False
        ) as writer:
            for frame in _backwards(frames, times):
                writer.write(frame.image, frame.time)
        del frames


def cut_video(source: Path, target: Path, start: Fraction, stop: Fraction) -> None:
    """Write the frames shown from `start` until before `stop`, seconds from the first frame, without audio."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        VideoReader(source, start=start) as reader,
        VideoWriter(target, like=reader.info, encoding=BACKWARDS_ENCODING, overwrite=True, synthetic=False) as writer,
    ):
        first: Fraction | None = None
        for frame in _until(reader, stop):
            first = frame.time if first is None else first
            writer.write(frame.image, frame.time - first)


def _until(reader: VideoReader, stop: Fraction | None) -> Iterator[Frame]:
    yield from reader if stop is None else takewhile(lambda frame: frame.time < stop, reader)


def _backwards(frames: np.ndarray, times: list[Fraction]) -> Iterator[Frame]:
    """Yield the frames from the last to the first, with the gaps between them mirrored too."""
    for index in range(len(times)):
        forward = len(times) - 1 - index
        yield Frame(np.array(frames[forward]), times[-1] - times[forward], index)


def cut_audio(
    source: Path,
    target: Path,
    lag: Fraction,
    duration: Fraction,
    repeat: bool = False,
    start: Fraction = Fraction(0),
) -> None:
    """Write the audio of a recording as WAV, its lag taken out, exactly as long as wanted.

    Args:
        source: the recording.
        target: the file to write, 16 bit.
        lag: seconds by which the audio comes early; negative: late, so its beginning is dropped.
        duration: seconds wanted.
        repeat: begin again where the audio is shorter, so that a mouth has to move on; otherwise silence follows.
        start: seconds of the recording at which the cut begins.
    """
    info = probe_audio(source)
    samples = read_samples(source, info.rate, min(info.channels, 2))
    samples = shift_samples(samples, round((start - lag) * info.rate))
    length = round(duration * info.rate)
    times = -(-length // len(samples))
    cut = np.tile(samples, (times, 1))[:length]
    if not repeat:
        cut[len(samples) :] = 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(target), "wb") as file:
        file.setnchannels(cut.shape[1])
        file.setsampwidth(2)
        file.setframerate(info.rate)
        file.writeframes((np.clip(cut, -1, 1) * 32767).round().astype("<i2").tobytes())


def shift_samples(samples: np.ndarray, drop: int) -> np.ndarray:
    """Drop the first `drop` samples (negative: put silence before them) and keep the length; (N, C)."""
    silence = np.zeros((min(abs(drop), len(samples)), *samples.shape[1:]), samples.dtype)
    if drop >= 0:
        return np.concatenate([samples[drop:], silence])[: len(samples)]
    return np.concatenate([silence, samples])[: len(samples)]
