"""Checks of a person's video: can it become an avatar, each answer with a sentence on what to do.

What the headers tell is said before anything is decoded; the rest once the face has been followed, before the long
work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from visavox.avatar.dataset.camera import CameraMotion, CropPlan
from visavox.avatar.dataset.settings import DataSettings
from visavox.avatar.dataset.signals import Lags, PersonAudio
from visavox.avatar.dataset.tracking import PersonTrack, PersonVideos, stretches
from visavox.constants import FRAME_RATE
from visavox.data.preparation import blur, face_size
from visavox.errors import InputError
from visavox.face.geometry import facing, head_angles
from visavox.types import FrameStatus

GOOD_SECONDS = 120.0
"""Video from which on an avatar has seen most of what a mouth does."""
SLOWEST = 20
"""Least frames a second."""
MOVED, MOVED_FAR = 0.006, 0.03
"""Way of the background, in widths of the image, that is worth a word, and with which one camera is not fixed."""
OTHER_SCENE = 18.0
"""Mean difference of the background from its median, in grey levels, that is another scene."""
SEEN_LITTLE = 0.5
"""Least share of frames with the face."""
BESIDE = 0.02
"""Share of frames with a second face that is worth a word."""
TURNED = 35.0
"""Degrees of yaw or pitch, at the 98th percentile, from which on profiles are to be expected."""
SMALL_FACE = 80.0
"""Longer side of a face in pixels under which little can be learned of a mouth."""
BLURRED = 0.62
"""Blur of the face (0 sharp, 1 without detail) from which on it is worth a word."""
QUIET = -50.0
"""Loudness of the loudest moments, in dB of full scale, under which speech hardly is."""

Level = Literal["good", "remark", "failed"]


@dataclass(frozen=True)
class Finding:
    """The answer to one question about the video."""

    name: str
    """Subject of the check: camera, length, cuts ..."""
    level: Level
    """good, remark (go on, but better video makes a better avatar) or failed."""
    text: str
    """The finding in words."""
    advice: str = ""
    """Advice; empty where all is good."""

    @property
    def sentence(self) -> str:
        """Finding and advice in one line."""
        return f"{self.text}; {self.advice}" if self.advice else self.text

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return asdict(self)


def check_headers(videos: PersonVideos, settings: DataSettings) -> None:
    """Refuse what cannot become an avatar, by the headers alone.

    Raises:
        InputError: the first thing that is wrong.
    """
    first = videos.files[0]
    for video in videos.files:
        info = video.info
        if (info.width, info.height) != videos.frame_size:
            raise InputError(
                f"{video.source.name} is {info.width} x {info.height} and {first.source.name} {first.info.width} x "
                f"{first.info.height}; one fixed camera has one size: give the videos of one camera"
            )
        if info.frame_rate < SLOWEST:
            raise InputError(
                f"{video.source.name} has {float(info.frame_rate):.3g} frames a second; an avatar needs {SLOWEST} or "
                "more, better 25: record again"
            )
    if not any(video.info.has_audio for video in videos.files):
        raise InputError("the video has no audio; give video with the person's own speech")
    seconds = sum(float(video.info.duration or settings.minimum_seconds) for video in videos.files)
    if seconds < settings.minimum_seconds:
        raise InputError(
            f"the video is {seconds:.1f} s long; give {settings.minimum_seconds:g} s or more of one person, better "
            "3 to 5 minutes (--minimum-seconds lowers the limit)"
        )


def check_tracked(
    track: PersonTrack,
    beside: np.ndarray,
    camera: CameraMotion,
    audio: PersonAudio,
    lags: Lags,
    settings: DataSettings,
) -> list[Finding]:
    """Check a video in which the face has been followed.

    Args:
        track: the person.
        beside: bool (T,), frames with a second face.
        camera: how the background moves.
        audio: of all videos.
        lags: of audio and lips.
        settings: what is asked for.
    """
    return [
        _length(track, settings),
        _camera(camera),
        _cuts(track),
        _second_faces(beside),
        _pose(track),
        _face_size(track),
        _audio(audio),
        _sync(lags),
    ]


def check_images(crops: Sequence[np.ndarray], plan: CropPlan) -> list[Finding]:
    """Check stored images of the face: their resolution and how sharp they are.

    Args:
        crops: uint8 RGB (h, w, 3), a few faces cut out of stored images.
        plan: how the images were cut out.
    """
    findings = []
    if plan.scale > 1.25:
        findings.append(
            Finding(
                "resolution",
                "remark",
                f"the square of {plan.side} pixels around the person was enlarged to {plan.size}",
                "a smaller --size loses nothing and is faster",
            )
        )
    else:
        findings.append(Finding("resolution", "good", f"{plan.side} pixels of the video become {plan.size}"))
    value = float(np.median([blur(crop) for crop in crops])) if crops else 0.0
    text = f"blur of the face {value:.2f} (0 sharp, 1 without detail)"
    if value > BLURRED:
        findings.append(
            Finding("blur", "remark", text, "use sharper video: more light, focus on the eyes, less compression")
        )
    else:
        findings.append(Finding("blur", "good", text))
    return findings


def refuse_failed(findings: Sequence[Finding], force: bool) -> None:
    """Stop where a check failed.

    Raises:
        InputError: naming all that failed, unless `force`.
    """
    failed = [finding.sentence for finding in findings if finding.level == "failed"]
    if failed and not force:
        raise InputError(f"the video cannot become an avatar: {'. '.join(failed)} (--force goes on all the same)")


def _length(track: PersonTrack, settings: DataSettings) -> Finding:
    seen = int(track.seen.sum())
    seconds = seen / FRAME_RATE
    share = seen / track.num_frames
    text = f"{seconds:.1f} s with the face, in {share:.0%} of the frames"
    if seconds < settings.minimum_seconds:
        return Finding(
            "length", "failed", text, f"give {settings.minimum_seconds:g} s or more, better 3 to 5 minutes of speech"
        )
    if share < SEEN_LITTLE:
        return Finding("length", "remark", text, "cut out what does not show the person")
    if seconds < GOOD_SECONDS:
        return Finding("length", "remark", text, "3 to 5 minutes make a mouth that has seen every speech sound")
    return Finding("length", "good", text)


def _camera(camera: CameraMotion) -> Finding:
    if camera.difference is None:
        return Finding(
            "camera",
            "remark",
            "too little of the scene is seen beside the person to tell whether the camera stood still",
            "see that it did",
        )
    if camera.difference > OTHER_SCENE:
        return Finding(
            "camera",
            "failed",
            f"the background differs by {camera.difference:.0f} grey levels between parts of the video",
            "give only what one fixed camera recorded before one background, in the same light",
        )
    if camera.shift is None:
        return Finding(
            "camera", "good", f"the background is plain and stays within {camera.difference:.1f} grey levels"
        )
    text = f"the background moves by up to {camera.shift:.1%} of the image's width"
    if camera.shift > MOVED_FAR:
        return Finding("camera", "failed", text, "put the camera on a stand, or stabilise the video, and crop it")
    if camera.shift > MOVED:
        return Finding("camera", "remark", text, "a camera on a stand gives a sharper head")
    return Finding("camera", "good", text)


def _cuts(track: PersonTrack) -> Finding:
    cuts = len(stretches(track.stretch)) - len(stretches(track.video))
    if cuts == 0:
        return Finding("cuts", "good", "no cuts")
    return Finding("cuts", "remark", f"{cuts} cuts within the videos", "uncut video of one camera is safer")


def _second_faces(beside: np.ndarray) -> Finding:
    share = float(beside.mean())
    if share <= BESIDE:
        return Finding("faces", "good", "one face")
    return Finding(
        "faces",
        "remark",
        f"a second face is seen in {share:.0%} of the frames",
        "take it out of the image: everything that is not the person should stand still",
    )


def _pose(track: PersonTrack) -> Finding:
    shown = track.status != FrameStatus.ABSENT
    if not shown.any():
        return Finding("pose", "good", "no face")
    angles = np.abs(head_angles(facing(track.rotations[shown], track.translations[shown])))
    yaw, pitch = (float(value) for value in np.percentile(angles[:, :2], 98, axis=0))
    text = f"the head turns by up to {yaw:.0f} degrees to the side and {pitch:.0f} up or down"
    if max(yaw, pitch) > TURNED:
        return Finding("pose", "remark", text, "let the person look about into the camera: profiles are rendered badly")
    return Finding("pose", "good", text)


def _face_size(track: PersonTrack) -> Finding:
    if not track.seen.any():
        return Finding("face size", "good", "no face")
    size = float(np.median(face_size(track.landmarks[track.seen])))
    text = f"the face is {size:.0f} pixels large"
    if size < SMALL_FACE:
        return Finding("face size", "remark", text, "go nearer, or give a video of higher resolution")
    return Finding("face size", "good", text)


def _audio(audio: PersonAudio) -> Finding:
    if audio.silent == len(audio.waveforms):
        return Finding("audio", "failed", "no video has audio that can be decoded", "give video with speech")
    if audio.silent:
        return Finding(
            "audio",
            "remark",
            f"{audio.silent} of {len(audio.waveforms)} videos have no audio",
            "leave those out: a mouth that moves in silence teaches nothing good",
        )
    if audio.level < QUIET:
        return Finding(
            "audio", "failed", f"the loudest moments have {audio.level:.0f} dB", "give video with audible speech"
        )
    return Finding("audio", "good", f"speech of {audio.level:.0f} dB at its loudest")


def _sync(lags: Lags) -> Finding:
    if not lags.is_sure:
        return Finding(
            "sync",
            "remark",
            "whether audio and lips are in step could not be measured",
            "see that they are; the audio was left as it is",
        )
    largest = max(lags.seconds, key=abs)
    if largest == 0:
        return Finding("sync", "good", "audio and lips are in step")
    late = "late" if largest < 0 else "early"
    return Finding("sync", "good", f"the audio came up to {abs(largest) * 1000:.0f} ms too {late}, and was moved")
