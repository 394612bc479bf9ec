"""The mel spectrogram of Wav2Lip, in torch, whole or chunk by chunk.

It equals the published one (librosa 0.7 with its reflect padding): pre-emphasis, magnitude of a centred STFT
with a Hann window, 80 bands on Slaney's mel scale, decibels, clipped to [-4, 4]. All of it is computed in
float64 and rounded to float32 at the end, so that a chunk gives the very numbers that the whole gives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TypeVar

import numpy as np
import torch

from visavox.constants import NUM_MEL_BANDS, SAMPLE_RATE
from visavox.errors import InputError

Array = TypeVar("Array", np.ndarray, torch.Tensor)


def exact_division(numerator: int, denominator: int) -> int:
    """Return the quotient; ValueError where there is a remainder."""
    quotient, remainder = divmod(numerator, denominator)
    if remainder:
        raise ValueError(f"{numerator} is not a multiple of {denominator}")
    return quotient


FFT_SIZE = 800
"""Samples under one (Hann) window: 50 ms."""
HOP_SIZE = 200
"""Samples from one mel frame to the next: 12.5 ms."""
MIN_FREQUENCY = 55.0
"""Lower edge of the lowest band, Hz."""
MAX_FREQUENCY = 7600.0
"""Upper edge of the highest band, Hz."""
PRE_EMPHASIS = 0.97
"""y[n] = x[n] - PRE_EMPHASIS * x[n - 1]."""
MIN_MAGNITUDE = 1e-5
"""Magnitudes below this are taken as this (-100 dB), so that digital silence has a logarithm."""
REFERENCE_LEVEL = 20.0
"""Subtracted from the decibels, dB."""
LEVEL_RANGE = 100.0
"""Decibels that are spread over [MEL_MIN, MEL_MAX]."""
MEL_MIN = -4.0
"""The value of digital silence."""
MEL_MAX = 4.0
MEL_FRAMES_PER_SECOND = exact_division(SAMPLE_RATE, HOP_SIZE)
"""80."""
NUM_FREQUENCIES = exact_division(FFT_SIZE, 2) + 1
"""Bins of the spectrum, from 0 Hz to half the sample rate."""
HALF_WINDOW = exact_division(FFT_SIZE, 2)
"""Mel frame m is centred on sample m * HOP_SIZE and covers this many samples to either side."""
MEL_WINDOW = 16
"""Mel frames of one network window in the reference (0.2 s)."""

_BLOCK_FRAMES = 4096
"""STFT frames that are in memory at a time (26 MB)."""
_KEPT_SAMPLES = 2 * FFT_SIZE
"""Samples that a stream keeps for the reflection at its end."""


@dataclass(frozen=True)
class MelGrid:
    """Positions of the frames of a mel: frame m is centred on sample `first + hop * m`."""

    hop: int = HOP_SIZE
    """Samples from one frame to the next."""
    first: int = 0
    """The sample in the middle of frame 0, at most HALF_WINDOW."""

    def num_frames(self, num_samples: int) -> int:
        """Return how many frames a waveform of `num_samples` has: none is centred more than FFT_SIZE past its end."""
        return 1 + (num_samples - self.first) // self.hop


WAV2LIP_GRID = MelGrid()
"""80 frames a second, the first one centred on sample 0."""


def mel_spectrogram(waveform: np.ndarray | torch.Tensor, grid: MelGrid = WAV2LIP_GRID) -> torch.Tensor:
    """Compute the mel spectrogram of a whole waveform.

    Args:
        waveform: float (N,) or (B, N), 16 kHz mono in [-1, 1], N >= 1.
        grid: where the frames lie.

    Returns:
        float32 (80, M) or (B, 80, M) in [-4, 4], by default with M = 1 + N // 200; frame m is centred on sample 200 m.

    Raises:
        InputError: the waveform is empty or holds a number that is not finite.
    """
    samples = _checked(waveform)
    emphasised = torch.cat([samples[..., :1], samples[..., 1:] - PRE_EMPHASIS * samples[..., :-1]], dim=-1)
    return _frames(emphasised, grid, 0, grid.num_frames(samples.shape[-1]))


class StreamingMel:
    """The same numbers as `mel_spectrogram`, from a waveform that arrives in chunks of any length.

    A frame is given as soon as the last sample under its window is there: 25 ms after its centre. Frames at the
    very end see the waveform reflected at its last sample, so they come only with `flush`, after which the object
    is ready for another waveform.

        mel = StreamingMel()
        for chunk in chunks:
            frames = mel.push(chunk)      # (80, 0 or more)
        last = mel.flush()
    """

    def __init__(self, grid: MelGrid = WAV2LIP_GRID) -> None:
        self.grid = grid
        self.reset()

    def reset(self) -> None:
        """Forget everything that was pushed."""
        self.num_samples = 0
        """Samples pushed so far."""
        self.num_frames = 0
        """Mel frames given so far."""
        self._buffer = torch.zeros(0, dtype=torch.float64)  # pre-emphasised, from sample self._buffer_start on
        self._buffer_start = 0
        self._last_sample: torch.Tensor | None = None

    def push(self, chunk: np.ndarray | torch.Tensor) -> torch.Tensor:
        """Take the next samples, float (n,) in [-1, 1]; return float32 (80, k) for the k frames that are now known."""
        if len(chunk) == 0:
            return torch.zeros(NUM_MEL_BANDS, 0)
        samples = _checked(chunk).cpu()
        if samples.ndim != 1:
            raise InputError(f"StreamingMel takes one waveform, float (n,); a chunk of {samples.ndim} dimensions came")
        before = samples[:1] * 0 if self._last_sample is None else self._last_sample
        emphasised = samples - PRE_EMPHASIS * torch.cat([before, samples[:-1]])
        self._buffer = torch.cat([self._buffer, emphasised])
        self._last_sample = samples[-1:]
        self.num_samples += len(samples)
        first = self.grid.first
        # The first frame reaches to HALF_WINDOW behind its middle, and what is before sample 0 by reflection.
        if self.num_samples < max(HALF_WINDOW + first, HALF_WINDOW - first + 1):
            return torch.zeros(NUM_MEL_BANDS, 0)
        return self._give(1 + (self.num_samples - HALF_WINDOW - first) // self.grid.hop)

    def flush(self) -> torch.Tensor:
        """Return float32 (80, k): the frames that were waiting for samples that will not come; then start again."""
        if self.num_samples == 0:
            return torch.zeros(NUM_MEL_BANDS, 0)
        frames = self._give(self.grid.num_frames(self.num_samples))
        self.reset()
        return frames

    def _give(self, end: int) -> torch.Tensor:
        frames = _frames(self._buffer, self.grid, self.num_frames, end, self._buffer_start)
        self.num_frames = max(self.num_frames, end)
        needed = self.grid.first + self.num_frames * self.grid.hop - HALF_WINDOW
        drop = max(0, min(needed, self.num_samples - _KEPT_SAMPLES) - self._buffer_start)
        self._buffer = self._buffer[drop:].clone()
        self._buffer_start += drop
        return frames


def window_start(time: Fraction | float, lead: int = 0) -> int:
    """Return the first mel frame of the window for an image shown at `time` seconds, begun `lead` frames early."""
    return math.floor(MEL_FRAMES_PER_SECOND * time) - lead


def mel_window(mel: Array, start: int, length: int = MEL_WINDOW) -> Array:
    """Return frames `start` to `start + length` of a mel (..., M); what lies outside of it is silence (-4)."""
    shape = (*mel.shape[:-1], length)
    if isinstance(mel, torch.Tensor):
        window = mel.new_full(shape, MEL_MIN)
    else:
        window = np.full(shape, MEL_MIN, dtype=mel.dtype)
    first, last = max(start, 0), min(start + length, mel.shape[-1])
    if first < last:
        window[..., first - start : last - start] = mel[..., first:last]
    return window


def _checked(waveform: np.ndarray | torch.Tensor) -> torch.Tensor:
    samples = torch.as_tensor(waveform)
    if not samples.is_floating_point():
        raise InputError(f"the waveform holds {samples.dtype}; it must be float in [-1, 1]: divide integers by 32768")
    samples = samples.to(torch.float64)
    if samples.ndim not in (1, 2) or samples.shape[-1] == 0:
        raise InputError(f"the waveform has shape {tuple(samples.shape)}; it must be (N,) or (B, N), N at least 1")
    if not torch.isfinite(samples).all():
        raise InputError("the waveform holds numbers that are not finite; the audio file is damaged: decode it again")
    return samples


def _frames(emphasised: torch.Tensor, grid: MelGrid, first: int, end: int, offset: int = 0) -> torch.Tensor:
    """Return mel frames `first` to `end` of a pre-emphasised waveform of which samples from `offset` on are given.

    Samples before 0 and past the end are reflected (the edge itself not repeated), as often as it takes.
    """
    num_samples = offset + emphasised.shape[-1]
    period = max(1, 2 * (num_samples - 1))
    window = torch.hann_window(FFT_SIZE, dtype=torch.float64, device=emphasised.device)
    filters = torch.from_numpy(mel_filters()).to(emphasised.device)
    blocks = [torch.zeros(*emphasised.shape[:-1], NUM_MEL_BANDS, 0, device=emphasised.device)]
    for start in range(first, end, _BLOCK_FRAMES):
        stop = min(end, start + _BLOCK_FRAMES)
        middle = grid.first + start * grid.hop, grid.first + (stop - 1) * grid.hop
        reach = middle[0] - HALF_WINDOW, middle[1] + HALF_WINDOW
        index = torch.arange(*reach, device=emphasised.device) % period
        index = torch.minimum(index, period - index) - offset
        segments = emphasised[..., index].unfold(-1, FFT_SIZE, grid.hop)  # (..., M, 800)
        magnitude = torch.fft.rfft(segments * window).abs()  # (..., M, 401)
        mel = (magnitude @ filters.T).transpose(-1, -2)  # (..., 80, M)
        level = 20 * torch.log10(mel.clamp(min=MIN_MAGNITUDE)) - REFERENCE_LEVEL
        scaled = (MEL_MAX - MEL_MIN) * (level + LEVEL_RANGE) / LEVEL_RANGE + MEL_MIN
        blocks.append(scaled.clamp(MEL_MIN, MEL_MAX).to(torch.float32))
    return torch.cat(blocks, dim=-1)


@lru_cache(maxsize=4)
def mel_filters(
    fft_size: int = FFT_SIZE,
    bands: int = NUM_MEL_BANDS,
    min_frequency: float = MIN_FREQUENCY,
    max_frequency: float = MAX_FREQUENCY,
) -> np.ndarray:
    """Build a filter bank: triangles of equal area, evenly spaced on Slaney's mel scale.

    Args:
        fft_size: samples of the Fourier transform, even.
        bands: number of triangles.
        min_frequency: lower edge of the lowest band, Hz.
        max_frequency: upper edge of the highest band, Hz.

    Returns:
        float64 (bands, fft_size / 2 + 1).
    """
    edges = _slaney_hertz(np.linspace(_slaney_mel(min_frequency), _slaney_mel(max_frequency), bands + 2))
    frequencies = np.linspace(0, SAMPLE_RATE / 2, fft_size // 2 + 1)
    widths = np.diff(edges)
    ramps = edges[:, None] - frequencies  # (82, 401)
    rising, falling = -ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    result: np.ndarray = triangles * (2 / (edges[2:] - edges[:-2]))[:, None]
    return result


# Slaney's Auditory Toolbox (1998): linear up to 1 kHz, 15 mel; logarithmic above, 27 steps to a factor of 6.4.
_HERTZ_PER_MEL = 200 / 3
_BREAK_HERTZ = 1000.0
_BREAK_MEL = _BREAK_HERTZ / _HERTZ_PER_MEL
_LOG_STEP = math.log(6.4) / 27


def _slaney_mel(hertz: float) -> float:
    if hertz < _BREAK_HERTZ:
        return hertz / _HERTZ_PER_MEL
    return _BREAK_MEL + math.log(hertz / _BREAK_HERTZ) / _LOG_STEP


def _slaney_hertz(mel: np.ndarray) -> np.ndarray:
    linear = mel * _HERTZ_PER_MEL
    logarithmic = _BREAK_HERTZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, linear, logarithmic)
