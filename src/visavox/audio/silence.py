"""Detection of silence, and a gate that gives the networks true silence there.

The detector reads the loudness of mel frames against two local yardsticks: the noise floor (the quietest moment
around) and the speech (the loudest one). So it needs no absolute level: it works on a whisper, on a recording
with hiss, and on one whose loudness drifts. Where noise is about as loud as the voice, it finds nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

from visavox.audio.features import LEVEL_RANGE, MEL_FRAMES_PER_SECOND, MEL_MAX, MEL_MIN, StreamingMel, mel_spectrogram
from visavox.constants import SAMPLE_RATE

_LOWEST_BAND = 4
"""Bands below (about 240 Hz) hold hum, rumble and wind."""
_BLOCK_FRAMES = 4096
"""Mel frames whose loudness is measured at a time."""
_LEAKAGE = 0.02
"""Reach of a loud moment into the frames beside it, in seconds: most of the half window of the STFT."""


@dataclass(frozen=True)
class SilenceSettings:
    """Limits of what counts as silence."""

    minimum: float = 0.3
    """Shortest silence, in seconds: longer than the closure of any plosive."""
    speech_range: float = 36.0
    """Distance below the loudest moment around that is still speech, in dB. Breaths lie below."""
    floor_share: float = 0.25
    """In noise: the share of the distance between floor and speech, in dB, that is still noise."""
    floor_margin: float = 5.0
    """The least distance to the floor that is still noise, in dB: noise fluctuates."""
    minimum_range: float = 15.0
    """Speech must rise above the floor by this, in dB, for a silence to be told from it."""
    floor_reach: float = 4.0
    """Reach to either side in which the noise floor is searched, in seconds."""
    speech_reach: float = 3.0
    """Reach to either side in which the loudest moment is searched, in seconds."""
    click: float = 0.1
    """Sounds in a silence that are shorter than this, in seconds, are clicks and smacks ..."""
    click_range: float = 15.0
    """... unless they are less than this below the loudest moment around, in dB."""


def find_silence(waveform: np.ndarray | torch.Tensor, minimum: float = 0.3) -> list[tuple[float, float]]:
    """Find the stretches in which nobody speaks.

    Args:
        waveform: float (N,), 16 kHz mono in [-1, 1], N >= 1.
        minimum: shortest silence in seconds.

    Returns:
        (start, end) of each silence in seconds, in order, within the waveform.

    Raises:
        InputError: the waveform is empty or holds a number that is not finite.
    """
    return silences_of(mel_spectrogram(waveform), len(waveform), SilenceSettings(minimum))


def silences_of(
    mel: np.ndarray | torch.Tensor, num_samples: int, settings: SilenceSettings | None = None
) -> list[tuple[float, float]]:
    """Find the stretches in which nobody speaks, as `find_silence` does, in a mel that is known already.

    Args:
        mel: float (80, M) in [-4, 4].
        num_samples: length of the recording that it is of.
        settings: what counts as silence.
    """
    return _spans(silent_frames(mel, settings), num_samples)


def find_silence_in(
    pieces: Iterable[np.ndarray | torch.Tensor], minimum: float = 0.3
) -> tuple[list[tuple[float, float]], int]:
    """Find the silences of a waveform that comes in pieces, of which only the loudness is kept: 40 kB a minute.

    Args:
        pieces: float (n,) each, as the waveform of `find_silence`.
        minimum: shortest silence in seconds.

    Returns:
        what `find_silence` gives for the whole, and the number of samples; no silence where there is no sample.

    Raises:
        InputError: a piece holds a number that is not finite.
    """
    mel = StreamingMel()
    levels, num_samples = [], 0
    for piece in pieces:
        num_samples += len(piece)
        levels.append(_level(mel.push(piece).numpy()))
    if num_samples == 0:
        return [], 0
    levels.append(_level(mel.flush().numpy()))
    return _spans(_silent(np.concatenate(levels), SilenceSettings(minimum)), num_samples), num_samples


def silent_frames(mel: np.ndarray | torch.Tensor, settings: SilenceSettings | None = None) -> np.ndarray:
    """Return bool (M,): the frames of a mel (80, M) that lie in a silence of the minimum length."""
    return _silent(_level(np.asarray(mel)), settings or SilenceSettings())


def _silent(level: np.ndarray, settings: SilenceSettings) -> np.ndarray:
    """Return bool (M,) of loudness (M,): the frames that lie in a silence of the minimum length."""
    quiet, loudest = _quiet_frames(level, settings)
    _forget_clicks(quiet, level > loudest - settings.click_range, settings.click)
    for first, end in _runs(quiet):
        start_time, end_time = _span(first, end, len(quiet))
        if end_time - start_time < settings.minimum - 0.5 / MEL_FRAMES_PER_SECOND:
            quiet[first:end] = False
    return quiet


def gate_silence(mel: torch.Tensor, settings: SilenceSettings | None = None, ramp: float = 0.05) -> torch.Tensor:
    """Replace what is heard in silences by digital silence, so that a mouth that rests on silence does rest.

    Args:
        mel: float (80, M) in [-4, 4].
        settings: what counts as silence.
        ramp: seconds over which the gate closes and opens, inside the silence.

    Returns:
        float (80, M): the same numbers outside silences, -4 within, a linear ramp in dB between.
    """
    silent = silent_frames(mel, settings)
    gated = mel.clone()
    num_steps = round(ramp * MEL_FRAMES_PER_SECOND)
    for first, end in _runs(silent):
        position = np.arange(first, end)
        from_start = np.full(end - first, np.inf) if first == 0 else position - first + 1
        to_end = np.full(end - first, np.inf) if end == len(silent) else end - position
        gain = torch.from_numpy(np.clip(1 - np.minimum(from_start, to_end) / (num_steps + 1), 0, 1)).to(mel)
        gated[:, first:end] = MEL_MIN + (mel[:, first:end] - MEL_MIN) * gain
    return gated


def gate_audio(
    waveform: np.ndarray,
    silences: list[tuple[float, float]],
    *,
    first_sample: int = 0,
    num_samples: int | None = None,
    ramp: float = 0.05,
) -> np.ndarray:
    """Replace what is heard in silences by digital silence, in the samples: for features that are not made of the mel.

    A recording may come in pieces: each piece gives what the same stretch of the whole gives.

    Args:
        waveform: float (n,), 16 kHz mono: the recording or a piece of it.
        silences: (start, end) in seconds of the recording, as `find_silence` gives them.
        first_sample: where in the recording the piece begins.
        num_samples: length of the recording; by default it ends with this piece.
        ramp: seconds over which the gate closes and opens, inside the silence; none at the ends of the recording.

    Returns:
        float32 (n,).
    """
    end = first_sample + len(waveform) if num_samples is None else num_samples
    gated = np.array(waveform, dtype=np.float32)
    for start_time, end_time in silences:
        opened, closed = start_time * SAMPLE_RATE, end_time * SAMPLE_RATE
        begin = max(0, math.ceil(opened) - first_sample)
        stop = min(len(gated), math.floor(closed) - first_sample)
        if begin >= stop:
            continue
        position = np.arange(begin, stop) + first_sample
        from_start = np.inf if opened <= 0 else position - opened
        to_end = np.inf if closed >= end else closed - position
        gated[begin:stop] *= np.clip(1 - np.minimum(from_start, to_end) / (ramp * SAMPLE_RATE), 0, 1)
    return gated


def _level(mel: np.ndarray) -> np.ndarray:
    """Return the loudness of each frame above hum, float64 (M,), in dB above digital silence."""
    levels: list[np.ndarray] = [np.zeros(0)]
    for start in range(0, mel.shape[1], _BLOCK_FRAMES):  # so that memory does not grow with the recording
        block = mel[_LOWEST_BAND:, start : start + _BLOCK_FRAMES].astype(np.float64)
        decibels = (block - MEL_MIN) * (LEVEL_RANGE / (MEL_MAX - MEL_MIN))
        levels.append(10 * np.log10(np.mean(10 ** (decibels / 10), axis=0)))
    return np.concatenate(levels)


def _quiet_frames(level: np.ndarray, settings: SilenceSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return which frames are below the local threshold, bool (M,), and the local speech level, dB (M,)."""
    smooth = uniform_filter1d(level, 5, mode="nearest")
    floor = minimum_filter1d(smooth, _width(settings.floor_reach), mode="nearest")
    loudest = maximum_filter1d(smooth, _width(settings.speech_reach), mode="nearest")
    # In a pause longer than the reach the loudest moment is noise: do not take it for speech.
    upper = smooth[smooth >= (smooth.min() + smooth.max()) / 2]
    overall = np.percentile(upper, 95)
    loudest = np.maximum(loudest, overall - 20)
    margin = np.maximum((loudest - floor) * settings.floor_share, settings.floor_margin)
    threshold = np.maximum(floor + margin, loudest - settings.speech_range)
    audible = level > settings.floor_margin
    separable = overall - floor >= settings.minimum_range
    return ~audible | ((level < threshold) & separable), loudest


