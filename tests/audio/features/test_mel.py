"""The mel spectrogram against the published one, and its incremental form against the whole."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from tests.parity import GOLDEN, waveform

from visavox.audio.features.mel import (
    MEL_FRAMES_PER_SECOND,
    MEL_MIN,
    WAV2LIP_GRID,
    StreamingMel,
    exact_division,
    mel_filters,
    mel_spectrogram,
    mel_window,
    window_start,
)
from visavox.errors import InputError


def test_equals_the_published_mel() -> None:
    mel = mel_spectrogram(waveform())
    assert mel.dtype == torch.float32
    np.testing.assert_allclose(mel.numpy(), np.load(GOLDEN)["mel"], rtol=0, atol=1e-5)


def test_a_batch_gives_what_each_waveform_gives() -> None:
    first = waveform()
    second = first[::-1].copy()
    batch = mel_spectrogram(torch.from_numpy(np.stack([first, second])))
    assert torch.equal(batch, torch.stack([mel_spectrogram(first), mel_spectrogram(second)]))


@pytest.mark.parametrize("num_samples", [1, 2, 199, 200, 400, 401, 402, 599, 800, 801, 5000, 32000])
@pytest.mark.parametrize("chunk", [1, 137, 200, 1600, 40000])
def test_chunks_give_the_very_numbers_of_the_whole(num_samples: int, chunk: int) -> None:
    samples = waveform()[:num_samples]
    if chunk == 1:
        samples = samples[:1200]
    streaming = StreamingMel()
    frames = [streaming.push(samples[start : start + chunk]) for start in range(0, len(samples), chunk)]
    frames.append(streaming.flush())
    assert torch.equal(torch.cat(frames, dim=1), mel_spectrogram(samples))


def test_a_frame_comes_as_soon_as_its_last_sample_is_there() -> None:
    streaming = StreamingMel()
    assert streaming.push(waveform()[:400]).shape == (80, 0)
    assert streaming.push(waveform()[400:401]).shape == (80, 1)
    assert streaming.push(waveform()[401:1000]).shape == (80, 3)


def test_a_flushed_stream_starts_anew() -> None:
    streaming = StreamingMel()
    for _ in range(2):
        frames = torch.cat([streaming.push(waveform()[:3000]), streaming.flush()], dim=1)
        assert torch.equal(frames, mel_spectrogram(waveform()[:3000]))
    assert streaming.flush().shape == (80, 0)
    assert streaming.push(np.zeros(0, np.float32)).shape == (80, 0)


def test_blocks_of_a_long_waveform_have_no_seams() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 200 * 4200).astype(np.float32)
    around_the_seam = mel_spectrogram(noise[200 * 4000 :])[:, 50:150]
    assert torch.equal(mel_spectrogram(noise)[:, 4050:4150], around_the_seam)


@pytest.mark.parametrize("num_samples", [1, 199, 200, 16000])
def test_the_number_of_frames_and_the_value_of_silence(num_samples: int) -> None:
    mel = mel_spectrogram(np.zeros(num_samples))
    assert mel.shape == (80, WAV2LIP_GRID.num_frames(num_samples))
    assert (mel == MEL_MIN).all()


def test_filters_have_equal_area_between_their_edges() -> None:
    filters = mel_filters()
    assert filters.shape == (80, 401)
    assert filters[:, 0].max() == 0
    area = filters[40:].sum(axis=1) * 20  # bins are 20 Hz apart; wide triangles are well sampled
    np.testing.assert_allclose(area, 1, atol=0.02)


@pytest.mark.parametrize(
    ("waveform_given", "words"),
    [
        (np.zeros(0, np.float32), "shape"),
        (np.zeros((1, 1, 5), np.float32), "shape"),
        (np.zeros(5, np.int16), "divide"),
        (np.array([0.0, np.nan]), "not finite"),
    ],
)
def test_what_is_no_waveform_is_refused(waveform_given: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        mel_spectrogram(waveform_given)
    if waveform_given.ndim == 3:
        with pytest.raises(InputError, match=words):
            StreamingMel().push(waveform_given)


def test_a_stream_takes_one_waveform_only() -> None:
    with pytest.raises(InputError, match="one waveform"):
        StreamingMel().push(np.zeros((2, 100), np.float32))


def test_windows_start_at_the_frame_and_at_exact_times() -> None:
    assert [window_start(Fraction(i, 25)) for i in range(6)] == [0, 3, 6, 9, 12, 16]
    assert window_start(Fraction(1, 25), lead=3) == 0
    assert window_start(Fraction(-1, 25)) == -4
    # 0.2875 s is 23 frames; 80 * 0.2875 in floats is too, but thirds of a second are not floats.
    assert window_start(Fraction(7, 30)) == 18


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_outside_of_the_mel_is_silence(kind: str) -> None:
    numbers = np.arange(80 * 10, dtype=np.float32).reshape(80, 10)
    mel: Any = numbers if kind == "numpy" else torch.from_numpy(numbers)
    window = mel_window(mel, -3, 16)
    assert type(window) is type(mel)
    assert window.dtype == mel.dtype
    assert (window[:, :3] == MEL_MIN).all()
    assert (window[:, 3:13] == mel).all()
    assert (window[:, 13:] == MEL_MIN).all()
    assert (mel_window(mel, 40, 4) == MEL_MIN).all()
    assert (mel_window(mel, -40, 4) == MEL_MIN).all()
    assert (mel_window(mel, 2, 4) == mel[:, 2:6]).all()


def test_derived_constants_are_exact() -> None:
    assert MEL_FRAMES_PER_SECOND == 80
    with pytest.raises(ValueError, match="not a multiple"):
        exact_division(16000, 300)
