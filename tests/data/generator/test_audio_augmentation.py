"""Changed copies of audio to train with."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.data.generator.test_training_samples import make_clip

from visavox.data.generator.audio_augmentation import (
    AudioAugmentation,
    background,
    changed_audio,
    coloured_noise,
    synthetic_music,
)
from visavox.data.generator.clip_store import ClipStore
from visavox.data.generator.datasets import SpeechDataset
from visavox.models.generator import AudioSpec

RATE = 16000
STILL = AudioAugmentation(level=0, speed=0, background=0, room=0, telephone=0)


def voice(seconds: float = 2.0) -> np.ndarray:
    """A buzz whose loudness changes four times a second."""
    time = np.arange(int(seconds * RATE)) / RATE
    buzz = np.sign(np.sin(2 * np.pi * 120 * time)) * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time))
    return (0.2 * buzz).astype(np.float32)


def test_without_amounts_nothing_changes() -> None:
    changed = changed_audio(voice(), voice(), STILL, np.random.default_rng(0))
    assert changed.speed == 1
    np.testing.assert_allclose(changed.samples, voice(), atol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_a_copy_is_longer_where_it_is_slower(seed: int) -> None:
    changed = changed_audio(voice(), voice(), replace(STILL, speed=0.2), np.random.default_rng(seed))
    assert Fraction(4, 5) <= changed.speed <= Fraction(6, 5)
    assert len(changed.samples) == pytest.approx(2 * RATE / float(changed.speed), abs=1)


def test_a_moment_is_found_again_at_the_other_speed() -> None:
    click = np.zeros(2 * RATE, np.float32)
    click[RATE] = 0.9
    rng = np.random.default_rng(3)
    changed = changed_audio(click, click, replace(STILL, speed=0.2), rng)
    assert changed.speed != 1
    assert np.abs(changed.samples).argmax() / RATE == pytest.approx(1 / float(changed.speed), abs=1e-3)


@pytest.mark.parametrize("decibels", [-20.0, 0.0])
def test_the_background_has_the_level_that_it_was_given(decibels: float) -> None:
    settings = replace(STILL, background=1, background_level=(decibels, decibels))
    quiet = 0.1 * voice()
    changed = changed_audio(quiet, voice(), settings, np.random.default_rng(1))
    added = changed.samples - quiet
    assert 20 * np.log10(added.std() / quiet.std()) == pytest.approx(decibels, abs=3)


def test_a_telephone_has_no_bass() -> None:
    changed = changed_audio(voice(), voice(), replace(STILL, telephone=1), np.random.default_rng(0)).samples
    frequencies = np.fft.rfftfreq(len(changed), 1 / RATE)
    before, after = (np.abs(np.fft.rfft(samples)) ** 2 for samples in (voice(), changed))
    low, middle = frequencies < 150, (frequencies > 800) & (frequencies < 3000)
    assert after[low].sum() < 0.01 * before[low].sum()
    assert after[middle].sum() == pytest.approx(before[middle].sum(), rel=0.2)


@pytest.mark.parametrize("seed", range(6))
def test_copies_stay_in_range_and_depend_on_the_draw_alone(seed: int) -> None:
    first, again = (
        changed_audio(voice(), voice(), AudioAugmentation(level=20), np.random.default_rng(seed)) for _ in range(2)
    )
    assert first.samples.dtype == np.float32
    assert np.abs(first.samples).max() <= 0.99
    assert np.array_equal(first.samples, again.samples)


@pytest.mark.parametrize("draw", [coloured_noise, synthetic_music])
@pytest.mark.parametrize("num_samples", [1, 777, 3 * RATE])
def test_backgrounds_have_unit_variance_and_any_length(draw: object, num_samples: int) -> None:
    assert callable(draw)
    drawn = draw(num_samples, np.random.default_rng(0))
    assert drawn.shape == (num_samples,)
    assert np.isfinite(drawn).all()
    assert num_samples == 1 or drawn.std() == pytest.approx(1, rel=1e-3)


def test_a_short_voice_goes_on_in_the_background() -> None:
    drawn = {background(3000, voice(0.05), np.random.default_rng(seed)).shape for seed in range(10)}
    assert drawn == {(3000,)}


def test_a_store_with_copies_draws_from_all_of_them(tmp_path: Path) -> None:
    store = ClipStore([make_clip(0, 20), make_clip(1, 24)])
    for stored in store.clips:
        stored.clip.audio[:] = (voice(len(stored.clip.audio) / RATE) * 32767).astype(np.int16)
    audio = AudioSpec("mel-pitch", 83, 50, window=4, lead=1)
    store.apply_audio(audio, tmp_path, augmentation=AudioAugmentation(copies=3))
    assert [len(stored.copies) for stored in store.clips] == [3, 3]
    drawn = {store.clips[0].drawn_window(10, np.random.default_rng(seed)).tobytes() for seed in range(40)}
    assert len(drawn) == 4
    assert store.clips[0].window(10).tobytes() in drawn


def test_mouths_rest_on_backgrounds(tmp_path: Path) -> None:
    store = ClipStore([make_clip(0, 20)])
    rest = np.full(1, -7.0, np.float32)
    audio = AudioSpec("mel-pitch", 83, 50, window=4, lead=1)
    store.apply_audio(audio, tmp_path, augmentation=AudioAugmentation(copies=1))
    samples = SpeechDataset(store, rest=rest, seed=0, length=300)
    resting = [sample["features"] for sample in (samples[number] for number in range(300)) if sample["motion"][0] == -7]
    assert len(resting) > 3
    assert max(float(features.max()) for features in resting) > 0, "noise and music are among them, not only silence"