def _forget_clicks(quiet: np.ndarray, loud: np.ndarray, longest: float) -> None:
    for first, end in _runs(~quiet):
        inside = first > 0 and end < len(quiet)
        if inside and end - first < longest * MEL_FRAMES_PER_SECOND and not loud[first:end].any():
            quiet[first:end] = True


def _spans(silent: np.ndarray, num_samples: int) -> list[tuple[float, float]]:
    """Return (start, end) in seconds of each run of silent frames, within the waveform."""
    spans = (_span(first, end, len(silent)) for first, end in _runs(silent))
    return [(start, min(end, num_samples / SAMPLE_RATE)) for start, end in spans]


def _span(first: int, end: int, num_frames: int) -> tuple[float, float]:
    """Return when the silence that the quiet frames `first` to `end` of `num_frames` cover begins and ends, seconds."""
    start_time = first / MEL_FRAMES_PER_SECOND - (_LEAKAGE if first > 0 else 0)
    end_time = (end - 1) / MEL_FRAMES_PER_SECOND + _LEAKAGE
    return start_time, end_time if end < num_frames else num_frames / MEL_FRAMES_PER_SECOND


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return (first, end) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def _width(reach: float) -> int:
    return 2 * round(reach * MEL_FRAMES_PER_SECOND) + 1
