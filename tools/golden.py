"""Records golden frames of every shipped generator and avatar, and compares new ones with them.

    python tools/golden.py compare [FOLDER]
    python tools/golden.py record [FOLDER]

`compare` makes the frames again and prints, for each model, the largest difference and the share of pixels that differ;
it ends with 1 when one is above the limits. `record` writes the frames that are made now; do so in the folder of the
tests only when other pixels are wanted (new weights, another mask), and say so in the commit. To see what differs,
record into another folder and view both.

The frames come from the command line alone, so that they outlive any change inside the package: the bundled clip and
avatar say the first seconds of the bundled speech, in float32 and with one thread (`tools/run_in_float32.py`), encoded
losslessly. A file holds some frames side by side: the 8-bit planes of 4:2:0 as they are decoded, luma above, the rows
of U and V two by two below. Planes, not RGB: one level of chroma is up to two of blue.

`track.npz` is the track of the clip, recorded with the frames. All generators but the first are given it instead of
searching for the face; so a change that can no longer read old track files, or that finds the face elsewhere, shows
here too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import av
import numpy as np
import tyro
from PIL import Image

import visavox

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "assets" / "golden"
TRACK = "track.npz"
RUNNER = Path(__file__).with_name("run_in_float32.py")
DEMO = Path(visavox.__file__).resolve().parent / "demo"
FACE, SPEECH = DEMO / "face.mpg", DEMO / "speech.flac"

FRAME_RATE = 25
LOSSLESS = ("--crf", "0", "--threads", "1", "--device", "cpu", "--quiet")
"""Options of every command. x264 of constant rate factor 0 gives back each bit of 4:2:0, noise too, and says so by a
profile of its own."""
LOSSLESS_PROFILE = "High 4:4:4 Predictive"

LARGEST = 1
"""Levels of 255 by which any pixel may differ. Sums in another order move a value across the border between two levels,
never across two: with the kernels of SSE 4.1 or AVX-512 instead of AVX2, or with every 200th landmark coordinate moved
by the step in which a track stores it, no pixel differs by more."""
SHARE = 0.01
"""Share of pixels that may differ at all. These changes move 1 in 900 at most; a colour that is rounded in another
direction, the darkest fault that one level can hide, moves nearly all."""


@dataclass(frozen=True)
class Clip:
    """A video that is made, and the frames of it that are kept."""

    name: str
    """Of the model or the avatar; also of the file in the folder."""
    command: tuple[str, ...]
    """Words of the command line, but for speech, output and the options that are common to all."""
    frames: tuple[int, ...]
    """Numbers of the frames that are kept: a closed mouth at rest and in speech, and the widest ones."""
    num_frames: int
    """Frames of the whole video."""


DUBBED = (0, 9, 17, 27, 34, 39, 44)
CLIPS = (
    Clip("wav2lip", ("dub", str(FACE), "--model", "wav2lip"), DUBBED, 50),
    Clip("attn-wav2lip", ("dub", str(FACE), "--model", "attn-wav2lip"), DUBBED, 50),
    Clip("motion-dub", ("dub", str(FACE), "--model", "motion-dub", "--seed", "0"), DUBBED, 50),
    Clip("grid-s1", ("avatar", "speak", "grid-s1", "--seed", "0"), (0, 8, 12, 18, 21, 24, 27), 30),
)


@dataclass(frozen=True)
class Difference:
    """Frames of one clip against the golden ones."""

    name: str
    """Of the clip."""
    largest: int
    """Levels by which the pixel differs that differs most."""
    share: float
    """Share of pixels that differ, 0 to 1."""

    @property
    def allowed(self) -> bool:
        """Tell whether the frames count as equal."""
        return self.largest <= LARGEST and self.share <= SHARE

    def __str__(self) -> str:
        verdict = "equal" if self.allowed else "DIFFERENT"
        return f"{self.name:<14} largest {self.largest:>3} levels   {self.share:>9.4%} of pixels differ   {verdict}"


@dataclass(frozen=True)
class GoldenOptions:
    """Record golden frames of every shipped generator and avatar, or compare today's with them."""

    action: tyro.conf.Positional[Literal["record", "compare"]]
    """record writes the frames that are made now; compare makes them and prints how they differ."""
    folder: Annotated[Path, tyro.conf.Positional] = FOLDER
    """Where the golden frames are."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Record or compare; the exit code is 1 where frames differ."""
    options = tyro.cli(GoldenOptions, args=arguments, prog="golden.py")
    if options.action == "record":
        record(options.folder)
        return 0
    differences = compare(options.folder)
    print(*differences, sep="\n")
    return 0 if all(difference.allowed for difference in differences) else 1


