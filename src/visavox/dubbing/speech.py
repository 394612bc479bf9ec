"""The recording of a dub: its length, its mel, and the audio features that drive the generator."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
import torch

from visavox.audio import gate_silence
from visavox.audio.features import StreamingMel
from visavox.constants import SAMPLE_RATE
from visavox.errors import InputError
from visavox.media import SampleReader
from visavox.models.generator import AudioSpec
from visavox.speech import is_wav2lip_mel, load_features
from visavox.types import PathLike

_CHUNK = 10 * SAMPLE_RATE


@dataclass(frozen=True)
class Speech:
    """A recording, read to its end."""

    path: str
    """The file."""
    seconds: Fraction
    """Its length."""
    mel: np.ndarray
    """float32 (80, M) in [-4, 4], 80 frames a second."""
    rows: np.ndarray
    """float32 (C, M'), the audio features that drive the generator; the mel where they are none of their own."""


class _Stream(Protocol):
    def push(self, samples: np.ndarray) -> np.ndarray: ...
    def flush(self) -> np.ndarray: ...


def read_speech(path: PathLike, audio: AudioSpec | None = None, *, close_in_silence: bool = True) -> Speech:
    """Read a recording in chunks, so that its samples are never in memory at once.

    Args:
        path: any file with audio.
        audio: features that drive a generator beside the mel; none by default.
        close_in_silence: give silence for what is heard in pauses.

    Raises:
        InputError: it cannot be read, has no audio, or its audio has no length; or the features cannot be loaded.
    """
    features: _Stream | None = None
    if audio is not None and not is_wav2lip_mel(audio):
        features = load_features(audio.features).stream()
    reader, mel = SampleReader(path, SAMPLE_RATE, 1), StreamingMel()
    parts, rows, num_samples = [], [], 0
    try:
        while len(samples := reader.read(_CHUNK)[:, 0]):
            clipped = np.clip(samples, -1.0, 1.0)
            parts.append(mel.push(clipped))
            if features is not None:
                rows.append(features.push(clipped))
            num_samples += len(samples)
    finally:
        reader.close()
    if num_samples == 0:
        raise InputError(f"the sound of {path} has no length; give a recording of speech")
    frames = torch.cat([*parts, mel.flush()], dim=1)
    given = (gate_silence(frames) if close_in_silence else frames).numpy()
    if features is not None:
        return Speech(
            str(path),
            Fraction(num_samples, SAMPLE_RATE),
            given,
            np.ascontiguousarray(np.concatenate([*rows, features.flush()]).T),
        )
    return Speech(str(path), Fraction(num_samples, SAMPLE_RATE), given, given)
