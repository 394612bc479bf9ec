"""Speech features that need no download: a mel of 50 rows a second, and with it loudness, voicing and pitch.

The mel is that of Wav2Lip (`visavox.audio.features.mel`) with frames centred where the rows are. It is computed there,
not interpolated from the 80 frames a second of Wav2Lip, so it is as sharp in time and needs no more audio.

The pitch is found row by row, in numpy. Every row offers a few periods, the peaks of the normalised cross-correlation
of the 30 ms around its middle with the audio before and after, each refined by a parabola, and one more choice:
unvoiced. The path that costs least chooses (after Talkin's RAPT, "A robust algorithm for pitch tracking", 1995): a weak
peak costs, a jump of the pitch costs, and so does beginning or ceasing to be voiced. A row is decided when LOOKAHEAD
more rows are known, so the path can be followed while the audio arrives, and a whole recording is decided in the very
same way.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from visavox.audio.features.mel import LEVEL_RANGE, MEL_MAX, MEL_MIN, StreamingMel
from visavox.audio.features.speech_features import (
    ROW_MIDDLE,
    ROW_SIZE,
    FeatureStream,
    RowGrid,
    SpeechFeatures,
    checked_samples,
    num_rows,
    reflected,
)
from visavox.constants import NUM_MEL_BANDS, SAMPLE_RATE

LOWEST_PITCH, HIGHEST_PITCH = 60.0, 500.0
"""Hz: voices of men who speak low, and of children."""
LOOKAHEAD = 10
"""Rows behind a row that its decision waits for: 0.2 s."""

_WINDOW = 480
"""Samples that are compared with what is one period before and behind: 30 ms."""
_SHORTEST = int(SAMPLE_RATE / HIGHEST_PITCH)
_LONGEST = int(np.ceil(SAMPLE_RATE / LOWEST_PITCH))
_MARGIN = _LONGEST + 1
"""The longest period and one more sample, for the parabola."""
_SEGMENT = _WINDOW + 2 * _MARGIN
_FFT_SIZE = 1024
"""At least _SEGMENT, so that no correlation wraps around."""
_CANDIDATES = 6
"""Periods that a row offers."""
_FLOOR = _WINDOW * 1e-8
"""Energy of audio of -80 dB, added to those that are compared: below it nothing counts as voiced."""

_LONG_PERIOD_COST = 0.3
"""Twice the period fits as well as the period: a longer one must fit better, by up to this share."""
_UNVOICED_COST = 0.0
"""Added to the cost of being unvoiced, which is the height of the best peak."""
_JUMP_COST = 0.7
"""Of a change of the pitch by one octave from one row to the next."""
_SWITCH_COST = 0.15
"""Of beginning or ceasing to be voiced."""
_BLOCK_ROWS = 512
"""Rows whose correlations are in memory at a time."""


def track_pitch(waveform: np.ndarray) -> np.ndarray:
    """Follow the pitch of a whole recording.

    Args:
        waveform: float (N,), 16 kHz mono in [-1, 1].

    Returns:
        float64 (K, 2) with K = 2 ceil(N / 640): pitch in Hz, 0 where unvoiced; and periodicity, the normalised
        correlation at that period, 0 to 1, 0 where unvoiced.

    Raises:
        InputError: the recording has more than one channel, or holds a number that is not finite.
    """
    pitch = StreamingPitch()
    return np.concatenate([pitch.push(waveform), pitch.flush()])


class StreamingPitch:
    """The same numbers as `track_pitch`, from a recording that arrives in pieces; 0.25 s late."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything that was pushed."""
        self.num_samples = 0
        """Samples pushed so far."""
        self._buffer = np.zeros(0)  # from sample self._buffer_start on
        self._buffer_start = 0
        self._num_rows = 0  # whose candidates are known
        self._path = _Path()

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Take the next samples, float (n,); return float64 (k, 2) for the k rows that are now decided."""
        piece = checked_samples(samples)
        self._buffer = np.concatenate([self._buffer, piece.astype(np.float64)])
        self.num_samples += len(piece)
        # The last sample that a row takes, and the one that the first row takes by reflection, are there.
        known = 1 + (self.num_samples - ROW_MIDDLE - _SEGMENT // 2) // ROW_SIZE
        return self._decide(known)

    def flush(self) -> np.ndarray:
        """Return float64 (k, 2): the rows that were waiting for samples that will not come; then start again."""
        if self.num_samples == 0:
            return np.zeros((0, 2))
        rows = np.concatenate([self._decide(num_rows(self.num_samples)), self._path.finish()])
        self.reset()
        return rows

    def _decide(self, end: int) -> np.ndarray:
        decided = [np.zeros((0, 2))]
        for start in range(self._num_rows, end, _BLOCK_ROWS):
            stop = min(end, start + _BLOCK_ROWS)
            candidates = _candidates(self._segments(start, stop))
            decided += [self._path.step(periods, heights) for periods, heights in zip(*candidates, strict=True)]
        self._num_rows = max(self._num_rows, end)
        # What is heard past the end is reflected: as much as a row reaches, and a video frame.
        needed = min(self._num_rows * ROW_SIZE, self.num_samples - 2 * ROW_SIZE) - _SEGMENT
        drop = max(0, needed - self._buffer_start)
        self._buffer = self._buffer[drop:].copy()
        self._buffer_start += drop
        return np.concatenate(decided)

    def _segments(self, start: int, stop: int) -> np.ndarray:
        """Samples around the rows `start` to `stop`, float64 (rows, _SEGMENT)."""
        first = ROW_MIDDLE - _SEGMENT // 2 + ROW_SIZE * np.arange(start, stop)
        indices = first[:, None] + np.arange(_SEGMENT)
        result: np.ndarray = self._buffer[reflected(indices, self.num_samples) - self._buffer_start]
        return result


@dataclass
class _Step:
    """The choices of a row and the cheapest way to each; choice 0 is unvoiced."""

    periods: np.ndarray  # (1 + candidates,), samples; NaN for choice 0 and where there are fewer peaks
    heights: np.ndarray  # (1 + candidates,)
    before: np.ndarray  # (1 + candidates,): the choice of the row before on the cheapest path to this one

    def answer(self, choice: int) -> np.ndarray:
        if choice == 0:
            return np.zeros((1, 2))
        return np.array([[SAMPLE_RATE / self.periods[choice], min(1.0, self.heights[choice])]])


class _Path:
    """The cheapest path through the choices of the rows (Viterbi), decided LOOKAHEAD rows late."""

    def __init__(self) -> None:
        self._steps: deque[_Step] = deque()
        self._costs = np.zeros(1)
        self._octaves = np.full(1, np.nan)

    def step(self, periods: np.ndarray, heights: np.ndarray) -> np.ndarray:
        """Add a row; return float64 (1, 2) for the row that is decided by it, or (0, 2)."""
        octaves = np.log2(periods)
        voiced = np.isfinite(octaves)
        peaks = np.where(voiced, heights, 0.0)
        own = np.where(voiced, 1 - peaks * (1 - _LONG_PERIOD_COST * periods / _LONGEST), np.inf)
        own[0] = _UNVOICED_COST + peaks.max()
        jump = _JUMP_COST * np.abs(octaves[:, None] - self._octaves)
        switch = voiced[:, None] != np.isfinite(self._octaves)
        change = np.where(np.isfinite(jump), jump, np.where(switch, _SWITCH_COST, 0.0))
        total = change + self._costs  # (choices, choices of the row before)
        before = total.argmin(axis=1)
        costs = own + total[np.arange(len(before)), before]
        self._costs, self._octaves = costs - costs.min(), octaves
        self._steps.append(_Step(periods, peaks, before))
        if len(self._steps) <= LOOKAHEAD:
            return np.zeros((0, 2))
        answer = self._steps[0].answer(self._trace()[0])
        self._steps.popleft()
        return answer

    def finish(self) -> np.ndarray:
        """Decide the rows that are left: float64 (k, 2)."""
        answers = [step.answer(choice) for step, choice in zip(self._steps, self._trace(), strict=True)]
        return np.concatenate([np.zeros((0, 2)), *answers])

    def _trace(self) -> list[int]:
        """Return the choice of every waiting row on the cheapest path."""
        choice, choices = int(self._costs.argmin()), []
        for step in reversed(self._steps):
            choices.append(choice)
            choice = int(step.before[choice])
        return choices[::-1]


def _candidates(segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the best periods of each row.

    Args:
        segments: float64 (rows, _SEGMENT).

    Returns:
        periods float64 (rows, 1 + _CANDIDATES) in samples, NaN in the first column and where there is no peak; heights
        of the same shape.
    """
    correlation = _correlation(segments)  # (rows, periods from _SHORTEST - 1 to _LONGEST + 1)
    left, middle, right = correlation[:, :-2], correlation[:, 1:-1], correlation[:, 2:]
    peak = (middle > left) & (middle >= right) & (middle > 0)
    lengths = np.arange(_SHORTEST, _LONGEST + 1)
    score = np.where(peak, middle * (1 - _LONG_PERIOD_COST * lengths / _LONGEST), -np.inf)
    best = np.argsort(-score, axis=1, kind="stable")[:, :_CANDIDATES]
    low, top, high = (np.take_along_axis(each, best, axis=1) for each in (left, middle, right))
    found = np.isfinite(np.take_along_axis(score, best, axis=1))
    curvature = np.where(found, low - 2 * top + high, -1.0)  # below 0 at a peak
    shift = 0.5 * (low - high) / curvature
    periods = np.where(found, lengths[best] + shift, np.nan)
    heights = np.where(found, top - 0.25 * (low - high) * shift, 0.0)
    unvoiced = np.full((len(segments), 1), np.nan)
    return np.concatenate([unvoiced, periods], axis=1), np.concatenate([unvoiced, heights], axis=1)


