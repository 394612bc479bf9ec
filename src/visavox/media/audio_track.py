"""The audio of a result: its plan, samples mixed as the video grows, packets carried over or samples encoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from visavox.errors import InputError
from visavox.media.audio import AudioInfo, SampleReader, probe_audio
from visavox.media.container import audio_stream, open_input, tick_of, time_zero
from visavox.media.output import Encoding
from visavox.types import PathLike

_FADE = 0.03  # seconds in which the original audio comes up after the speech; shorter clicks


@dataclass(frozen=True)
class AudioPlan:
    """The audio of the result. Time 0 is its first frame."""

    speech: PathLike
    """File with the driving speech (or with whatever audio the result shall have)."""
    offset: Fraction = Fraction(0)
    """Seconds by which the speech is put later; negative: earlier, its beginning is cut off."""
    length: Fraction | None = None
    """Seconds after which all audio stops; None: with the video."""
    original: PathLike | None = None
    """File whose soundtrack is mixed under the speech or heard after it: the source video."""
    mix_level: float | None = None
    """Level of the original under the speech in dB (0: as loud as it was); None: silent."""
    tail_original: bool = False
    """True if the original keeps its own level once the speech has ended."""

    def __post_init__(self) -> None:
        if self.original is None and (self.mix_level is not None or self.tail_original):
            raise InputError("there is no original soundtrack to mix in or to go on with; leave out --mix and --tail")
        if self.length is not None and self.length <= 0:
            raise InputError(f"the length of the sound is {float(self.length)} s; it must be more than 0")

    @property
    def uses_original(self) -> bool:
        """True if anything of the original audio is kept."""
        return self.mix_level is not None or self.tail_original

    @property
    def is_untouched(self) -> bool:
        """True if the speech stays as it is in its file, so that its packets can be copied."""
        return self.offset == 0 and not self.uses_original


class Mixer:
    """Renders an `AudioPlan` from its beginning, as many samples at a time as are asked for.

    Args:
        plan: what is heard.
        rate: samples a second of the result.
        channels: channels of the result.
    """

    def __init__(self, plan: AudioPlan, rate: int, channels: int) -> None:
        self._channels = channels
        self._position = 0
        self._speech = SampleReader(plan.speech, rate, channels)
        self._delay = round(plan.offset * rate)  # samples of silence before the speech, or to skip of it
        self._speech_end: int | None = None
        self._original: SampleReader | None = None
        if plan.original is not None and plan.uses_original:
            self._original = SampleReader(plan.original, rate, channels)
        self._under = 0.0 if plan.mix_level is None else 10.0 ** (plan.mix_level / 20.0)
        self._after = 1.0 if plan.tail_original else self._under
        self._fade = max(1, round(_FADE * rate))
        self._length = None if plan.length is None else round(plan.length * rate)

    def read(self, num_samples: int) -> np.ndarray:
        """The next samples, float32 (num_samples, channels) in [-1, 1]; silence after the end."""
        mixed = self._read_speech(num_samples)
        if self._original is not None:
            original = self._original.read(num_samples)
            mixed[: len(original)] += original * self._gain(len(original))[:, None]
        if self._length is not None:
            mixed[max(0, self._length - self._position) :] = 0
        self._position += num_samples
        result: np.ndarray = np.clip(mixed, -1.0, 1.0)
        return result

    def _read_speech(self, num_samples: int) -> np.ndarray:
        mixed = np.zeros((num_samples, self._channels), np.float32)
        while self._delay < 0:
            skipped = len(self._speech.read(min(-self._delay, 1 << 16)))
            self._delay = self._delay + skipped if skipped else 0
        silent = min(num_samples, max(0, self._delay - self._position))
        if silent < num_samples and self._speech_end is None:
            spoken = self._speech.read(num_samples - silent)
            mixed[silent : silent + len(spoken)] = spoken
            if len(spoken) < num_samples - silent:
                self._speech_end = self._position + silent + len(spoken)
        return mixed

    def _gain(self, num_samples: int) -> np.ndarray:
        """Gain of the original for the samples from the present position on, float32 (num_samples,)."""
        if self._speech_end is None:
            return np.full(num_samples, self._under, np.float32)
        since_end = np.arange(num_samples) + self._position - self._speech_end
        weight = np.clip(since_end / self._fade, 0.0, 1.0)
        return (self._under + (self._after - self._under) * weight).astype(np.float32)

    def close(self) -> None:
        """Free the files."""
        self._speech.close()
        if self._original is not None:
            self._original.close()


_CARRIED = {
    ".mp4": {"aac", "mp3", "ac3", "eac3", "alac"},
    ".mov": {"aac", "mp3", "ac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"},
    ".mkv": {"aac", "mp3", "ac3", "eac3", "alac", "opus", "vorbis", "flac", "pcm_s16le", "pcm_s24le"},
    ".webm": {"opus", "vorbis"},
}
"""Extension → codecs whose packets any player of that container can decode."""

_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_PRIMING = Fraction(9, 100)  # seconds before time 0 that a decoder may need, 80 ms in Opus (RFC 7845)
_OPUS_RATE = 48_000
_SAMPLES_WITHOUT_FRAMES = 1024
_AAC_FRAME_BITS = 6144  # most bits of one channel in one frame of 1024 samples (ISO/IEC 13818-7)
_ENCODERS = {"aac": "aac", "opus": "libopus", "flac": "flac"}
_LAYOUTS = {1: "mono", 2: "stereo"}


class AudioTrack(Protocol):
    """Audio stream that is written along with the video."""

    def advance(self, until: Fraction) -> None:
        """Write the audio up to `until`, in seconds of the result."""
        ...

    def finish(self, end: Fraction) -> None:
        """Write the rest, up to the end of the video."""
        ...

    def close(self) -> None:
        """Free the files that are read."""
        ...


def add_audio_track(container: OutputContainer, plan: AudioPlan, encoding: Encoding, extension: str) -> AudioTrack:
    """Add the audio of `plan` to a file that is being written.

    Raises:
        InputError: a file of the plan has no audio, or its packets cannot be copied as asked.
    """
    info = probe_audio(plan.speech)
    if plan.original is not None:
        probe_audio(plan.original)
    if encoding.audio_codec == "copy":
        return _forced_copy(container, plan, info, extension)
    if encoding.audio_codec == "auto" and plan.is_untouched and info.codec in _CARRIED.get(extension, ()):
        return CopiedTrack(container, plan)
    codec = encoding.audio_codec
    if codec == "auto":
        codec = "opus" if extension == ".webm" else "aac"
    if extension == ".webm" and codec != "opus":
        raise InputError(f".webm cannot hold {codec.upper()} sound; use --audio-codec opus, or an output named .mp4")
    if extension == ".mov" and codec != "aac":
        raise InputError(f".mov cannot hold {codec} sound; use --audio-codec aac, or an output named .mp4")
    return EncodedTrack(container, plan, codec, info, encoding.audio_bit_rate)


def _forced_copy(container: OutputContainer, plan: AudioPlan, info: AudioInfo, extension: str) -> AudioTrack:
    if not plan.is_untouched:
        raise InputError("sound that is moved or mixed cannot be copied; use --audio-codec aac")
    try:
        return CopiedTrack(container, plan)
    except (ValueError, av.FFmpegError):
        raise InputError(
            f"{extension} cannot hold the {info.codec} sound of {plan.speech}; use --audio-codec aac or .mkv"
        ) from None


class CopiedTrack:
    """Carries the packets of an audio stream over, bit for bit; nothing is decoded.

    Packets from just before time 0 are kept for the decoder to start with (the container hides them), others
    outside the video are left out.
    """

    def __init__(self, container: OutputContainer, plan: AudioPlan) -> None:
        self._container = container
        self._files = ExitStack()
        source = self._files.enter_context(open_input(plan.speech))
        stream = audio_stream(source)
        if stream is None:
            raise InputError(f"{plan.speech} has no sound")
        try:
            self._stream = container.add_stream_from_template(stream)
        except BaseException:
            self._files.close()
            raise
        self._tick = tick_of(stream)
        self._zero = time_zero(source)
        self._length = plan.length
        self._packets: Iterator[Packet[AudioStream]] = source.demux(stream)
        self._next: Packet[AudioStream] | None = None

    def advance(self, until: Fraction) -> None:
        """Write the packets that start before `until`."""
        if self._length is not None:
            until = min(until, self._length)
        while True:
            packet = self._next or self._read()
            if packet is None:
                return
            self._next = packet
            if (packet.pts or 0) * self._tick >= until:
                return
            self._next = None
            packet.stream = self._stream
            self._container.mux(packet)

    def _read(self) -> Packet[AudioStream] | None:
        """The next packet with its times counted from 0 of the result."""
        shift = round(self._zero / self._tick)
        try:
            for packet in self._packets:
                if not packet.size or packet.pts is None or packet.is_corrupt:
                    continue
                packet.pts -= shift
                packet.dts = packet.pts
                if (packet.pts + (packet.duration or 0)) * self._tick > -_PRIMING:
                    return packet
        except av.FFmpegError:  # the audio breaks off here
            return None
        return None

    def finish(self, end: Fraction) -> None:
        """Write the rest of the packets up to the end of the video."""
        self.advance(end)

    def close(self) -> None:
        """Free the file that is read."""
        self._files.close()


class EncodedTrack:
    """Encodes what a `Mixer` renders."""

    def __init__(self, container: OutputContainer, plan: AudioPlan, codec: str, info: AudioInfo, bit_rate: int) -> None:
        self._container = container
        self._rate = _encoder_rate(codec, info.rate)
        channels = min(info.channels, 2)
        if plan.original is not None and plan.uses_original:
            original = probe_audio(plan.original)
            channels = max(channels, min(original.channels, 2))
            self._rate = _encoder_rate(codec, max(info.rate, original.rate))
        self._layout = _LAYOUTS[channels]
        stream = container.add_stream(_ENCODERS[codec], rate=self._rate, layout=self._layout)
        if not isinstance(stream, AudioStream):
            raise TypeError(f"{codec} is no audio codec")
        self._stream = stream
        if codec == "aac":
            bit_rate = min(bit_rate, self._rate * _AAC_FRAME_BITS // 1024)
        if codec != "flac":
            self._stream.bit_rate = bit_rate * channels
        self._format = self._stream.codec_context.format.name
        self._mixer = Mixer(plan, self._rate, channels)
        self._position = 0

    def advance(self, until: Fraction) -> None:
        """Encode whole frames up to `until`."""
        size = self._stream.codec_context.frame_size or _SAMPLES_WITHOUT_FRAMES
        while self._position + size <= until * self._rate:
            self._write(size)

    def finish(self, end: Fraction) -> None:
        """Encode the rest up to the end of the video."""
        self.advance(end)
        rest = round(end * self._rate) - self._position
        if rest > 0:
            self._write(rest)
        self._container.mux(self._stream.encode(None))

    def _write(self, num_samples: int) -> None:
        samples = self._mixer.read(num_samples)
        frame = _to_frame(samples, self._format, self._layout)
        frame.sample_rate = self._rate
        frame.pts = self._position
        frame.time_base = Fraction(1, self._rate)
        self._position += num_samples
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Free the files that are read."""
        self._mixer.close()


def _to_frame(samples: np.ndarray, sample_format: str, layout: str) -> AudioFrame:
    if sample_format in ("s16", "s16p"):
        samples = np.round(samples * 32767.0).astype(np.int16)
    data = np.ascontiguousarray(samples.T) if sample_format.endswith("p") else samples.reshape(1, -1)
    return AudioFrame.from_ndarray(data, format=sample_format, layout=layout)


def _encoder_rate(codec: str, rate: int) -> int:
    """Sample rate that the encoder of `codec` takes, `rate` where it can."""
    if codec == "opus":
        return _OPUS_RATE
    if codec == "flac":
        return min(rate, 192_000)
    return rate if rate in _AAC_RATES else 48_000
