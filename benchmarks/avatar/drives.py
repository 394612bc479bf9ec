"""What moves the face of an avatar when its held-out part is drawn."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.motion.model import write_wav
from visavox.avatar.speak.job import Avatar
from visavox.avatar.speak.settings import AvatarSpeakSettings
from visavox.constants import SAMPLES_PER_FRAME
from visavox.data.radiance import PersonData
from visavox.face.geometry.motion import resting_face
from visavox.models.motion import MotionVae
from visavox.types import HeadPose
from visavox.weights import load_model

Drive = Literal["still", "landmarks", "sound", "sound-without-postnet"]

LABELS: dict[Drive, str] = {
    "still": "still face",
    "landmarks": "true landmarks",
    "sound": "own sound",
    "sound-without-postnet": "own sound, no post-net",
}
"""Names in tables."""


@dataclass(frozen=True)
class Stretch:
    """T frames of a held-out part, in which time goes on without a joint."""

    start: int
    """Number of its first frame in the data set."""
    displacements: np.ndarray
    """float32 (T, 68, 3), centimetres: what the face did."""
    pose: HeadPose
    """Where the head was."""
    sound: np.ndarray
    """float32 (640 T,), 16 kHz: what was said."""
    usable: np.ndarray
    """bool (T,): frames that count."""

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.displacements)


def held_out(data: PersonData) -> list[Stretch]:
    """Return the stretches of the test part that have a usable frame, in time order."""
    found = []
    for start, stop in data.split["test"]:
        sound = data.speech[start * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME].astype(np.float32) / 32768
        pose = HeadPose(data.rotations[start:stop], data.translations[start:stop], (data.size, data.size))
        found.append(Stretch(start, data.displacements[start:stop], pose, sound, data.usable[start:stop]))
    return [stretch for stretch in found if stretch.usable.any()]


def open_drive(name: Drive, avatar: Avatar, settings: AvatarSpeakSettings) -> Callable[[Stretch], np.ndarray]:
    """Make what turns a stretch into displacements, float32 (T, 68, 3), that an avatar is drawn from.

    Args:
        name: `landmarks` are the true ones; `still` is the mean face of the avatar's performance with its mouth shut;
            `sound` is what `visavox avatar speak` makes of the speech, eyes as the speech leaves them;
            `sound-without-postnet` the same as if the avatar had none.
        avatar: who is drawn.
        settings: of speaking; seed and temperature count.
    """
    if name == "landmarks":
        return lambda stretch: stretch.displacements
    if name == "still":
        rest = _rest(avatar)
        return lambda stretch: np.repeat(rest[None], stretch.num_frames, axis=0)
    speaker = avatar if name == "sound" else Avatar(replace(avatar.parts, adapter=None), avatar.device)
    return lambda stretch: _spoken(speaker, stretch, settings)


def _rest(avatar: Avatar) -> np.ndarray:
    vae = load_model(avatar.parts.info.motion, MotionVae)
    known = avatar.parts.motion
    seen = known.displacements[known.confidence > 0]
    return resting_face(seen, vae.opening_mode.numpy().reshape(68, 3))


def _spoken(avatar: Avatar, stretch: Stretch, settings: AvatarSpeakSettings) -> np.ndarray:
    with tempfile.TemporaryDirectory(prefix="visavox-") as folder:
        path = Path(folder) / "speech.wav"
        write_wav(path, stretch.sound)
        return avatar.motion_of(path, settings).displacements
