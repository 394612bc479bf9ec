"""Speech features that need no network."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from visavox.audio.features.mel import MEL_MIN, StreamingMel, mel_spectrogram
from visavox.audio.features.mel_pitch import LOUDNESS_COLUMN, PITCH_COLUMN, VOICING_COLUMN
from visavox.audio.features.speech_features import (
    ROW_MIDDLE,
    ROW_SIZE,
    RowGrid,
    num_rows,
    reflected,
)
from visavox.errors import InputError
from visavox.speech import load_features

RATE = 16000
NAMES = ("mel", "mel-pitch")


def voice(hertz: int | np.ndarray, seconds: float, level: float = 0.1) -> np.ndarray:
    curve = np.broadcast_to(hertz, (round(seconds * RATE),))
    phase = 2 * np.pi * np.cumsum(curve) / RATE
    harmonics = [np.sin(k * phase) / k for k in range(1, int(7000 / curve.max()) + 1)]
    return (level * sum(harmonics, np.zeros_like(phase))).astype(np.float32)


def noise(level: float, seconds: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, level, round(seconds * RATE)).astype(np.float32)


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return np.concatenate([voice(150, 0.7), noise(0.1, 0.3), voice(220, 0.4), np.zeros(2000, np.float32)])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("num_samples", [1, 2, 241, 640, 641, 1500, 12000])
@pytest.mark.parametrize("chunk", [1, 137, 1600, 30000])
def test_pieces_give_the_very_rows_of_the_whole(sound: np.ndarray, name: str, num_samples: int, chunk: int) -> None:
    features = load_features(name)
    samples = sound[: min(num_samples, 700) if chunk == 1 else num_samples]
    whole = features.of(samples)
    assert whole.shape == (2 * math.ceil(len(samples) / 640), features.size)
    assert whole.dtype == np.float32
    stream = features.stream()
    for _ in range(2):  # a flushed stream starts anew
        rows = [stream.push(samples[start : start + chunk]) for start in range(0, len(samples), chunk)]
        rows.append(stream.flush())
        assert np.array_equal(np.concatenate(rows), whole)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_hears_the_sound_around_its_middle(name: str) -> None:
    """A click is loudest in the row in whose middle it is."""
    features = load_features(name)
    for row in (0, 1, 30, 48, 49):
        click = np.zeros(RATE, np.float32)
        click[row * ROW_SIZE + ROW_MIDDLE] = 1
        loudness = features.of(click)[:, :80].mean(axis=1)
        assert loudness.argmax() == row
        assert loudness[row] > MEL_MIN + 1


def test_the_mel_is_that_of_wav2lip_on_another_grid(sound: np.ndarray) -> None:
    """Shifted by 160 samples, the two grids share a frame every 1600 samples."""
    rows = load_features("mel").of(sound)
    mel = mel_spectrogram(sound[160:]).numpy().T
    np.testing.assert_allclose(rows[5:60:5], mel[8:96:8], atol=1e-5)


def test_the_streamed_mel_of_any_grid_is_that_of_the_whole(sound: np.ndarray) -> None:
    samples = torch.from_numpy(sound)
    stream = StreamingMel(RowGrid())
    pieces = [stream.push(piece) for piece in torch.split(samples, 777)]
    assert torch.equal(torch.cat([*pieces, stream.flush()], dim=1), mel_spectrogram(samples, RowGrid()))


@pytest.mark.parametrize("num_samples", [641, 8320, 8640, 8959])
def test_no_row_hears_zeros_behind_the_end(num_samples: int) -> None:
    """A steady sound is steady to its last row, wherever it ends."""
    rows = load_features("mel-pitch").of(voice(160, num_samples / RATE))
    assert len(rows) == num_rows(num_samples)
    assert np.ptp(rows[1:, LOUDNESS_COLUMN]) < 0.2


def test_louder_sound_raises_the_columns_of_the_level_and_no_others() -> None:
    features = load_features("mel-pitch")
    sound = voice(160, 1.0, 0.02) + noise(0.001, 1.0)
    quiet, loud = features.of(sound), features.of(sound * 10 ** (12.5 / 20))
    change = (loud - quiet)[3:-3]
    inside = (quiet > MEL_MIN)[3:-3, : features.level_columns]
    assert inside.mean() > 0.9
    np.testing.assert_allclose(change[:, : features.level_columns][inside], 1, atol=1e-3)
    np.testing.assert_allclose(change[:, features.level_columns :], 0, atol=1e-3)


def test_pitch_is_told_against_the_speakers_own() -> None:
    """The same melody by a low and by a high voice gives the same column, and it counts in three semitones."""
    time = np.arange(6 * RATE) / RATE
    melody = np.sin(2 * np.pi * 0.7 * time) / 4  # octaves
    low, high = (load_features("mel-pitch").of(voice(own * 2**melody, 6.0)) for own in (110, 210))
    late = slice(200, -5)
    assert (low[late, VOICING_COLUMN] > 0.9).all()
    np.testing.assert_allclose(low[late, PITCH_COLUMN], high[late, PITCH_COLUMN], atol=0.25)
    assert low[late, PITCH_COLUMN].max() == pytest.approx(1, abs=0.2)
    assert low[late, PITCH_COLUMN].min() == pytest.approx(-1, abs=0.2)


def test_silence() -> None:
    rows = load_features("mel-pitch").of(np.zeros(RATE, np.float32))
    assert (rows[:, :81] == MEL_MIN).all()
    assert (rows[:, 81:] == 0).all()


def test_memory_does_not_grow() -> None:
    stream: Any = load_features("mel-pitch").stream()
    piece = voice(150, 1.0)
    for _ in range(20):
        stream.push(piece)
    assert len(stream._waiting) < 20
    assert len(stream._mel._mel._buffer) < 3000


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.zeros(0, np.float32), "no length"),
        (np.zeros((2, 9), np.float32), "one channel"),
        (np.zeros(9, np.int16), "divide integers"),
        (np.full(9, np.nan, np.float32), "not finite"),
    ],
)
def test_what_is_no_sound_is_refused(name: str, given: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_features(name).of(given)


def test_reflection() -> None:
    assert reflected(np.arange(-3, 8), 4).tolist() == [3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]
    assert reflected(np.arange(-3, 3), 1).tolist() == [0] * 6