def _correlation(segments: np.ndarray) -> np.ndarray:
    """Normalised correlation of the middle of each segment with what is a period before and behind, -1 to 1.

        r(p) = (sum x_j x_(j - p) + sum x_j x_(j + p)) / sqrt(2 E(0) (E(-p) + E(p))), E the energy of the window

    Both sides count, so that the answer belongs to the middle of the row whatever the period is.
    """
    segments = segments - segments.mean(axis=1, keepdims=True)
    middle = np.zeros((len(segments), _FFT_SIZE))
    middle[:, :_WINDOW] = segments[:, _MARGIN : _MARGIN + _WINDOW]
    spectrum = np.fft.rfft(segments, _FFT_SIZE) * np.fft.rfft(middle).conj()
    product = np.fft.irfft(spectrum, _FFT_SIZE)
    sums = np.concatenate([np.zeros((len(segments), 1)), np.cumsum(segments**2, axis=1)], axis=1)
    energy = sums[:, _WINDOW:] - sums[:, :-_WINDOW] + _FLOOR  # of the window that begins at each sample
    periods = np.arange(_SHORTEST - 1, _LONGEST + 2)
    before, behind = _MARGIN - periods, _MARGIN + periods
    scale = np.sqrt(2 * energy[:, [_MARGIN]] * (energy[:, before] + energy[:, behind]))
    result: np.ndarray = (product[:, before] + product[:, behind]) / scale
    return result


