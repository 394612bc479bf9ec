"""A motion model as this benchmark asks it: audio in, displacements out, by the way that `visavox motion` goes."""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from visavox.motion.speech_to_motion import SpeechToMotionSettings, speech_to_motion

Sample = Callable[[np.ndarray, int], np.ndarray]
"""Audio, float32 (N,) of 16 kHz, and a seed, to displacements (T, 68, 3)."""


def model_sampler(model: str, temperature: float) -> Sample:
    """Ask a motion model, with the typical face and nothing known of the person.

    Args:
        model: shipped name, path, or hf:OWNER/REPOSITORY/FILE.
        temperature: 0 for the most likely motion.
    """

    def sample(audio: np.ndarray, seed: int) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            write_wav(path, audio)
            settings = SpeechToMotionSettings(model=model, seed=seed, temperature=temperature)
            return speech_to_motion(path, settings).displacements

    return sample


def write_wav(path: Path, audio: np.ndarray) -> None:
    """Write 16-bit audio of 16 kHz, which is what prepared clips hold."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.clip(np.rint(audio * 32768), -32768, 32767).astype("<i2").tobytes())
