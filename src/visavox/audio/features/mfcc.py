"""The 13 cepstral coefficients that the SyncNet of Chung & Zisserman (2016) takes, in numpy.

They equal those of the package `python_speech_features` with its own defaults, which the published evaluation takes:
pre-emphasis 0.97; 25 ms every 10 ms, without a window function; power spectrum of 512 points; 26 triangles between
0 and 8000 Hz on the mel scale of O'Shaughnessy, with corners rounded down to bins; logarithm; orthonormal DCT-II;
lifter 22; the first coefficient replaced by the logarithm of the frame's energy. Samples have the scale of 16 bits.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.fft import dct

from visavox.audio.features.mel import PRE_EMPHASIS, exact_division
from visavox.constants import SAMPLE_RATE
from visavox.errors import InputError

NUM_COEFFICIENTS = 13
MFCC_FRAMES_PER_SECOND = 100
MFCC_HOP_SIZE = exact_division(SAMPLE_RATE, MFCC_FRAMES_PER_SECOND)
"""Samples from one frame to the next: 10 ms."""
FRAME_SIZE = 400
"""Samples of one frame: 25 ms."""
MFCC_FFT_SIZE = 512
"""The frame is filled up with zeros."""
NUM_FILTERS = 26
LIFTER = 22
FULL_SCALE = 32768
"""Value of a sample of 1.0 in 16 bits (and clipped to one less)."""

_SMALLEST = float(np.finfo(np.float64).eps)
"""Stands for an energy of zero, so that digital silence has a logarithm."""
_BLOCK_FRAMES = 4096
"""Spectra that are in memory at a time (17 MB)."""


def num_mfcc_frames(num_samples: int) -> int:
    """Return how many frames a waveform has; the last one is filled up with zeros.

    >>> num_mfcc_frames(400), num_mfcc_frames(401), num_mfcc_frames(32000)
    (1, 2, 199)
    """
    return 1 + max(0, -(-(num_samples - FRAME_SIZE) // MFCC_HOP_SIZE))


def mfcc(waveform: np.ndarray) -> np.ndarray:
    """Compute the coefficients of a waveform of 16 kHz.

    Args:
        waveform: (N,), int16, or float in [-1, 1], which is rounded to 16 bits as a WAV file would.

    Returns:
        float32 (13, M), M as `num_mfcc_frames` gives it; frame m begins at sample 160 m.

    Raises:
        InputError: the waveform is empty, has more than one channel, or holds numbers that are not finite.
    """
    samples = _sixteen_bits(np.asarray(waveform))
    num_frames = num_mfcc_frames(len(samples))
    length = (num_frames - 1) * MFCC_HOP_SIZE + FRAME_SIZE
    blocks = []
    for first in range(0, num_frames, _BLOCK_FRAMES):
        stop = min(num_frames, first + _BLOCK_FRAMES)
        start, end = first * MFCC_HOP_SIZE, min(length, (stop - 1) * MFCC_HOP_SIZE + FRAME_SIZE)
        blocks.append(_block(samples, start, end))
    return np.concatenate(blocks, axis=1)


def _sixteen_bits(waveform: np.ndarray) -> np.ndarray:
    """Return int16 (N,)."""
    if waveform.ndim != 1 or len(waveform) == 0:
        raise InputError(f"the waveform has shape {waveform.shape}; it must be (N,), N at least 1")
    if waveform.dtype == np.int16:
        return waveform
    if not np.issubdtype(waveform.dtype, np.floating):
        raise InputError(f"the waveform holds {waveform.dtype}; it must be int16, or float in [-1, 1]")
    if not np.isfinite(waveform).all():
        raise InputError("the waveform holds numbers that are not finite; the audio file is damaged: decode it again")
    result: np.ndarray = np.clip(np.rint(waveform * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return result


def _block(samples: np.ndarray, start: int, end: int) -> np.ndarray:
    """Coefficients of the frames that lie between two samples, zeros standing for what is past the end."""
    # The first sample of all has none before it.
    reach = samples[start - 1 : end].astype(np.float64) if start else np.concatenate([[0.0], samples[:end]])
    emphasised = reach[1:] - PRE_EMPHASIS * reach[:-1]
    padded = np.pad(emphasised, (0, end - start - len(emphasised)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME_SIZE)[::MFCC_HOP_SIZE]
    power = np.abs(np.fft.rfft(frames, MFCC_FFT_SIZE)) ** 2 / MFCC_FFT_SIZE  # (M, 257)
    energy = power.sum(axis=1)
    bands = power @ mfcc_filters().T  # (M, 26)
    coefficients = dct(np.log(np.where(bands == 0, _SMALLEST, bands)), type=2, axis=1, norm="ortho")
    coefficients = coefficients[:, :NUM_COEFFICIENTS] * _lifter()
    coefficients[:, 0] = np.log(np.where(energy == 0, _SMALLEST, energy))
    result: np.ndarray = coefficients.T.astype(np.float32)
    return result


def _lifter() -> np.ndarray:
    """Weights (13,) that raise the higher coefficients."""
    return 1 + LIFTER / 2 * np.sin(np.pi * np.arange(NUM_COEFFICIENTS) / LIFTER)


@lru_cache(maxsize=1)
def mfcc_filters() -> np.ndarray:
    """Return the filter bank, float64 (26, 257): triangles of height 1 between bins."""
    highest = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, highest, NUM_FILTERS + 2) / 2595) - 1)
    corners = np.floor((MFCC_FFT_SIZE + 1) * hertz / SAMPLE_RATE)
    bins = np.arange(MFCC_FFT_SIZE // 2 + 1)
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    # A bin at the middle belongs to the falling side, one at the upper corner to neither.
    return np.where((bins >= low) & (bins < middle), rising, 0) + np.where((bins >= middle) & (bins < high), falling, 0)
