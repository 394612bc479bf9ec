"""Silences are found in clean speech, in noise and at any level, and nowhere else."""

import numpy as np
import pytest
import torch

from visavox.audio.features.mel import MEL_MIN, mel_spectrogram
from visavox.audio.silence import SilenceSettings, find_silence, gate_audio, gate_silence, silent_frames

RATE = 16000


def speech_like(seconds: float, seed: int = 0) -> np.ndarray:
    """Syllables: a voice of 120 to 180 Hz, four a second, with closures of 60 ms and a little hiss between."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(150 + 30 * np.sin(2 * np.pi * 0.7 * time)) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 20))
    envelope = np.clip(1.6 * np.abs(np.sin(np.pi * 4 * time)) - 0.3, 0.01, 1)
    return (0.15 * voice * envelope + generator.normal(0, 0.01, len(time)) * (1 - envelope)).astype(np.float32)


def with_pause(start: float = 2.12, end: float = 2.88, seconds: float = 5.0) -> np.ndarray:
    samples = speech_like(seconds)
    samples[round(start * RATE) : round(end * RATE)] = 0
    return samples


def noise(level: float, num_samples: int) -> np.ndarray:
    return np.random.default_rng(1).normal(0, level, num_samples).astype(np.float32)


@pytest.mark.parametrize("gain", [1.0, 0.1, 0.01])
@pytest.mark.parametrize("noise_level", [0.0, 0.0003, 0.004])
def test_a_pause_is_found_at_any_level_and_in_noise(gain: float, noise_level: float) -> None:
    samples = gain * (with_pause() + noise(noise_level, 5 * RATE))
    ((start, end),) = find_silence(samples)
    assert start == pytest.approx(2.12, abs=0.03)
    assert end == pytest.approx(2.88, abs=0.03)


def test_speech_without_a_pause_has_none() -> None:
    assert find_silence(speech_like(5.0)) == []
    assert find_silence(speech_like(1.0)) == []


def test_a_closure_is_not_a_silence_and_the_minimum_is_kept() -> None:
    assert find_silence(with_pause(2.0, 2.15)) == []
    assert find_silence(with_pause(2.0, 2.5), minimum=0.8) == []
    assert len(find_silence(with_pause(2.0, 2.5), minimum=0.4)) == 1


def test_silence_before_and_after_speech_reaches_to_the_edges() -> None:
    samples = np.concatenate([np.zeros(RATE), speech_like(2.0), np.zeros(RATE)])
    (first_start, first_end), (last_start, last_end) = find_silence(samples)
    assert first_start == 0
    assert first_end == pytest.approx(1.0, abs=0.05)
    assert last_start == pytest.approx(3.0, abs=0.05)
    assert last_end == 4.0


def test_a_long_pause_in_noise_is_silence_throughout() -> None:
    samples = np.concatenate([speech_like(3.0), np.zeros(20 * RATE), speech_like(3.0)])
    samples = samples + noise(0.002, len(samples))
    ((start, end),) = find_silence(samples)
    assert start == pytest.approx(3.0, abs=0.1)
    assert end == pytest.approx(23.0, abs=0.1)


def test_a_quiet_speaker_after_a_loud_one_is_not_taken_for_silence() -> None:
    samples = np.concatenate([speech_like(8.0), 0.1 * speech_like(8.0, seed=2)])
    assert find_silence(samples) == []


def test_a_click_does_not_end_a_silence() -> None:
    samples = with_pause(2.0, 3.0)
    samples[round(2.5 * RATE) : round(2.505 * RATE)] = noise(0.01, 80)
    ((start, end),) = find_silence(samples)
    assert [start, end] == pytest.approx([2.0, 3.0], abs=0.04)


def test_noise_as_loud_as_the_voice_is_left_alone() -> None:
    assert find_silence(with_pause() + noise(0.2, 5 * RATE)) == []


def test_a_recording_of_nothing_is_silence_and_one_of_steady_noise_is_not() -> None:
    assert find_silence(np.zeros(RATE)) == [(0.0, 1.0)]
    assert find_silence(noise(0.05, 3 * RATE)) == []


def test_the_gate_makes_silence_digital_and_leaves_speech_as_it_is() -> None:
    mel = mel_spectrogram(with_pause() + noise(0.002, 5 * RATE))
    gated = gate_silence(mel)
    silent = silent_frames(mel)
    assert gated.dtype == mel.dtype
    assert torch.equal(gated[:, ~silent], mel[:, ~silent])
    middle = slice(176, 224)
    assert (mel[:, middle] > MEL_MIN + 1).any()
    assert (gated[:, middle] == MEL_MIN).all()


def test_the_gate_closes_and_opens_by_a_ramp() -> None:
    mel = torch.zeros(80, 200)
    mel[:, 60:140] = -3.9
    gain = (gate_silence(mel, SilenceSettings(), ramp=0.05)[0, 60:140] - MEL_MIN) / 0.1
    np.testing.assert_allclose(gain[:5], [0.8, 0.6, 0.4, 0.2, 0.0], atol=1e-3)
    np.testing.assert_allclose(gain[-5:], [0.0, 0.2, 0.4, 0.6, 0.8], atol=1e-3)
    assert (gain[5:-5].abs() < 1e-3).all()


def test_the_gate_has_no_ramp_at_the_ends_of_the_recording() -> None:
    gated = gate_silence(mel_spectrogram(np.concatenate([noise(1e-4, RATE), speech_like(2.0)])))
    assert (gated[:, :60] == MEL_MIN).all()


def test_a_gated_sound_is_silent_where_a_gated_mel_is() -> None:
    samples = with_pause() + noise(0.002, 5 * RATE)
    gated = gate_audio(samples, find_silence(samples))
    assert gated.dtype == np.float32
    assert (gated[round(2.2 * RATE) : round(2.8 * RATE)] == 0).all()
    assert np.array_equal(gated[: 2 * RATE], samples[: 2 * RATE].astype(np.float32))
    assert np.array_equal(gated[3 * RATE :], samples[3 * RATE :].astype(np.float32))
    heard, by_mel = mel_spectrogram(gated), gate_silence(mel_spectrogram(samples))
    assert (heard[:, 180:220] == MEL_MIN).all()
    assert (heard - by_mel).abs().mean() < 0.05


@pytest.mark.parametrize("size", [997, 16000])
def test_pieces_of_a_sound_are_gated_as_the_whole_is(size: int) -> None:
    samples = np.concatenate([np.zeros(RATE), with_pause(), np.zeros(RATE)]) + noise(0.001, 7 * RATE)
    silences = find_silence(samples)
    whole = gate_audio(samples, silences)
    pieces = [
        gate_audio(samples[start : start + size], silences, first_sample=start, num_samples=len(samples))
        for start in range(0, len(samples), size)
    ]
    assert np.array_equal(np.concatenate(pieces), whole)
    assert (whole[0], whole[-1]) == (0, 0)
