"""From speech to motion: the first half of GeneFace, on a recording of any length.

speech features ──► MotionStream (VAE, chunk by chunk) ──► pauses, size, face at rest ──► SpeakerAdapter (post-net)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch

from visavox.audio import find_silence_in, gate_audio
from visavox.audio.features import SpeechFeatures
from visavox.constants import FRAME_RATE, SAMPLE_RATE
from visavox.errors import InputError
from visavox.face.geometry import lip_gap, resting_face
from visavox.media import SampleReader
from visavox.models.motion import NUM_POINTS, ROWS_PER_FRAME, SQUEEZE, MotionVae, PostNet, draw_noise
from visavox.progress import QUIET, Progress
from visavox.runtime.ranges import Range, check_ranges
from visavox.speech import load_features
from visavox.types import Motion, PathLike
from visavox.weights import load_model

_PIECE = 16 * SAMPLE_RATE
"""Samples that are read at a time."""
_CLOSING = 0.12
"""Seconds from the end of speech until the lips are at rest."""
_OPENING = 0.14
"""Seconds before speech at which they leave it: mouths open before they speak."""
_SCALES = (0.6, 1.6)
"""Least and largest size of a person's motion against the typical one: beyond it their video misleads."""

Adaptation = Callable[[np.ndarray], np.ndarray]
"""Brings displacements (T, 68, 3) to those of one person, as the post-net does."""


@dataclass(frozen=True)
class SpeechToMotionSettings:
    """Model, seed and strength of the motion that is made from speech."""

    model: str = "motion"
    """Motion VAE: a shipped name, a path, or hf:OWNER/REPOSITORY/FILE."""
    seed: Annotated[int, Range(minimum=0)] = 0
    """Another seed gives another motion for the same speech."""
    temperature: Annotated[float, Range(0, 2, lowest="most likely", example=0.7)] = 0.7
    """Share of chance: 0 gives the most likely motion, 1 all that the network holds for likely."""
    openness: Annotated[float, Range(0, 3, example=1)] = 1.0
    """Distance from the face at rest, as a multiple of what is predicted."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)


def speech_to_motion(
    audio_path: PathLike,
    settings: SpeechToMotionSettings | None = None,
    progress: Progress = QUIET,
    *,
    person: Motion | None = None,
    adaptation: Adaptation | None = None,
) -> Motion:
    """Turn speech into the motion of a face.

    The recording is read twice, piece by piece: for its pauses, and for what is said. In pauses of 0.3 s or more the
    mouth is at rest.

    Args:
        audio_path: any file with audio.
        settings: how.
        progress: takes the events.
        person: motion of the person who is to speak: gives their face at rest, and how much they move; the
            typical face by default.
        adaptation: brings the motion to one person, applied to the displacements of the whole.

    Returns:
        A motion of 25 frames a second, as long as the recording; its neutral face is its own mean, or the person's.

    Raises:
        InputError: file, model or settings cannot be used.
    """
    settings = settings or SpeechToMotionSettings()
    vae = load_model(settings.model, MotionVae)
    features = load_features(vae.config.features)
    if features.size != vae.config.speech.feature_size:
        raise InputError(
            f"{settings.model} takes {vae.config.speech.feature_size} numbers a row, and the features "
            f"{vae.config.features} have {features.size}; give the features that it was trained with"
        )
    silences, num_samples = find_silence_in(_pieces(audio_path))
    if num_samples == 0:
        raise InputError(f"the audio of {audio_path} has no length; give a recording of speech")
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
    """Compute how far the face is at rest in each frame: 1 in a pause, 0 in speech, with ramps inside the pause.

    Args:
        silences: (start, end) in seconds, as `find_silence` gives them.
        num_frames: frames of the motion.
        num_samples: samples of the recording, whose beginning and end need no ramp.

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
    """Yield the audio of a file in pieces, float32 (n,), 16 kHz mono."""
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
    settings: SpeechToMotionSettings,
    silences: list[tuple[float, float]],
    num_samples: int,
) -> Iterator[np.ndarray]:
    """Yield motion from the face at rest, (n, 68, 3), as the recording is read."""
    rows = features.stream()
    motions = MotionStream(vae, seed=settings.seed, temperature=settings.temperature)
    position = 0
    for piece in _pieces(path):
        gated = gate_audio(piece, silences, first_sample=position, num_samples=num_samples)
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
        raise InputError("the person's motion has no frame in which their face was seen; give video with their face")
    rest = resting_face(seen, vae.opening_mode.numpy().reshape(68, 3))
    scale = float(lip_gap(seen).std()) / max(float(vae.opening_deviation), 1e-6)
    # A person who hardly speaks in their video shows nothing of how much they move.
    return rest, float(np.clip(scale, *_SCALES)) if len(seen) >= FRAME_RATE else 1.0


CHUNK_FRAMES = 400
"""Frames that are made at a time: 16 s, against about 5 s of context that every chunk takes in twice."""