LOUDNESS_COLUMN, VOICING_COLUMN, PITCH_COLUMN = 80, 81, 82
"""Columns of `mel-pitch` behind the 80 bands."""
PITCH_STEPS = 4
"""Steps of the pitch column to an octave: 1 is three semitones."""
PITCH_RANGE = 4.0
"""The pitch column lies between minus and plus this."""

_LOWEST_BAND = 4
"""Bands below (about 240 Hz) hold hum, rumble and wind, which are no loudness of speech."""
_DECIBELS_PER_UNIT = LEVEL_RANGE / (MEL_MAX - MEL_MIN)
_START_PITCH = 165.0
"""Hz: what is taken for the speaker's own pitch before the speaker was heard, between women's and men's."""
_START_ROWS = 10
"""Voiced rows that the start counts for: 0.2 s."""
_BINS_PER_OCTAVE = 48


class MelFeatures(SpeechFeatures):
    """`mel`: 80 columns in [-4, 4], silence -4."""

    name = "mel"
    size = NUM_MEL_BANDS
    level_columns = NUM_MEL_BANDS
    fingerprint = "mel 1"

    def stream(self) -> FeatureStream:
        """Begin a recording that arrives in pieces; rows come 25 ms after their middle."""
        return _MelStream()


class MelPitchFeatures(SpeechFeatures):
    """`mel-pitch`: 83 columns.

    - 0 to 79: the mel, in [-4, 4];
    - 80: loudness, the mean power of the bands above 240 Hz on the same scale;
    - 81: voicing, 0 where unvoiced, else the periodicity, to 1;
    - 82: pitch against the speaker's own, in steps of three semitones, in [-4, 4], 0 where unvoiced. The speaker's own
      pitch is the median of all that was heard of the recording until then, so that voices compare and a recording
      that arrives gives the numbers of one that is whole.
    """

    name = "mel-pitch"
    size = NUM_MEL_BANDS + 3
    level_columns = NUM_MEL_BANDS + 1
    fingerprint = "mel-pitch 1"

    def stream(self) -> FeatureStream:
        """Begin a recording that arrives in pieces; rows come 0.25 s after their middle."""
        return _MelPitchStream()


