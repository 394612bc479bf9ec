"""Pitch of sounds whose pitch is known, and of sounds that have none."""

import numpy as np
import pytest

from visavox.audio.features.mel_pitch import LOOKAHEAD, StreamingPitch, track_pitch

RATE = 16000


def harmonic(hertz: float | np.ndarray, seconds: float = 1.0, level: float = 0.1) -> np.ndarray:
    """A sound with all harmonics below 7 kHz, each weaker than the one before; hertz a number or a curve."""
    curve = np.broadcast_to(hertz, (round(seconds * RATE),))
    phase = 2 * np.pi * np.cumsum(curve) / RATE
    harmonics = [np.sin(k * phase) / k for k in range(1, int(7000 / curve.max()) + 1)]
    return level * sum(harmonics, np.zeros_like(phase))


def noise(level: float, seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE))


def cents(found: np.ndarray, true: float | np.ndarray) -> np.ndarray:
    return 1200 * np.log2(found / true)


@pytest.mark.parametrize("hertz", [65, 80, 100, 123.4, 165, 220, 300, 400, 480])
@pytest.mark.parametrize("level", [0.1, 0.001])
def test_a_steady_voice(hertz: float, level: float) -> None:
    pitch, periodicity = track_pitch(harmonic(hertz, level=level)).T
    inside = slice(3, -3)
    assert (pitch[inside] > 0).all()
    assert np.abs(cents(pitch[inside], hertz)).max() < 5
    assert periodicity[inside].min() > 0.9


@pytest.mark.parametrize("hertz", [90, 150, 300])
def test_a_voice_in_noise(hertz: int) -> None:
    """10 dB above the noise."""
    voice = harmonic(hertz, 2.0)
    pitch = track_pitch(voice + noise(voice.std() / 10**0.5, 2.0))[3:-3, 0]
    assert (pitch > 0).mean() > 0.98
    found = pitch[pitch > 0]
    assert np.abs(cents(found, hertz)).mean() < 6
    assert (np.abs(cents(found, hertz)) < 50).all()


def test_a_gliding_voice() -> None:
    time = np.arange(2 * RATE) / RATE
    curve = 150 * 2 ** (0.5 * np.sin(2 * np.pi * 0.8 * time))
    pitch = track_pitch(harmonic(curve, 2.0))[:, 0]
    true = curve[160 + 320 * np.arange(len(pitch))]
    assert (pitch[2:-2] > 0).all()
    assert np.abs(cents(pitch[2:-2], true[2:-2])).mean() < 5
    assert np.abs(cents(pitch[2:-2], true[2:-2])).max() < 25


def test_a_voice_without_its_fundamental_has_its_pitch() -> None:
    time = np.arange(RATE) / RATE
    higher = sum([np.sin(2 * np.pi * 120 * k * time) / k for k in range(3, 30)], np.zeros_like(time))
    assert np.abs(cents(track_pitch(0.1 * higher)[3:-3, 0], 120)).max() < 5


@pytest.mark.parametrize("level", [0.3, 0.01, 1e-5])
def test_noise_has_no_pitch(level: float) -> None:
    assert (track_pitch(noise(level, 5.0))[:, 0] > 0).mean() < 0.01


def test_silence_and_faint_rumble_have_no_pitch() -> None:
    assert (track_pitch(np.zeros(RATE)) == 0).all()
    assert (track_pitch(harmonic(100, level=1e-6)) == 0).all()


def test_voiced_stretches_begin_and_end_where_they_do() -> None:
    sound = np.concatenate([np.zeros(RATE // 2), harmonic(180, 0.5), noise(0.05, 0.5)])
    voiced = track_pitch(sound)[:, 0] > 0
    assert not voiced[:23].any()
    assert voiced[27:48].all()
    assert not voiced[52:].any()


@pytest.mark.parametrize("num_samples", [1, 2, 160, 641, 12345])
@pytest.mark.parametrize("chunk", [1, 137, 1600])
def test_pieces_give_the_very_numbers_of_the_whole(num_samples: int, chunk: int) -> None:
    sound = np.concatenate([harmonic(150, 0.3), noise(0.1, 0.2), harmonic(210, 0.3)])
    sound = sound[: min(num_samples, 700) if chunk == 1 else num_samples]
    stream = StreamingPitch()
    for _ in range(2):  # a flushed stream starts anew
        rows = [stream.push(sound[start : start + chunk]) for start in range(0, len(sound), chunk)]
        rows.append(stream.flush())
        assert np.array_equal(np.concatenate(rows), track_pitch(sound))
    assert stream.flush().shape == (0, 2)


def test_a_row_waits_for_the_look_ahead_and_no_longer() -> None:
    stream = StreamingPitch()
    sound = harmonic(150, 2.0)
    num_samples = (LOOKAHEAD + 1) * 320 + 700
    assert len(stream.push(sound[: LOOKAHEAD * 320])) == 0
    assert len(stream.push(sound[LOOKAHEAD * 320 : num_samples])) >= 1


def test_memory_does_not_grow() -> None:
    stream = StreamingPitch()
    sound = harmonic(150, 1.0)
    for _ in range(30):
        stream.push(sound)
    assert len(stream._buffer) < 3000
    assert len(stream._path._steps) == LOOKAHEAD
