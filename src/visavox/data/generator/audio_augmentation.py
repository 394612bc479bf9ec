"""Augmentation of the audio of clips, before features of it are computed.

Features of a network cannot be changed as a mel can: nobody knows what their numbers would be in noise. So a few
changed copies of each clip's audio are made once, and their features are kept beside the clips as those of the audio
itself are. Speed and pitch change together, as by another size of the speaker: copy and clip differ in time by a
factor, and the mouth at second t of the clip goes with second t / speed of the copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from scipy.signal import butter, fftconvolve, resample_poly, sosfilt

from visavox.constants import SAMPLE_RATE

_SPEED_STEPS = 50
"""Speeds are multiples of one over this, so that a resampling is exact."""
_TELEPHONE_BAND = (300.0, 3400.0)
"""Hz that a telephone transmits."""
_LARGEST = 0.99
"""Samples are scaled so that none is above this."""


@dataclass(frozen=True)
class AudioAugmentation:
    """Amounts of change of a recording; each copy is changed by a draw of its own."""

    copies: int = 0
    """Changed copies of the audio of each clip; 0: the audio as it is, alone."""
    level: float = 6.0
    """Standard deviation of the loudness, in decibels."""
    speed: float = 0.14
    """Largest change of speed and pitch, as a share."""
    background: float = 0.7
    """Chance that noise, music or another voice is heard in the background."""
    background_level: tuple[float, float] = (-25.0, 3.0)
    """Level of the background against the speech, in decibels."""
    room: float = 0.3
    """Chance that the voice is heard in a room with an echo."""
    telephone: float = 0.12
    """Chance that the voice comes through a telephone."""


class ChangedAudio(NamedTuple):
    """A changed copy of a recording."""

    samples: np.ndarray
    """float32 (N,), 16 kHz mono in [-1, 1]."""
    speed: Fraction
    """Second t of the recording is heard at second t / speed of the copy."""


def changed_audio(
    samples: np.ndarray, other: np.ndarray, settings: AudioAugmentation, rng: np.random.Generator
) -> ChangedAudio:
    """Change a recording.

    Args:
        samples: float32 (N,), 16 kHz mono in [-1, 1], N >= 1.
        other: float32 (M,), another recording, that may be heard in the background.
        settings: how far.
        rng: where chance comes from.
    """
    steps = round(_SPEED_STEPS * (1 + rng.uniform(-1, 1) * settings.speed))
    changed = resample_poly(samples, _SPEED_STEPS, steps).astype(np.float32)
    loudness = _level(changed)
    if rng.random() < settings.room:
        changed = _in_room(changed, rng)
    if rng.random() < settings.background:
        behind = background(len(changed), other, rng)
        decibels = rng.uniform(*settings.background_level)
        changed = changed + behind * (loudness / max(_level(behind), 1e-6) * 10 ** (decibels / 20))
    if rng.random() < settings.telephone:
        changed = sosfilt(butter(4, _TELEPHONE_BAND, "bandpass", fs=SAMPLE_RATE, output="sos"), changed)
    changed = changed * 10 ** (rng.normal() * settings.level / 20)
    peak = float(np.abs(changed).max())
    return ChangedAudio(
        (changed * min(1.0, _LARGEST / max(peak, 1e-6))).astype(np.float32), Fraction(steps, _SPEED_STEPS)
    )


def background(num_samples: int, other: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Draw what is heard behind a voice: noise, music, or another voice.

    Args:
        num_samples: its length, N.
        other: float32 (M,), a recording of another voice; None: there is none.
        rng: where chance comes from.

    Returns:
        float32 (N,) of any level.
    """
    kind = rng.integers(2 if other is None else 3)
    if kind == 0:
        return coloured_noise(num_samples, rng)
    if kind == 1 or other is None:
        return synthetic_music(num_samples, rng)
    start = int(rng.integers(len(other)))
    return np.resize(np.roll(other, -start), num_samples).astype(np.float32)


def coloured_noise(num_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Draw noise whose level falls by 0 to 9 dB an octave and drifts slowly: float32 (N,), unit variance."""
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    frequencies = np.maximum(np.fft.rfftfreq(num_samples, 1 / SAMPLE_RATE), 50.0)
    noise = np.fft.irfft(spectrum * frequencies ** -rng.uniform(0, 1.5), num_samples)
    drift = np.interp(np.arange(num_samples), np.linspace(0, num_samples, 6), rng.uniform(-6, 6, 6))
    noise *= 10 ** (drift / 20)
    return _unit(noise)


def synthetic_music(num_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Draw chords of plucked and held tones over a beat: float32 (N,), unit variance."""
    music = np.zeros(num_samples)
    beat = int(rng.uniform(0.2, 0.7) * SAMPLE_RATE)
    root = rng.uniform(55, 220)
    decay = rng.uniform(0.5, 6)
    for start in range(0, num_samples, beat):
        length = min(int(beat * rng.uniform(1, 2)), num_samples - start)
        seconds = np.arange(length) / SAMPLE_RATE
        tone = np.zeros(length)
        for note in rng.choice([0, 3, 4, 5, 7, 9, 10, 12, 16, 19], size=rng.integers(1, 5), replace=False):
            pitch = root * 2 ** (note / 12)
            for harmonic in range(1, 8):
                if pitch * harmonic < SAMPLE_RATE / 2:
                    phase = 2 * np.pi * (pitch * harmonic * seconds + rng.random())
                    tone += np.sin(phase) * rng.uniform(0.3, 1) / harmonic
        attack = np.minimum(1, seconds / 0.01)
        music[start : start + length] += tone * attack * np.exp(-decay * seconds)
        hit = min(int(0.08 * SAMPLE_RATE), length)
        if rng.random() < 0.5:
            music[start : start + hit] += rng.standard_normal(hit) * np.exp(-60 * seconds[:hit]) * rng.uniform(0, 2)
    return _unit(music)


def _in_room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add the echo of a room: noise that dies away within 0.1 to 0.6 s."""
    seconds = np.arange(int(rng.uniform(0.1, 0.6) * SAMPLE_RATE)) / SAMPLE_RATE
    echo = rng.standard_normal(len(seconds)) * np.exp(-6.9 * seconds / seconds[-1])
    echo *= 10 ** (rng.uniform(-18, -3) / 20) / np.sqrt(np.sum(echo**2))
    echo[0] = 1.0
    return np.asarray(fftconvolve(samples, echo)[: len(samples)])


def _unit(samples: np.ndarray) -> np.ndarray:
    """Return float32 (N,) of unit variance."""
    return np.asarray(samples / max(float(samples.std()), 1e-9), np.float32)


def _level(samples: np.ndarray) -> float:
    """Return the root of the mean power where it is not silent."""
    power = samples.astype(np.float64) ** 2
    loud = power > power.max() * 1e-4
    return float(np.sqrt(power[loud].mean())) if loud.any() else 0.0
