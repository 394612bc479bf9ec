"""Everything that can be known to be wrong before the work starts."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from typing import Any

from visavox.dubbing.backends import check_backend
from visavox.dubbing.first_pass import load_fitting_tracks
from visavox.dubbing.settings import DubSettings
from visavox.errors import InputError
from visavox.face.geometry import check_face_box
from visavox.media import STANDARD_STREAM, AudioPlan, VideoInfo, VideoWriter, check_output, probe, probe_audio
from visavox.types import Motion, PathLike, Track
from visavox.weights import model_info

_MISCOUNT = 25
"""Frames by which the declared number may be wrong."""


@dataclass(frozen=True)
class DubRequest:
    """One job that passed the checks."""

    info: VideoInfo
    """The video or image."""
    audio: str
    """File with the speech."""
    output: str
    """Path of the result."""
    settings: DubSettings
    """Settings of the job."""
    tracks: tuple[Track, ...] | None = None
    """Faces of the track file, where one is given."""
    motion: Motion | None = None
    """Motion of the motion file, where one is given."""


def choose_settings(settings: DubSettings | None, options: dict[str, Any]) -> DubSettings:
    """Return `settings` with some fields changed.

    Raises:
        InputError: there is no such field, or a value is not allowed.
    """
    known = [field.name for field in fields(DubSettings)]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise InputError(f"unknown option {', '.join(unknown)}; the options of a dub are {', '.join(known)}")
    return replace(settings or DubSettings(), **options)


def check_request(face: PathLike, audio: PathLike, output: PathLike, settings: DubSettings) -> DubRequest:
    """Look at all files and options of a job.

    Raises:
        InputError: something cannot be used.
    """
    sources = [face, audio, *(path for path in (settings.track, settings.motion) if path is not None)]
    check_output(output, sources, settings.overwrite)
    if settings.save_track is not None:
        check_output(settings.save_track, [*sources, output], settings.overwrite, extensions=(".npz",))
    info = probe(face)
    probe_audio(audio)
    if settings.mix is not None and not info.has_audio:
        raise InputError(f"{face} has no soundtrack to keep under the speech; leave out --mix")
    if settings.face_box is not None:
        check_face_box(settings.face_box, (info.width, info.height))
    tracks = None if settings.track is None else tuple(load_fitting_tracks(info, settings))
    motion = None
    if settings.motion is not None:
        from visavox.motion.motion_file import load_motion

        motion = load_motion(settings.motion)
    frames = info.expected_frames
    if settings.reference.isdecimal() and frames is not None and int(settings.reference) > frames + _MISCOUNT:
        raise InputError(f"reference frame {settings.reference} is not in {face}, which has {frames} frames")
    _rehearse(info, str(audio), output, settings)
    return DubRequest(info, str(audio), str(output), settings, tracks, motion)


def check_model(model: object, settings: DubSettings | None = None) -> None:
    """See whether a model is there, renders mouths, and fits the options, by the header of its file alone.

    Raises:
        InputError: it is not, or does not.
    """
    if not isinstance(model, str | os.PathLike):
        return
    info = model_info(model)
    if info.spec is None:
        raise InputError(
            f"model {model} is a network of the kind '{info.network}', which generates no faces; give a generator, such"
            " as wav2lip (`visavox models list` shows them)"
        )
    audio_driven = info.spec.audio is not None
    settings = settings or DubSettings()
    check_backend(settings.backend)
    check_fit(settings, audio_driven=audio_driven, knows_motion=info.has_speech_branch or not audio_driven)
    if not audio_driven and settings.motion is None:
        from visavox.motion.speech_to_motion import SpeechToMotionSettings

        model_info(SpeechToMotionSettings().model)


def check_fit(settings: DubSettings, *, audio_driven: bool, knows_motion: bool) -> None:
    """See whether the options are some that a generator understands.

    Args:
        settings: of the job.
        audio_driven: whether audio drives it; if not, motion does.
        knows_motion: whether the motion of the mouth is known before it is rendered.

    Raises:
        InputError: an option means nothing to it.
    """
    if settings.expressiveness is not None and not knows_motion:
        raise InputError(
            "expressiveness is given, but this model predicts no mouth motion before it renders; leave the "
            "option out, or use the default model"
        )
    for name in ("motion", "openness", "seed", "temperature"):
        if audio_driven and getattr(settings, name) is not None:
            raise InputError(
                f"{name} is given, but audio drives this model, not motion; leave the option out, or use the "
                "model motion-dub"
            )
    if not audio_driven and not settings.close_in_silence:
        raise InputError(
            "close_in_silence is off, but motion drives this model, and that rests in pauses of itself; leave the "
            "option out, or use another model"
        )


def _rehearse(info: VideoInfo, audio: str, output: PathLike, settings: DubSettings) -> None:
    """Open the result as it will be opened and drop it: an encoder, a container or a disk may refuse."""
    if str(output) == STANDARD_STREAM:
        return
    VideoWriter(
        output,
        like=info,
        audio=audio_plan(info, audio, settings, tail_original=False),
        encoding=settings.encoding,
        overwrite=settings.overwrite,
    ).abort()


def audio_plan(info: VideoInfo, audio: str, settings: DubSettings, *, tail_original: bool) -> AudioPlan:
    """Plan the soundtrack of the result.

    Args:
        info: the video.
        audio: file with the speech.
        settings: of the job.
        tail_original: whether the video's own audio goes on after the speech.
    """
    original = info.path if info.has_audio and (settings.mix is not None or tail_original) else None
    return AudioPlan(
        audio,
        original=original,
        mix_level=settings.mix,
        tail_original=tail_original and original is not None,
    )
