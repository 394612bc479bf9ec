"""Lag of sound against picture: which sign it has, that it is found, and that it is only believed where it is sure."""

import numpy as np
import pytest

from visavox.audio.features.mel import mel_spectrogram
from visavox.data.preparation.lag import (
    AppliedLag,
    LagMeasurement,
    choose_lag,
    lip_agreement,
    measure_lag,
    predict_opening,
    shift_audio,
)
from visavox.data.preparation.settings import LagSettings

RATE = 16_000


def speech(seconds: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Syllables of noise with pauses between, and a mouth that opens with each: waveform and opening at 25 fps."""
    draw = np.random.default_rng(seed)
    envelope = np.zeros(int(seconds * RATE))
    start = 0.3
    while start < seconds - 0.4:
        length = draw.uniform(0.1, 0.25)
        first, last = int(start * RATE), int((start + length) * RATE)
        envelope[first:last] = np.hanning(last - first) * draw.uniform(0.5, 1.0)
        start += length + draw.uniform(0.05, 0.3)
    waveform = 0.3 * envelope * draw.standard_normal(len(envelope)) + 1e-4 * draw.standard_normal(len(envelope))
    frames = (np.arange(int(seconds * 25)) * RATE // 25).astype(int)
    return waveform.astype(np.float32), 0.25 * envelope[frames]


def delayed(waveform: np.ndarray, seconds: float) -> np.ndarray:
    """The same sound, heard later by so much (earlier if negative), as a bad recording has it."""
    moved = np.zeros_like(waveform)
    shift = round(seconds * RATE)
    if shift >= 0:
        moved[shift:] = waveform[: len(waveform) - shift]
    else:
        moved[:shift] = waveform[-shift:]
    return moved


def test_a_negative_lag_advances_the_sound_of_a_mouth_that_opens_at_one_second() -> None:
    # The lips part at 1.0 s; in the recording the click that belongs to it is heard at 1.2 s: late by 0.2 s.
    recorded = np.zeros(3 * RATE, np.float32)
    recorded[int(1.2 * RATE)] = 1.0
    corrected = shift_audio(recorded, lag=-0.2, start=0, num_samples=len(recorded))
    assert np.flatnonzero(corrected).tolist() == [RATE]
    # a clip that begins with frame 20 (0.8 s) hears it 0.2 s after its own beginning
    piece = shift_audio(recorded, lag=-0.2, start=20 * 640, num_samples=RATE)
    assert np.flatnonzero(piece).tolist() == [int(0.2 * RATE)]
    # and a positive lag moves the other way: a click heard at 1.2 s belongs to 1.3 s
    assert np.flatnonzero(shift_audio(recorded, lag=0.1, start=0, num_samples=len(recorded))).tolist() == [20_800]


def test_beyond_the_recording_is_silence() -> None:
    recorded = np.ones(RATE, np.float32)
    piece = shift_audio(recorded, lag=-0.5, start=0, num_samples=RATE)
    assert piece[:8000].all()
    assert not piece[8000:].any()
    assert not shift_audio(recorded, lag=0, start=10 * RATE, num_samples=100).any()


@pytest.mark.parametrize("late", [-0.3, -0.1, 0.0, 0.04, 0.2, 0.42])
def test_the_lag_of_late_sound_is_measured_negative(late: float) -> None:
    waveform, opening = speech(8)
    at_zero = measure_lag(mel_spectrogram(waveform).numpy(), [(0, opening)])
    measured = measure_lag(mel_spectrogram(delayed(waveform, late)).numpy(), [(0, opening)])
    # The regression knows voices, not noise: its bias on this sound is not what is tested here.
    assert abs(at_zero.seconds) < 0.06
    assert measured.seconds - at_zero.seconds == pytest.approx(-late, abs=0.02)
    assert measured.confidence > LagSettings().minimum_confidence
    # what was measured, applied, brings lips and sound together again
    mel = mel_spectrogram(delayed(waveform, late)).numpy()
    assert lip_agreement(mel, 0, opening, measured.seconds) == pytest.approx(measured.correlation, abs=0.1)


def test_stretches_are_pooled_and_know_where_they_are() -> None:
    waveform, opening = speech(12, seed=3)
    mel = mel_spectrogram(delayed(waveform, 0.2)).numpy()
    pieces = [(start, opening[start : start + 60]) for start in (20, 110, 200)]
    whole = measure_lag(mel, [(0, opening)])
    assert measure_lag(mel, pieces).seconds == pytest.approx(whole.seconds, abs=0.02)


def test_a_mouth_that_has_nothing_to_do_with_the_sound_is_not_believed() -> None:
    confidences = []
    for seed in range(20):
        waveform, _ = speech(3, seed)
        _, other = speech(3, seed + 100)
        confidences.append(measure_lag(mel_spectrogram(waveform).numpy(), [(0, other)]).confidence)
    assert np.mean(np.array(confidences) >= LagSettings().minimum_confidence) <= 0.1


def test_too_little_speech_and_a_lag_at_the_limit_are_never_believed() -> None:
    waveform, opening = speech(2)
    assert measure_lag(mel_spectrogram(waveform).numpy(), [(0, opening)]).confidence == 0
    waveform, opening = speech(8)
    far = measure_lag(mel_spectrogram(delayed(waveform, 0.72)).numpy(), [(0, opening)])
    assert abs(far.seconds) > 0.5 or far.confidence < LagSettings().minimum_confidence
    still = measure_lag(mel_spectrogram(waveform).numpy(), [(0, np.zeros(200))])
    assert still.confidence == 0
    assert still.correlation == 0


def test_a_prediction_does_not_depend_on_loudness() -> None:
    waveform, _ = speech(4)
    loud = predict_opening(mel_spectrogram(waveform).numpy(), 0, 100)
    soft = predict_opening(mel_spectrogram(0.3 * waveform).numpy(), 0, 100)
    assert np.corrcoef(loud, soft)[0, 1] > 0.98


SURE = LagMeasurement(-0.2, 0.6, 2.5)
UNSURE = LagMeasurement(-0.2, 0.3, 0.4)


@pytest.mark.parametrize(
    ("table", "measured", "expected"),
    [
        ((-0.12, 0.9), SURE, AppliedLag(-0.12, "table", SURE)),
        ((-0.12, None), None, AppliedLag(-0.12, "table")),
        ((0.6, 0.186), SURE, AppliedLag(-0.2, "measured", SURE)),
        ((0.6, 0.186), UNSURE, AppliedLag(0.0, "none", UNSURE)),
        ((0.0, 0.9), SURE, AppliedLag(0.0, "table", SURE)),
        (None, SURE, AppliedLag(-0.2, "measured", SURE)),
        (None, UNSURE, AppliedLag(0.0, "none", UNSURE)),
        (None, None, AppliedLag()),
        (None, LagMeasurement(0.04, 0.6, 2.5), AppliedLag(0.0, "measured", LagMeasurement(0.04, 0.6, 2.5))),
    ],
)
def test_the_table_goes_before_the_measurement_and_neither_counts_unsure(
    table: tuple[float, float | None] | None, measured: LagMeasurement | None, expected: AppliedLag
) -> None:
    assert choose_lag(table, measured, LagSettings()) == expected
