"""Settings of video encoding: codec, quality and speed. Settings only, no codec library is loaded here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from visavox.errors import InputError
from visavox.runtime.ranges import Range, check_ranges

VideoCodec = Literal["auto", "h264", "vp9", "av1"]
AudioCodec = Literal["auto", "copy", "aac", "opus", "flac"]
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]
PixelFormat = Literal["auto", "yuv420p", "yuv444p"]

_HIGHEST_CRF = 51


@dataclass(frozen=True)
class Encoding:
    """Settings of video encoding."""

    crf: Annotated[int, Range(0, _HIGHEST_CRF, lowest="lossless", highest="worst", example=15)] = 15
    """Constant quality on the scale of x264: 0 lossless, 15 keeps the lips of a face of a hundred pixels as they were
    painted, 23 smaller, 51 worst. VP9 and AV1 have a scale of their own (0 to 63); the number is translated to the
    value of like quality."""
    preset: Preset = "veryfast"
    """Speed of the encoder against size of the file, in the names of x264, also for VP9 and AV1."""
    video_codec: VideoCodec = "auto"
    """auto: H.264, and VP9 in .webm."""
    audio_codec: AudioCodec = "auto"
    """auto: the sound's own packets, untouched, where they need no change and every player of the container can
    decode them, else AAC (Opus in .webm). copy: the packets or an error."""
    audio_bit_rate: Annotated[int, Range(minimum=8_000, unit="bits a second", name="the audio bit rate")] = 96_000
    """Bits a second for each channel when the sound has to be encoded."""
    pixel_format: PixelFormat = "auto"
    """auto: yuv420p, which every player can show; yuv444p for H.264 of odd width or height, which 4:2:0 cannot
    hold. yuv420p on an odd size drops the last column or row instead."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)

    def video_encoder(self, extension: str) -> str:
        """Codec that goes into a file with `extension` (with its dot): h264, vp9 or av1.

        Raises:
            InputError: the container cannot hold the codec that was asked for.
        """
        if self.video_codec == "auto":
            return "vp9" if extension == ".webm" else "h264"
        if extension == ".webm" and self.video_codec == "h264":
            raise InputError(".webm cannot hold H.264; use --video-codec vp9 or av1, or an output named .mp4")
        if extension == ".mov" and self.video_codec in ("vp9", "av1"):
            raise InputError(f".mov cannot hold {self.video_codec.upper()}; use h264, or an output named .mp4 or .mkv")
        return self.video_codec

    def encoder_options(self, codec: str) -> tuple[str, dict[str, str]]:
        """Name of the encoder in FFmpeg for `codec`, and its options."""
        speed = get_args(Preset).index(self.preset)  # 0 fastest ... 8 slowest
        translated = str(round(self.crf * 63 / _HIGHEST_CRF))
        if codec == "h264":
            return "libx264", {"crf": str(self.crf), "preset": self.preset}
        if codec == "vp9":
            live = speed <= get_args(Preset).index("veryfast")
            pace = {"deadline": "realtime", "cpu-used": str(8 - speed)} if live else {"cpu-used": str(5 - speed // 2)}
            return "libvpx-vp9", {"crf": translated, "b": "0", "row-mt": "1", **pace}
        return "libsvtav1", {"crf": translated, "preset": str(12 - speed)}