class MotionStream:
    """Takes rows of speech features as they come, and gives motion as soon as its context is known.

    Every chunk takes in as much before and after itself as the network can use, and noise is drawn frame after frame,
    so the seams do not show. Memory does not grow.

    Args:
        vae: the network.
        seed: where chance comes from.
        temperature: how much of it: 0 gives the most likely motion, 1 what the prior says.
        chunk_frames: frames that are made at a time, a multiple of 4.
    """

    def __init__(
        self, vae: MotionVae, *, seed: int = 0, temperature: float = 1.0, chunk_frames: int = CHUNK_FRAMES
    ) -> None:
        if chunk_frames < SQUEEZE or chunk_frames % SQUEEZE:
            raise ValueError(f"a chunk of {chunk_frames} frames is no multiple of {SQUEEZE}")
        self.vae, self.temperature, self.chunk_frames = vae, temperature, chunk_frames
        self._context = SQUEEZE * -(-vae.reach // SQUEEZE)
        self._generator = np.random.default_rng(seed)
        size = vae.config.speech.feature_size
        self._rows = torch.zeros(0, size)  # from frame self._start on
        self._noise = torch.zeros(1, vae.config.latent, 0)
        self._start = 0
        self._given = 0

    def push(self, rows: np.ndarray) -> np.ndarray:
        """Take the next rows, float32 (k, C); return float32 (n, 68, 3), centimetres from the face at rest."""
        self._rows = torch.cat([self._rows, torch.from_numpy(rows)])
        made = [np.zeros((0, NUM_POINTS, 3), np.float32)]
        while self._known() >= self._given + self.chunk_frames + self._context:
            made.append(self._make(self.chunk_frames, self.chunk_frames + self._context))
        return np.concatenate(made)

    def flush(self) -> np.ndarray:
        """Return what was waiting for rows that will not come, float32 (n, 68, 3)."""
        made = [np.zeros((0, NUM_POINTS, 3), np.float32)]
        while remaining := self._known() - self._given:
            made.append(
                self._make(min(remaining, self.chunk_frames), min(remaining, self.chunk_frames + self._context))
            )
        return np.concatenate(made)

    def _known(self) -> int:
        """Frames whose rows have come."""
        return self._start + len(self._rows) // ROWS_PER_FRAME

    def _make(self, count: int, context: int) -> np.ndarray:
        """Make the next `count` frames from `context` frames of features from their first on, and what came before."""
        stop = self._given + context
        rows = self._rows[: ROWS_PER_FRAME * (stop - self._start)]
        latents = -(-(stop - self._start) // SQUEEZE)
        missing = latents - self._noise.shape[2]
        drawn = draw_noise(self._generator, 1, self.vae.config.latent, max(missing, 0))
        self._noise = torch.cat([self._noise, drawn], dim=2)
        device = self.vae.rest.device
        motion = self.vae.sample(
            rows[None].to(device), temperature=self.temperature, noise=self._noise[..., :latents].to(device)
        )
        first = self._given - self._start
        made = motion[0, first : first + count].float().cpu().numpy().reshape(-1, NUM_POINTS, 3)
        self._given += count
        drop = max(0, (self._given - self._context - self._start) // SQUEEZE * SQUEEZE)
        self._rows = self._rows[ROWS_PER_FRAME * drop :].clone()
        self._noise = self._noise[..., drop // SQUEEZE :].clone()
        self._start += drop
        return made


ADAPTED_FRAMES = 1500
"""Frames that the post-net is given at a time: a minute, which bounds the memory."""


class SpeakerAdapter:
    """Brings motion of any length to one person: the post-net, piece by piece."""

    def __init__(self, postnet: PostNet) -> None:
        self.postnet = postnet

    @classmethod
    def load(cls, name_or_path: str) -> SpeakerAdapter:
        """Load a post-net.

        Args:
            name_or_path: a shipped name, a path, or `hf:OWNER/REPOSITORY/FILE`.

        Raises:
            InputError: there is no such file, or it holds something else.
        """
        postnet = load_model(name_or_path, PostNet)
        return cls(postnet)

    @property
    def neutral(self) -> np.ndarray:
        """The person's mean displacement, float32 (68, 3), centimetres from the canonical face."""
        return self.postnet.neutral.cpu().numpy()

    @torch.no_grad()
    def __call__(self, displacements: np.ndarray) -> np.ndarray:
        """Move displacements from the canonical face, (T, 68, 3) in centimetres, to those of the person: float32."""
        moved = np.empty(displacements.shape, np.float32)
        reach = self.postnet.reach
        for start in range(0, len(displacements), ADAPTED_FRAMES):
            first, stop = max(0, start - reach), start + ADAPTED_FRAMES + reach
            piece = torch.from_numpy(displacements[first:stop].astype(np.float32))
            made = self.postnet(piece[None].to(self.postnet.person_mean.device))[0].cpu().numpy()
            moved[start : start + ADAPTED_FRAMES] = made[start - first : start - first + ADAPTED_FRAMES]
        return moved
