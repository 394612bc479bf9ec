"""From speech to motion: the first half of GeneFace, on sound of any length."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np

from visavox.audio.features.speech_features import SpeechFeatures, load_features
from visavox.audio.silence import find_silence_in, gate_sound
from visavox.constants import FRAME_RATE, SAMPLE_RATE
from visavox.errors import InputError
from visavox.face.geometry.resting_face import lip_gap, resting_face
from visavox.media.sound import SampleReader
from visavox.models.motion.motion_vae import MotionVae
from visavox.motion.motion_stream import MotionStream
from visavox.progress import QUIET, Progress
from visavox.types import Motion, PathLike
from visavox.weights.checkpoint import load_model

_PIECE = 16 * SAMPLE_RATE
"""Samples that are read at a time."""
_CLOSING = 0.12
"""Seconds from the end of a sound until the lips are at rest."""
_OPENING = 0.14
"""Seconds before a sound at which they leave it: mouths open before they speak."""
_SCALES = (0.6, 1.6)
"""Least and largest size of a person's motion against the typical one: beyond it their footage misleads."""

Adaptation = Callable[[np.ndarray], np.ndarray]
"""Brings displacements (T, 68, 3) into the manner of one person, such as the post-net does."""


@dataclass(frozen=True)
class SpeakSettings:
    """How speech becomes motion."""

    model: str = "motion"
    """Motion VAE: a shipped name, a path, or hf:OWNER/REPOSITORY/FILE."""
    seed: int = 0
    """Another seed gives another motion for the same speech."""
    temperature: float = 0.7
    """How much is left to chance: 0 gives the most likely motion, 1 all that the network holds for likely."""
    openness: float = 1.0
    """How far everything moves from the face at rest, against what is predicted."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        if not 0 <= self.temperature <= 2:
            raise InputError(f"the temperature is {self.temperature:g}; give 0 (most likely) to 2, such as 0.7.")
        if not 0 <= self.openness <= 3:
            raise InputError(f"the openness is {self.openness:g}; give 0 to 3, 1 for what is predicted.")
        if self.seed < 0:
            raise InputError(f"the seed is {self.seed}; give 0 or more.")


def speak(
    audio_path: PathLike,
    settings: SpeakSettings | None = None,
    progress: Progress = QUIET,
    *,
    person: Motion | None = None,
    adaptation: Adaptation | None = None,
) -> Motion:
    """Turn speech into the motion of a face.

    The sound is read twice, piece by piece: for its pauses, and for what is said. In pauses of 0.3 s or more the mouth
    is at rest.

    Args:
        audio_path: any file with sound.
        settings: how.
        progress: where progress is shown.
        person: motion of the person who is to speak: gives their face at rest, and how widely they move; the
            typical face by default.
        adaptation: what brings the motion into a person's manner, applied to the displacements of the whole.

    Returns:
        A motion of 25 frames a second, as long as the sound; its neutral face is its own mean, or the person's.

    Raises:
        InputError: file, model or settings cannot be used.
    """
    settings = settings or SpeakSettings()
    vae = cast(MotionVae, load_model(settings.model, network="motion_vae"))
    features = load_features(vae.config.features)
    if features.size != vae.config.speech.feature_size:
        raise InputError(
            f"{settings.model} hears {vae.config.speech.feature_size} numbers a row, and the features "
            f"{vae.config.features} have {features.size}; give the features that it was trained with."
        )
    silences, num_samples = find_silence_in(_pieces(audio_path))
    if num_samples == 0:
        raise InputError(f"the sound of {audio_path} has no length; give a recording of speech")
    num_frames = -(-num_samples * FRAME_RATE // SAMPLE_RATE)
    # All motion of a long recording is megabytes: it is held once, and changed where it lies.
    motion, made = np.empty((num_frames, 68, 3), np.float32), 0
    with progress.bar("speaking", num_frames) as bar:
        for part in _motions(audio_path, vae, features, settings, silences, num_samples):
            part = part[: num_frames - made]
            motion[made : made + len(part)] = part
            made += len(part)
            bar.update(len(part))
    assert made == num_frames
    motion *= (settings.openness * (1 - rest_shares(silences, num_frames, num_samples)))[:, None, None]
    # An adaptation was taught on the typical face, and brings the person's with it.
    rest, scale = _person(vae, person if adaptation is None else None)
    motion *= scale
    motion += rest
    if adaptation is not None:
        motion = adaptation(motion).astype(np.float32, copy=False)
    neutral = motion.mean(axis=0) if person is None or adaptation is not None else person.neutral
    return Motion(motion, np.ones(len(motion), np.float32), neutral)


def rest_shares(silences: list[tuple[float, float]], num_frames: int, num_samples: int) -> np.ndarray:
    """Tell how far the face is at rest in each frame: 1 in a pause, 0 in speech, with ramps inside the pause.

    Args:
        silences: (start, end) in seconds, as `find_silence` gives them.
        num_frames: frames of the motion.
        num_samples: samples of the sound, whose beginning and end need no ramp.

    Returns:
        float32 (num_frames,).
    """
    times = (np.arange(num_frames) + 0.5) / FRAME_RATE
    shares = np.zeros(num_frames)
    for start, end in silences:
        closing = np.ones(num_frames) if start <= 0 else (times - start) / _CLOSING
        opening = np.ones(num_frames) if end >= num_samples / SAMPLE_RATE else (end - times) / _OPENING
        inside = (times >= start) & (times <= end) if start > 0 else times <= end
        if end >= num_samples / SAMPLE_RATE:
            inside = times >= start
        shares = np.maximum(shares, np.where(inside, np.minimum(closing, opening).clip(0, 1), 0))
    return shares.astype(np.float32)


def _pieces(path: PathLike) -> Iterator[np.ndarray]:
    """Yield the sound of a file in pieces, float32 (n,), 16 kHz mono."""
    reader = SampleReader(os.fspath(path), SAMPLE_RATE, channels=1)
    try:
        while len(piece := reader.read(_PIECE)):
            yield np.clip(piece[:, 0], -1.0, 1.0)
    finally:
        reader.close()


def _motions(
    path: PathLike,
    vae: MotionVae,
    features: SpeechFeatures,
    settings: SpeakSettings,
    silences: list[tuple[float, float]],
    num_samples: int,
) -> Iterator[np.ndarray]:
    """Yield motion from the face at rest, (n, 68, 3), as the sound is read."""
    rows = features.stream()
    motions = MotionStream(vae, seed=settings.seed, temperature=settings.temperature)
    position = 0
    for piece in _pieces(path):
        gated = gate_sound(piece, silences, first_sample=position, num_samples=num_samples)
        position += len(piece)
        yield motions.push(rows.push(gated))
    yield motions.push(rows.flush())
    yield motions.flush()


def _person(vae: MotionVae, person: Motion | None) -> tuple[np.ndarray, float]:
    """Face at rest, (68, 3) from the canonical face, and size of the motion against the typical one."""
    if person is None:
        return vae.rest.numpy().reshape(68, 3), 1.0
    seen = person.displacements[person.confidence > 0]
    if len(seen) == 0:
        raise InputError("the person's motion has no frame in which their face was seen; give footage with their face.")
    rest = resting_face(seen, vae.opening_mode.numpy().reshape(68, 3))
    scale = float(lip_gap(seen).std()) / max(float(vae.opening_deviation), 1e-6)
    # A person who hardly speaks in their footage says nothing of how widely they speak.
    return rest, float(np.clip(scale, *_SCALES)) if len(seen) >= FRAME_RATE else 1.0
