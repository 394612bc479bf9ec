"""Output files: settings of encoding, checks of the path before the work, and the mark of synthetic media.

No codec library is loaded here, so that settings and checks come first.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from visavox.errors import InputError
from visavox.runtime.files import LONGEST_NAME, PartialFile
from visavox.runtime.ranges import Range, check_ranges
from visavox.types import PathLike

VideoCodec = Literal["auto", "h264", "vp9", "av1"]
AudioCodec = Literal["auto", "copy", "aac", "opus", "flac"]
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]
PixelFormat = Literal["auto", "yuv420p", "yuv444p"]

_HIGHEST_CRF = 51
CONTAINERS = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov", ".webm": "webm"}
"""Extension of the output → name of the FFmpeg muxer."""

STANDARD_STREAM = "-"
"""Path that means standard input or standard output."""


@dataclass(frozen=True)
class Encoding:
    """Settings of video encoding."""

    crf: Annotated[int, Range(0, _HIGHEST_CRF, lowest="lossless", highest="worst", example=15)] = 15
    """Constant quality on the scale of x264: 0 lossless, 15 keeps the lips of a face of a hundred pixels as they were
    rendered, 23 smaller, 51 worst. VP9 and AV1 have a scale of their own (0 to 63); the number is translated to the
    value of like quality."""
    preset: Preset = "veryfast"
    """Speed of the encoder against size of the file, in the names of x264, also for VP9 and AV1."""
    video_codec: VideoCodec = "auto"
    """auto: H.264, and VP9 in .webm."""
    audio_codec: AudioCodec = "auto"
    """auto: the recording's own packets, untouched, where they need no change and every player of the container can
    decode them, else AAC (Opus in .webm). copy: the packets or an error."""
    audio_bit_rate: Annotated[int, Range(minimum=8_000, unit="bits a second", name="the audio bit rate")] = 96_000
    """Bits a second for each channel when the audio has to be encoded."""
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


def check_output(
    output: PathLike,
    inputs: Iterable[PathLike] = (),
    overwrite: bool = False,
    extensions: Iterable[str] = tuple(CONTAINERS),
) -> None:
    """Say everything that is wrong with an output path before any work starts.

    Args:
        output: the path that will be written; "-" is standard output.
        inputs: files that are read; the output may be none of them, whatever it is called.
        overwrite: whether an existing file may be replaced.
        extensions: what the name may end in; none at all allows any ending.

    Raises:
        InputError: the path cannot or must not be written.
    """
    if str(output) == STANDARD_STREAM:
        return
    if not str(output):
        raise InputError("the output path is empty; give the name of a file, such as result.mp4")
    path = Path(output)
    allowed = tuple(extensions)
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        raise InputError(f"the name of output {path} is too long; allowed are {LONGEST_NAME} bytes")
    if path.is_dir():
        raise InputError(f"output {path} is a directory; give the name of a file in it, such as {path / 'result.mp4'}")
    if allowed and path.suffix.lower() not in allowed:
        ending = f"ends in {path.suffix!r}" if path.suffix else "has no extension"
        raise InputError(f"output {path} {ending}; allowed are {', '.join(allowed)}")
    _check_not_input(path, inputs)
    if path.exists() and not path.is_file():
        raise InputError(f"output {path} is not an ordinary file; give the name of a new file")
    if path.exists() and not overwrite:
        raise InputError(f"output {path} exists already; choose another name or pass --overwrite")
    _check_folder(path)


def _check_not_input(path: Path, inputs: Iterable[PathLike]) -> None:
    for given in inputs:
        if str(given) == STANDARD_STREAM:
            continue
        same = os.path.realpath(path) == os.path.realpath(given)
        with contextlib.suppress(OSError):
            same = same or os.path.samefile(path, given)
        if same:
            raise InputError(f"output {path} is the input {given}; give the result another name")


def _check_folder(path: Path) -> None:
    folder = Path(os.path.realpath(path)).parent
    if not folder.exists():
        raise InputError(f"the folder of output {path} does not exist; create it first: mkdir -p {folder}")
    if not folder.is_dir():
        raise InputError(f"output {path} cannot be written: {folder} is not a directory")
    trial = PartialFile(path)  # rights, read-only disks and odd file systems: only trying tells them all
    try:
        os.close(os.open(trial.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except PermissionError:
        raise InputError(f"output {path} cannot be written: no permission to create files in {folder}") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"output {path} cannot be written: no file can be created in {folder} ({reason})") from None
    finally:
        trial.discard()


def write_failure(error: BaseException, output: PathLike) -> InputError | None:
    """The sentence for an error of the operating system while `output` was written; None for any other error."""
    code = getattr(error, "errno", None)
    name = "standard output" if str(output) == STANDARD_STREAM else str(output)
    if code in (errno.ENOSPC, errno.EDQUOT):
        return InputError(f"no space left on the disk while writing {name}; free some space or write to another disk")
    if code == errno.EFBIG:
        return InputError(f"{name} grew beyond the largest file that is allowed here; raise the limit (ulimit -f)")
    if code == errno.EPIPE:
        return InputError(f"{name} was closed by the program that reads it before the video was whole")
    if isinstance(error, OSError) and code is not None and code > 0:
        return InputError(f"cannot write {name}: {os.strerror(code)}; check the disk and the permissions")
    return None


DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC term for a recording of which a trained algorithm made a part: the mouth."""

SYNTHETIC_TAGS = {
    "comment": f"Synthetic media: the mouth was generated by visavox. digitalSourceType={DIGITAL_SOURCE_TYPE}",
    "digitalsourcetype": DIGITAL_SOURCE_TYPE,
    "encoded_by": "visavox",
}
"""Tags of the container. `comment` is shown by ordinary players, `digitalsourcetype` is the bare term; keys are
lower case here, Matroska writes and gives them back in upper case."""
