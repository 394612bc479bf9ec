"""Everything about a job that can be known to be wrong before an avatar speaks."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from visavox.avatar.format import AvatarFolder
from visavox.avatar.speak.compositing import TRANSPARENT, check_backdrop
from visavox.avatar.speak.renderer import LARGEST, LARGEST_GROWTH, SMALLEST
from visavox.avatar.speak.settings import AvatarSpeakSettings
from visavox.avatar.speak.source_frames import SourceVideos
from visavox.avatar.speak.source_plan import SourcePlan, plan_source
from visavox.constants import FRAME_RATE
from visavox.errors import InputError
from visavox.media import (
    IMAGE_TAGS,
    STANDARD_STREAM,
    AudioPlan,
    VideoInfo,
    VideoWriter,
    check_output,
    probe,
    probe_audio,
)
from visavox.motion.blink import parse_blink
from visavox.types import PathLike
from visavox.weights import model_info

POSES = ("original", "still")
"""Poses that need no video."""


@dataclass(frozen=True)
class SpeakRequest:
    """One job that passed the checks."""

    audio: str
    """File with the speech."""
    output: str
    """Path of the result."""
    settings: AvatarSpeakSettings
    """Settings of the job."""
    size: int
    """Side at which the person is drawn, pixels."""
    like: VideoInfo
    """Size, rate and colours of the result."""
    videos: SourceVideos | None
    """The video that the head is pasted into."""
    blink: str | float
    """Blinks: `natural`, `none`, or blinks a minute."""

    @property
    def is_transparent(self) -> bool:
        """True where the result has an alpha channel."""
        return self.settings.background == TRANSPARENT

    @property
    def audio_plan(self) -> AudioPlan:
        """The audio of the result."""
        return AudioPlan(self.audio)


def choose_settings(settings: AvatarSpeakSettings | None, options: dict[str, Any]) -> AvatarSpeakSettings:
    """Return `settings` with some fields changed; paths may be `Path`, and `paste=True` is `--paste` alone.

    Raises:
        InputError: there is no such field, or a value is not allowed.
    """
    known = [field.name for field in fields(AvatarSpeakSettings)]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise InputError(f"unknown option {', '.join(unknown)}; an avatar that speaks has {', '.join(known)}")
    for name in ("device", "compile"):
        if name in options:
            raise InputError(f"the {name} of an avatar is chosen when it is loaded: Avatar.load(path, {name}=...)")
    given: dict[str, Any] = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
    if isinstance(given.get("paste"), bool):
        given["paste"] = "" if given["paste"] else None
    return replace(settings or AvatarSpeakSettings(), **given)


@dataclass(frozen=True)
class CheckedFiles:
    """Files and options of a job, as far as they can be checked without the avatar."""

    audio: str
    """File with the speech."""
    output: str
    """Path of the result."""
    settings: AvatarSpeakSettings
    """Settings of the job."""
    seconds: float | None
    """Length of the speech as its container says, which may not know it."""
    blink: str | float
    """Blinks: `natural`, `none`, or blinks a minute."""


def check_files(audio: PathLike, output: PathLike, settings: AvatarSpeakSettings) -> CheckedFiles:
    """Look at what can be evaluated without the avatar.

    Raises:
        InputError: something cannot be used.
    """
    if str(audio) == STANDARD_STREAM:
        raise InputError("an avatar cannot speak from standard input, which would be read twice; give a file")
    inputs = [audio, *([] if settings.pose in POSES else [settings.pose])]
    inputs += [settings.background] if Path(settings.background).is_file() else []
    check_output(output, inputs, settings.overwrite)
    seconds = probe_audio(audio).duration
    blink = _blink(settings.blink)
    check_backdrop(settings.background)
    if settings.pose not in POSES:
        _check_pose(settings.pose)
    return CheckedFiles(str(audio), str(output), settings, None if seconds is None else float(seconds), blink)


def check_request(avatar: AvatarFolder, files: CheckedFiles) -> SpeakRequest:
    """Look at what only the avatar can tell of the files and options of a job.

    Raises:
        InputError: something cannot be used.
    """
    settings = files.settings
    model_info(avatar.info.motion)
    size = _size(settings.size, avatar.info.size)
    videos, like = None, _drawn(size)
    if settings.pastes:
        place = Path(str(settings.paste)) if settings.paste else None
        videos = SourceVideos(avatar.info, avatar.motion.confidence > 0, avatar.folder, place)
        # A container may not say how long the audio is, or not exactly: the rest is looked at when it is known.
        expected = math.ceil((files.seconds or 0) * FRAME_RATE)
        first = videos.check(source_plan_of(avatar, videos, max(1, expected), settings.seed))
        like = replace(first, frame_rate=Fraction(FRAME_RATE), time_base=Fraction(1, FRAME_RATE))
    request = SpeakRequest(files.audio, files.output, settings, size, like, videos, files.blink)
    if request.output != STANDARD_STREAM:
        open_writer(request).abort()  # a rehearsal: an encoder, a container or a disk may refuse
    return request


def open_writer(request: SpeakRequest) -> VideoWriter:
    """Open the result of a job."""
    return VideoWriter(
        request.output,
        like=request.like,
        audio=request.audio_plan,
        encoding=request.settings.encoding,
        overwrite=request.settings.overwrite,
        transparent=request.is_transparent,
    )


def source_plan_of(avatar: AvatarFolder, videos: SourceVideos, num_frames: int, seed: int) -> SourcePlan:
    """Choose the frames of an avatar's video that a head is pasted into."""
    return plan_source(avatar.pose, videos.stretches, num_frames, seed, in_order=videos.is_one_video)


def _drawn(size: int) -> VideoInfo:
    """A result of nothing but drawn images."""
    return VideoInfo(
        path="",
        width=size,
        height=size,
        frame_rate=Fraction(FRAME_RATE),
        time_base=Fraction(1, FRAME_RATE),
        color_range=IMAGE_TAGS.range,
        color_space=IMAGE_TAGS.space,
        primaries=IMAGE_TAGS.primaries,
        transfer=IMAGE_TAGS.transfer,
    )


def _size(wanted: int | None, own: int) -> int:
    """Side of the drawn images."""
    size = own if wanted is None else wanted
    largest = min(LARGEST, LARGEST_GROWTH * own)
    if wanted is not None and (not SMALLEST <= size <= max(largest, own) or size % 2):
        raise InputError(
            f"the size is {size}; give an even number of pixels from {SMALLEST} to {max(largest, own)}: the avatar was "
            f"learned at {own}, and what is much larger shows no more of it"
        )
    return size


def _blink(text: str) -> str | float:
    with contextlib.suppress(InputError):
        blink = parse_blink(str(text))
        if blink != "own":  # speech has none of its own
            return blink
    raise InputError(
        f"--blink {text} is not known here; give natural (as the person does), none, or blinks a minute from 0 to 120"
    )


def _check_pose(pose: str) -> None:
    if not Path(pose).is_file():
        raise InputError(f"the pose {pose} is not there; give original, still, or the path of a video of a head")
    if probe(pose).is_still:
        raise InputError(f"the pose {pose} is an image, in which nothing moves; give a video, original or still")
