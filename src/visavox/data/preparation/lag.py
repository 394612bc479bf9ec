"""By how much audio and image of a recording are apart: measured from how the mouth opens, and corrected.

A linear regression predicts the opening of the lips from half a second of mel spectrogram. Where its prediction,
moved by some lag, agrees with the lips that are seen clearly better than at any other lag, that is the lag.
The sign is that of tables of measured offsets: negative where the audio comes late and is to be advanced.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from scipy.ndimage import gaussian_filter1d

from visavox.audio.features.mel import MEL_FRAMES_PER_SECOND
from visavox.constants import FRAME_RATE, NUM_MEL_BANDS, SAMPLE_RATE
from visavox.data.preparation.settings import LagSettings

SLOWEST = 12.0
"""Standard deviation in frames of the smoothing whose result is taken away from both curves: changes slower than
syllables, such as that someone speaks at all, agree at many lags."""
NEIGHBOURHOOD = 3
"""Lags within so many frames of the best belong to the same peak."""
INDEPENDENT = 4
"""Frames apart from which the openings of a mouth are about independent."""
SHORTEST = 2.5
"""Seconds of speech below which no measurement is believed: of 30 frames, chance finds a good lag in any."""


@dataclass(frozen=True)
class LagMeasurement:
    """The measured lag between a mouth and its audio."""

    seconds: float
    """The lag; negative: the audio comes late."""
    correlation: float
    """Of predicted and seen opening, syllable by syllable, at that lag."""
    confidence: float
    """By how many standard errors it agrees better than at any lag more than 3 frames away; 0 where nothing can be
    said: too little speech, or the best lag is the largest tried."""


@dataclass(frozen=True)
class AppliedLag:
    """The lag that a clip was corrected by."""

    seconds: float = 0.0
    """Negative: the audio was advanced."""
    source: str = "none"
    """`table`, `measured` or `none`."""
    measurement: LagMeasurement | None = None
    """The measurement, believed or not; None where there was none."""


def choose_lag(
    table: tuple[float, float | None] | None, measurement: LagMeasurement | None, settings: LagSettings
) -> AppliedLag:
    """Decide which lag to correct: the table's if it is sure enough, else the measured one if that is.

    Args:
        table: lag and score of the table's row, score None where it has none; None without a row.
        measurement: what was measured, or None.
        settings: what counts as sure.
    """
    if table is not None and (table[1] is None or table[1] >= settings.minimum_table_score):
        return AppliedLag(table[0], "table", measurement)
    if measurement is not None and measurement.confidence >= settings.minimum_confidence:
        seconds = measurement.seconds if abs(measurement.seconds) > settings.smallest else 0.0
        return AppliedLag(seconds, "measured", measurement)
    return AppliedLag(measurement=measurement)


def measure_lag(mel: np.ndarray, openings: Sequence[tuple[int, np.ndarray]], largest: float = 0.6) -> LagMeasurement:
    """Measure the lag of one recording.

    Args:
        mel: float32 (80, M) of its whole audio, time 0 at the first image.
        openings: for each stretch in which the mouth is seen, the number of its first frame (25 a second) and
            the opening of the lips in each, float (n,).
        largest: lags up to this many seconds are tried.
    """
    last_frame = max((start + len(opening) for start, opening in openings), default=0)
    reach = round(largest * FRAME_RATE)
    predicted = predict_opening(mel, -reach, last_frame + reach)
    moments = np.zeros((2 * reach + 1, 3))
    for start, opening in openings:
        seen = remove_slow_changes(opening)
        for delay in range(-reach, reach + 1):
            first = start + delay + reach
            moments[delay + reach] += _moments(predicted[first : first + len(seen)], seen)
    spread = np.sqrt(moments[:, 1] * moments[:, 2])
    agreement = np.where(spread > 1e-12, moments[:, 0] / np.maximum(spread, 1e-12), 0.0)
    num_frames = sum(len(opening) for _, opening in openings)
    return _best_delay(agreement, num_frames)


def lip_agreement(mel: np.ndarray, start: int, opening: np.ndarray, lag: float) -> float:
    """Return how well lips agree with what the audio lets expect: a correlation, -1 to 1, 0 where nothing moves.

    Args:
        mel: float32 (80, M) of the whole audio, time 0 at the first image.
        start: number of the first frame.
        opening: float (n,), opening of the lips from there on.
        lag: seconds by which the audio is off; negative: it comes late.
    """
    reach = round(abs(lag) * FRAME_RATE) + 1
    predicted = predict_opening(mel, start - reach, start + len(opening) + reach)
    audio_at = np.arange(len(opening)) + reach - lag * FRAME_RATE
    moved = np.interp(audio_at, np.arange(len(predicted)), predicted)
    product, first, second = _moments(moved, remove_slow_changes(opening))
    return float(product / np.sqrt(first * second)) if first * second > 1e-24 else 0.0


def predict_opening(mel: np.ndarray, first: int, last: int) -> np.ndarray:
    """Predict how far lips are open, from audio alone.

    Args:
        mel: float32 (80, M), time 0 at frame 0; beyond its ends it is taken to go on as it ends.
        first: number of the first frame (25 a second), may be negative.
        last: number behind the last frame.

    Returns:
        float64 (last - first,), without unit and without changes slower than syllables.
    """
    weights, offsets = _regression()
    bands = mel.reshape(weights.shape[1], NUM_MEL_BANDS // weights.shape[1], -1).mean(axis=1)
    smooth = np.apply_along_axis(np.convolve, 1, bands, [0.25, 0.5, 0.25], mode="same")
    frames = np.arange(first, last)
    positions = np.arange(smooth.shape[1])
    predicted = np.zeros(len(frames))
    for row, offset in zip(weights, offsets, strict=True):
        mel_positions = (frames + offset) * (MEL_FRAMES_PER_SECOND / FRAME_RATE)
        for weight, band in zip(row, smooth, strict=True):
            predicted += weight * np.interp(mel_positions, positions, band)
    return remove_slow_changes(predicted)


def shift_audio(waveform: np.ndarray, lag: float, start: int, num_samples: int) -> np.ndarray:
    """Cut a piece out of a recording's audio with its lag corrected; silence where the recording has none.

    Args:
        waveform: float32 (N,), 16 kHz, sample 0 at the first image as recorded.
        lag: seconds; negative: the audio comes late, so the piece is taken from later samples.
        start: first sample of the piece in the time of the images.
        num_samples: its length.
    """
    first = start - round(lag * SAMPLE_RATE)
    piece = np.zeros(num_samples, np.float32)
    begin, end = max(first, 0), min(first + num_samples, len(waveform))
    if begin < end:
        piece[begin - first : end - first] = waveform[begin:end]
    return piece


def _best_delay(agreement: np.ndarray, num_frames: int) -> LagMeasurement:
    """Find the best lag in the correlations at delays -reach..reach of the audio."""
    reach = len(agreement) // 2
    best = int(agreement.argmax())
    delay = best - reach + _vertex(agreement, best)
    others = np.concatenate([agreement[: max(0, best - NEIGHBOURHOOD)], agreement[best + NEIGHBOURHOOD + 1 :]])
    believable = num_frames >= SHORTEST * FRAME_RATE and 0 < best < 2 * reach and len(others) > 0
    margin = agreement[best] - others.max() if believable else 0.0
    confidence = margin * np.sqrt(num_frames / INDEPENDENT)
    return LagMeasurement(float(-delay / FRAME_RATE), float(agreement[best]), float(confidence))


def _vertex(agreement: np.ndarray, best: int) -> float:
    """Offset, -0.5 to 0.5, of the top of the parabola through the best value and its neighbours."""
    if not 0 < best < len(agreement) - 1:
        return 0.0
    before, top, after = agreement[best - 1 : best + 2]
    curvature = before - 2 * top + after
    return float(np.clip(0.5 * (before - after) / curvature, -0.5, 0.5)) if curvature < 0 else 0.0


def remove_slow_changes(curves: np.ndarray) -> np.ndarray:
    """Take away from curves (T,) or (T, K) what changes more slowly than syllables."""
    curves = curves.astype(np.float64)
    return curves - gaussian_filter1d(curves, SLOWEST, axis=0, mode="nearest") if len(curves) else curves


def _moments(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Sums of products and squares about the means."""
    first, second = first - first.mean(), second - second.mean()
    return np.array([first @ second, first @ first, second @ second])


@cache
def _regression() -> tuple[np.ndarray, np.ndarray]:
    """Return weights (offsets, groups of bands) and offsets in frames; `tools/fit_opening_regression.py` made them."""
    text = resources.files("visavox.data.preparation").joinpath("opening_regression.json").read_text(encoding="utf-8")
    stored = json.loads(text)
    return np.array(stored["weights"]), np.array(stored["offsets"])
