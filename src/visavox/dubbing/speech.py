"""The recording of a dub: its length, its mel, and the audio features that drive the generator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from visavox.audio import gate_audio, gate_silence, silences_of
from visavox.audio.features import SpeechFeatures, StreamingMel
from visavox.constants import SAMPLE_RATE
from visavox.errors import InputError
from visavox.media import SampleReader
from visavox.models.generator import AudioSpec
from visavox.speech import features_for, is_wav2lip_mel
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


def read_speech(path: PathLike, audio: AudioSpec | None = None, *, close_in_silence: bool = True) -> Speech:
    """Read a recording in pieces, so that its samples are never in memory at once.

    Features but the mel are computed in a second reading, because what is silence is known only at the end of the
    first.

    Args:
        path: any file with audio.
        audio: features that drive a generator beside the mel; none by default.
        close_in_silence: give silence for what is heard in pauses.

    Raises:
        InputError: it cannot be read, has no audio, or its audio has no length; or the features cannot be loaded.
    """
    features = None if audio is None or is_wav2lip_mel(audio) else features_for(audio)
    mel, parts, num_samples = StreamingMel(), [], 0
    for samples in _pieces(path):
        parts.append(mel.push(samples))
        num_samples += len(samples)
    if num_samples == 0:
        raise InputError(f"the sound of {path} has no length; give a recording of speech")
    frames = torch.cat([*parts, mel.flush()], dim=1)
    given = (gate_silence(frames) if close_in_silence else frames).numpy()
    rows = given
    if features is not None:
        silences = silences_of(frames, num_samples) if close_in_silence else []
        rows = _rows(features, path, silences, num_samples)
    return Speech(str(path), Fraction(num_samples, SAMPLE_RATE), given, rows)


def _rows(
    features: SpeechFeatures, path: PathLike, silences: list[tuple[float, float]], num_samples: int
) -> np.ndarray:
    """Compute features of a recording whose silences are known, float32 (C, M')."""
    stream, position, rows = features.stream(), 0, []
    for samples in _pieces(path):
        rows.append(stream.push(gate_audio(samples, silences, first_sample=position, num_samples=num_samples)))
        position += len(samples)
    return np.ascontiguousarray(np.concatenate([*rows, stream.flush()]).T)


def _pieces(path: PathLike) -> Iterator[np.ndarray]:
    """Yield the audio of a file in pieces, float32 (n,), 16 kHz mono in [-1, 1]."""
    reader = SampleReader(path, SAMPLE_RATE, 1)
    try:
        while len(samples := reader.read(_CHUNK)[:, 0]):
            yield np.clip(samples, -1.0, 1.0)
    finally:
        reader.close()
