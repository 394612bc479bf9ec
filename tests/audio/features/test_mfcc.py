"""The MFCC against the published one, and against its definition written out in loops."""

import doctest
import math

import numpy as np
import pytest
from tests.parity import SYNCNET_GOLDEN, waveform

import visavox.audio.features.mfcc as module
from visavox.audio.features.mfcc import mfcc, mfcc_filters, num_mfcc_frames
from visavox.errors import InputError


def sixteen_bits(num_samples: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.clip(generator.normal(0, 4000, num_samples), -32768, 32767).astype(np.int16)


def by_definition(samples: np.ndarray, frame: int) -> list[float]:
    """One frame's coefficients: plain sums, no FFT, no filter matrix."""
    values = [int(sample) for sample in samples]
    emphasised = [value - 0.97 * (values[n - 1] if n else 0) for n, value in enumerate(values)]
    piece = np.array(emphasised[160 * frame : 160 * frame + 400] + [0.0] * 512)[:512]
    turns = np.outer(np.arange(257), np.arange(512)) % 512 * (2 * math.pi / 512)
    power = ((np.cos(turns) @ piece) ** 2 + (np.sin(turns) @ piece) ** 2) / 512
    mels = [k * 2595 * math.log10(1 + 8000 / 700) / 27 for k in range(28)]
    corners = [math.floor(513 * 700 * (10 ** (mel / 2595) - 1) / 16000) for mel in mels]
    logarithms = []
    for low, middle, high in zip(corners, corners[1:], corners[2:], strict=False):
        band = sum(power[k] * (k - low) / (middle - low) for k in range(low, middle))
        band += sum(power[k] * (high - k) / (high - middle) for k in range(middle, high))
        logarithms.append(math.log(band))
    coefficients = [math.log(sum(power))]
    for q in range(1, 13):
        cosine = sum(value * math.cos(math.pi * q * (2 * k + 1) / 52) for k, value in enumerate(logarithms))
        coefficients.append((1 + 11 * math.sin(math.pi * q / 22)) * math.sqrt(2 / 26) * cosine)
    return coefficients


def test_equals_the_published_mfcc() -> None:
    golden = np.load(SYNCNET_GOLDEN)["mfcc"]
    ours = mfcc((waveform() * 32767).astype(np.int16))
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, golden, rtol=0, atol=1e-2)


@pytest.mark.parametrize("num_samples", [1, 399, 400, 401, 1999])
def test_equals_its_definition(num_samples: int) -> None:
    samples = sixteen_bits(num_samples)
    ours = mfcc(samples)
    assert ours.shape == (13, num_mfcc_frames(num_samples))
    for frame in range(ours.shape[1]):
        np.testing.assert_allclose(ours[:, frame], by_definition(samples, frame), rtol=0, atol=1e-4)


def test_blocks_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = sixteen_bits(20_037)
    whole = mfcc(samples)
    for block in (1, 7, 123):
        monkeypatch.setattr(module, "_BLOCK_FRAMES", block)
        np.testing.assert_array_equal(mfcc(samples), whole)


def test_floats_are_rounded_to_sixteen_bits() -> None:
    samples = sixteen_bits(3000)
    np.testing.assert_array_equal(mfcc((samples / 32768).astype(np.float32)), mfcc(samples))
    loud = np.array([1.0, -1.0, 2.0] * 200, np.float32)
    np.testing.assert_array_equal(mfcc(loud), mfcc(np.array([32767, -32768, 32767] * 200, np.int16)))


def test_silence_has_finite_coefficients() -> None:
    silent = mfcc(np.zeros(1000, np.int16))
    assert np.isfinite(silent).all()
    assert silent[0] == pytest.approx(math.log(np.finfo(float).eps))
    assert silent[1:] == pytest.approx(0, abs=1e-4)


def test_equals_the_package_where_it_is_installed() -> None:
    package = pytest.importorskip("python_speech_features")
    for num_samples in (300, 16_000, 17_171):
        samples = sixteen_bits(num_samples)
        np.testing.assert_allclose(mfcc(samples), package.mfcc(samples, 16000).T, rtol=0, atol=1e-4)
    np.testing.assert_allclose(mfcc_filters(), package.get_filterbanks(26, 512, 16000))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.zeros(0, np.float32), "N at least 1"),
        (np.zeros((2, 400), np.float32), r"shape \(2, 400\)"),
        (np.zeros(400, np.int32), "holds int32"),
        (np.full(400, np.nan), "not finite"),
    ],
)
def test_what_is_no_waveform(given: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        mfcc(given)


def test_examples() -> None:
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 0) == (0, True)
