"""The recording as a network hears it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from visavox.audio.features.mel import StreamingMel
from visavox.audio.silence import gate_silence
from visavox.constants import SAMPLE_RATE
from visavox.errors import InputError
from visavox.media import SampleReader
from visavox.types import PathLike

_CHUNK = 10 * SAMPLE_RATE


@dataclass(frozen=True)
class Speech:
    """A recording, heard to its end."""

    path: str
    """The file."""
    seconds: Fraction
    """Its length."""
    mel: torch.Tensor
    """float32 (80, M) in [-4, 4], 80 frames a second."""


def read_speech(path: PathLike, *, close_in_silence: bool = True) -> Speech:
    """Read a recording in chunks, so that its samples are never in memory at once.

    Args:
        path: any file with sound.
        close_in_silence: give silence for what is heard in pauses.

    Raises:
        InputError: it cannot be read, has no sound, or its sound has no length.
    """
    reader, mel = SampleReader(path, SAMPLE_RATE, 1), StreamingMel()
    parts, num_samples = [], 0
    try:
        while len(samples := reader.read(_CHUNK)[:, 0]):
            parts.append(mel.push(np.clip(samples, -1.0, 1.0)))
            num_samples += len(samples)
    finally:
        reader.close()
    if num_samples == 0:
        raise InputError(f"the sound of {path} has no length; give a recording of speech")
    frames = torch.cat([*parts, mel.flush()], dim=1)
    return Speech(str(path), Fraction(num_samples, SAMPLE_RATE), gate_silence(frames) if close_in_silence else frames)
