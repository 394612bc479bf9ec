"""Reading audio from any file: decoded, mixed to the wanted channels and resampled, in chunks."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import soxr
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer

from visavox.constants import SAMPLE_RATE
from visavox.errors import InputError
from visavox.media.container import audio_stream, open_input, stream_start, tick_of, time_zero
from visavox.types import PathLike

logger = logging.getLogger(__name__)

_GAP = 0.05  # seconds; timestamps of a stream without holes wander by less
_LONGEST_GAP = 3600  # seconds; a larger hole is a broken timestamp


@dataclass(frozen=True)
class AudioInfo:
    """Properties of the audio of a file that are known before it is decoded."""

    path: str
    """The path as it was given."""
    rate: int
    """Samples a second."""
    channels: int
    """Number of channels."""
    codec: str
    """Name of the codec, such as aac or pcm_s16le."""
    duration: Fraction | None
    """Seconds that the container declares; None where it does not."""
    start: Fraction
    """Seconds from the first frame of the file to the first sample; 0 in a file without frames."""


def probe_audio(path: PathLike) -> AudioInfo:
    """Look into the audio of a file.

    Args:
        path: any audio or video file; "-" is standard input.

    Raises:
        InputError: it cannot be read or has no audio.
    """
    with open_input(path) as container:
        stream = audio_stream(container)
        if stream is None:
            raise _no_audio_error(path, container)
        duration = stream.duration * tick_of(stream) if stream.duration else None
        if duration is None and container.duration:
            duration = Fraction(container.duration, av.time_base)
        start = stream_start(stream) - time_zero(container)
        codec = stream.codec_context
        return AudioInfo(str(path), codec.rate, codec.channels, codec.codec.canonical_name, duration, start)


def read_audio(path: PathLike, rate: int = SAMPLE_RATE) -> np.ndarray:
    """Read the audio of any audio or video file as one channel.

    Sample 0 is the instant of the first frame, or in a file without frames the first sample.

    Args:
        path: the file; "-" is standard input.
        rate: samples a second of the result.

    Returns:
        float32 (N,) in [-1, 1].

    Raises:
        InputError: it cannot be read, has no audio, or its audio has no length.
    """
    return read_samples(path, rate, channels=1)[:, 0]


def read_samples(path: PathLike, rate: int, channels: int) -> np.ndarray:
    """Read the whole audio of a file as float32 (N, channels) in [-1, 1]; otherwise as `read_audio`."""
    chunks = list(_chunks(path, rate, channels))
    samples = np.concatenate(chunks) if chunks else np.zeros((0, channels), np.float32)
    if len(samples) == 0:
        raise InputError(f"the sound of {path} has no length; give a recording of speech")
    return np.clip(samples, -1.0, 1.0)


class SampleReader:
    """Reads the audio of a file piece by piece; memory does not grow with its length.

    Args:
        path: the file; "-" is standard input.
        rate: samples a second of the result.
        channels: channels of the result; others are mixed down or repeated.

    Raises:
        InputError: at the first `read`, as `read_audio`.
    """

    def __init__(self, path: PathLike, rate: int, channels: int) -> None:
        self._chunks = _chunks(path, rate, channels)
        self._kept = np.zeros((0, channels), np.float32)

    def read(self, num_samples: int) -> np.ndarray:
        """The next samples, float32 (N, channels); N is less than `num_samples` only at the end."""
        parts = [self._kept]
        missing = num_samples - len(self._kept)
        while missing > 0:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            parts.append(chunk)
            missing -= len(chunk)
        samples = np.concatenate(parts)
        self._kept = samples[num_samples:]
        return samples[:num_samples]

    def close(self) -> None:
        """Free the file."""
        self._chunks.close()


def _no_audio_error(path: PathLike, container: InputContainer) -> InputError:
    if container.streams.audio:
        return InputError(f"the sound of {path} is in a codec that cannot be decoded; convert it to WAV or AAC first")
    return InputError(f"{path} has no sound; give a file with speech, such as a WAV, MP3 or a video with sound")


def _chunks(path: PathLike, rate: int, channels: int) -> Generator[np.ndarray, None, None]:
    """Yield float32 (N, channels) at `rate`, starting at time 0 of the file, without holes."""
    with open_input(path) as container:
        if audio_stream(container) is None:
            raise _no_audio_error(path, container)
        resampler: soxr.ResampleStream | None = None
        for samples, native_rate in _aligned(container, channels):
            if native_rate == rate:
                yield samples
                continue
            if resampler is None:
                resampler = soxr.ResampleStream(native_rate, rate, channels, dtype="float32", quality="HQ")
            yield _two_dimensional(resampler.resample_chunk(samples), channels)
        if resampler is not None:
            yield _two_dimensional(resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True), channels)


def _two_dimensional(samples: np.ndarray, channels: int) -> np.ndarray:
    return np.asarray(samples, np.float32).reshape(-1, channels)


def _aligned(container: InputContainer, channels: int) -> Iterator[tuple[np.ndarray, int]]:
    """Yield (samples, rate) so that the first sample is at time 0 and every hole is filled with silence."""
    zero = time_zero(container)
    position = 0  # samples given out so far
    native_rate = 0
    for frame, samples in _decoded(container, channels):
        if native_rate == 0:
            native_rate = frame.sample_rate
        if frame.pts is not None and frame.time_base:
            target = round((frame.pts * frame.time_base - zero) * native_rate)
            hole = target - position
            if position == 0 and hole < 0:  # audio from before the first frame
                samples = samples[-hole:]
            elif (position == 0 or hole > _GAP * native_rate) and 0 < hole < _LONGEST_GAP * native_rate:
                yield np.zeros((hole, channels), np.float32), native_rate
                position += hole
            elif position > 0 and hole < -_GAP * native_rate and hole > -len(samples):
                samples = samples[-hole:]
        if len(samples):
            position += len(samples)
            yield samples, native_rate


def _decoded(container: InputContainer, channels: int) -> Iterator[tuple[AudioFrame, np.ndarray]]:
    """Yield decoded frames with their samples, float32 (N, channels) at the rate of the first frame."""
    mixer = _ChannelMixer(channels)
    name = container.name.removeprefix("file:")
    num_damaged = 0
    try:
        for packet in container.demux(audio_stream(container)):
            try:
                for frame in packet.decode():
                    if isinstance(frame, AudioFrame):
                        yield frame, mixer.mix(frame)
            except av.InvalidDataError:
                num_damaged += 1
    except av.FFmpegError:
        logger.warning("the sound of %s breaks off before its end", name)
    if num_damaged:
        logger.warning("%s: %d damaged pieces of sound were left out", name, num_damaged)


class _ChannelMixer:
    """Brings frames of any sample format and layout to float32 with a number of channels, and to one rate."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._layout = {1: "mono", 2: "stereo"}.get(channels)
        self._rate = 0
        self._resampler: AudioResampler | None = None
        self._form: tuple[int, str, str] | None = None

    def mix(self, frame: AudioFrame) -> np.ndarray:
        """Samples of `frame`, float32 (N, channels)."""
        self._rate = self._rate or frame.sample_rate
        form = (frame.sample_rate, frame.layout.name, frame.format.name)
        if self._resampler is None or form != self._form:  # broadcasts change layout in the middle
            named = all(channel.name != "NONE" for channel in frame.layout.channels)
            layout = self._layout if named else None  # channels without a name are averaged below
            # Without the limit two channels of floating point come out 3 dB louder than those of integers.
            limit = {"rematrix_maxval": "1.0"}
            self._resampler = AudioResampler(format="fltp", layout=layout, rate=self._rate, options=limit)
            self._form = form
        parts = [part.to_ndarray() for part in self._resampler.resample(frame)]
        if not parts:
            return np.zeros((0, self._channels), np.float32)
        planes = np.concatenate(parts, axis=1)
        if len(planes) != self._channels:
            planes = np.repeat(planes.mean(axis=0, keepdims=True), self._channels, axis=0)
        return np.ascontiguousarray(planes.T, dtype=np.float32)