class _MelStream:
    def __init__(self) -> None:
        self._mel = StreamingMel(RowGrid())

    def push(self, samples: np.ndarray) -> np.ndarray:
        return self._mel.push(checked_samples(samples)).numpy().T.copy()

    def flush(self) -> np.ndarray:
        return self._mel.flush().numpy().T.copy()


class _MelPitchStream:
    def __init__(self) -> None:
        self._mel, self._pitch = _MelStream(), StreamingPitch()
        self._waiting = np.zeros((0, NUM_MEL_BANDS), np.float32)  # mel rows whose pitch is not decided yet
        self._median = _RunningMedian()

    def push(self, samples: np.ndarray) -> np.ndarray:
        return self._join(self._mel.push(samples), self._pitch.push(samples))

    def flush(self) -> np.ndarray:
        rows = self._join(self._mel.flush(), self._pitch.flush())
        self._median = _RunningMedian()
        return rows

    def _join(self, mel: np.ndarray, pitch: np.ndarray) -> np.ndarray:
        waiting = np.concatenate([self._waiting, mel])
        self._waiting = waiting[len(pitch) :]
        mel = waiting[: len(pitch)]
        columns = [mel, _loudness(mel), pitch[:, 1:], self._relative(pitch[:, 0])[:, None]]
        return np.concatenate(columns, axis=1, dtype=np.float32)

    def _relative(self, hertz: np.ndarray) -> np.ndarray:
        """Pitch against the median so far, (k,), of Hz (k,)."""
        relative = np.zeros(len(hertz))
        for row in np.flatnonzero(hertz):
            octave = np.log2(hertz[row])
            relative[row] = PITCH_STEPS * (octave - self._median.include(octave))
        return np.clip(relative, -PITCH_RANGE, PITCH_RANGE)


class _RunningMedian:
    """The median of all octaves that came, from a histogram: its memory does not grow."""

    def __init__(self) -> None:
        self._first = np.log2(LOWEST_PITCH) - 1 / _BINS_PER_OCTAVE
        num_bins = int((np.log2(HIGHEST_PITCH) - self._first) * _BINS_PER_OCTAVE) + 2
        self._counts = np.zeros(num_bins)
        self._counts[self._bin(np.log2(_START_PITCH))] = _START_ROWS

    def include(self, octave: float) -> float:
        """Count one more; return the median, linear within its bin."""
        self._counts[self._bin(octave)] += 1
        sums = np.cumsum(self._counts)
        half = sums[-1] / 2
        found = int(np.searchsorted(sums, half))
        share = (half - (sums[found] - self._counts[found])) / self._counts[found]
        result: float = self._first + (found + share) / _BINS_PER_OCTAVE
        return result

    def _bin(self, octave: float) -> int:
        return int(np.clip((octave - self._first) * _BINS_PER_OCTAVE, 0, len(self._counts) - 1))


def _loudness(mel: np.ndarray) -> np.ndarray:
    """Mean power of the bands of mel rows (k, 80), on the scale of the mel, (k, 1)."""
    decibels = (mel[:, _LOWEST_BAND:].astype(np.float64) - MEL_MIN) * _DECIBELS_PER_UNIT
    # Along rows that lie together in memory, so that a row's sum does not hang on how many rows came with it.
    power = np.ascontiguousarray(10 ** (decibels / 10)).mean(axis=1, keepdims=True)
    result: np.ndarray = np.clip(MEL_MIN + 10 * np.log10(power) / _DECIBELS_PER_UNIT, MEL_MIN, MEL_MAX)
    return result