def record(folder: Path) -> None:
    """Make the frames of all clips, and the track that all but the first are made with; write them to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        track = Path(work) / TRACK
        first, others = CLIPS[:1], CLIPS[1:]
        make_videos(Path(work), first, {first[0].name: ("--save-track", str(track))})
        (folder / TRACK).write_bytes(track.read_bytes())
        make_videos(Path(work), others, given_track(folder))
        for clip in CLIPS:
            Image.fromarray(kept_frames(Path(work), clip)).save(folder / f"{clip.name}.png", optimize=True)
            print(folder / f"{clip.name}.png")


def compare(folder: Path) -> list[Difference]:
    """Make the frames of all clips and compare them with those in `folder`."""
    with tempfile.TemporaryDirectory() as work:
        make_videos(Path(work), CLIPS, given_track(folder))
        return [difference(clip, kept_frames(Path(work), clip), folder) for clip in CLIPS]


def given_track(folder: Path) -> dict[str, tuple[str, ...]]:
    """Name the track in `folder` to every generator but the first: clip → more words of its command."""
    dubbed = [clip for clip in CLIPS[1:] if clip.command[0] == "dub"]
    return {clip.name: ("--track", str(folder / TRACK)) for clip in dubbed}


def make_videos(work: Path, clips: Sequence[Clip], more: dict[str, tuple[str, ...]]) -> None:
    """Make the video NAME.mp4 of each clip in the folder `work`, in a process of their own.

    Args:
        work: an existing folder.
        clips: what is made, in this order.
        more: clip → more words of its command.
    """
    commands = []
    for clip in clips:
        speech = cut_speech(work / f"{clip.num_frames}.wav", clip.num_frames / FRAME_RATE)
        output = ("-o", str(work / f"{clip.name}.mp4"))
        commands.append([*clip.command, str(speech), *output, *LOSSLESS, *more.get(clip.name, ())])
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    subprocess.run([sys.executable, str(RUNNER), json.dumps(commands)], env=environment, check=True)


def cut_speech(path: Path, seconds: float) -> Path:
    """Write the first seconds of the bundled speech to a WAV file."""
    with av.open(str(SPEECH)) as source, wave.open(str(path), "wb") as file:
        rate = source.streams.audio[0].rate
        samples = np.concatenate([frame.to_ndarray()[0] for frame in source.decode(audio=0)])
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples[: round(seconds * rate)].astype("<i2").tobytes())
    return path


def kept_frames(work: Path, clip: Clip) -> np.ndarray:
    """Read the kept frames of a clip's video: uint8 (1.5 H, W of all frames side by side)."""
    planes = list(read_planes(work / f"{clip.name}.mp4"))
    if len(planes) != clip.num_frames:
        raise RuntimeError(f"the video of {clip.name} has {len(planes)} frames; golden are {clip.num_frames}")
    return np.concatenate([planes[number] for number in clip.frames], axis=1)


def read_planes(path: Path) -> Iterator[np.ndarray]:
    """Decode a lossless video: for each frame the planes of 4:2:0 below each other, uint8 (1.5 H, W)."""
    with av.open(str(path)) as video:
        profile = video.streams.video[0].codec_context.profile
        if profile != LOSSLESS_PROFILE:
            raise RuntimeError(f"{path.name} is {profile}; golden frames need a lossless video, {LOSSLESS_PROFILE}")
        for frame in video.decode(video=0):
            if frame.format.name != "yuv420p":
                raise RuntimeError(f"{path.name} has pixels {frame.format.name}; golden are yuv420p")
            yield frame.to_ndarray()


def difference(clip: Clip, frames: np.ndarray, folder: Path) -> Difference:
    """Compare frames, uint8 (1.5 H, W), with those of the same clip in `folder`."""
    golden = np.asarray(Image.open(folder / f"{clip.name}.png"))
    if frames.shape != golden.shape:
        raise RuntimeError(f"the frames of {clip.name} are {frames.shape}; golden are {golden.shape}")
    apart = np.abs(frames.astype(np.int16) - golden)
    return Difference(clip.name, int(apart.max()), float((apart > 0).mean()))


if __name__ == "__main__":
    sys.exit(main())
