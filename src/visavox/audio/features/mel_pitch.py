"""Speech features that need no download: a mel of 50 rows a second, and with it loudness, voicing and pitch.

The mel is that of Wav2Lip (`visavox.audio.features.mel`) with frames centred where the rows are. It is computed there,
not interpolated from the 80 frames a second of Wav2Lip, so it is as sharp in time and needs no more sound.
"""

from __future__ import annotations

import numpy as np

from visavox.audio.features.feature_rows import RowGrid, checked_samples
from visavox.audio.features.mel import LEVEL_RANGE, MEL_MAX, MEL_MIN, StreamingMel
from visavox.audio.features.pitch import HIGHEST_PITCH, LOWEST_PITCH, StreamingPitch
from visavox.audio.features.speech_features import FeatureStream, SpeechFeatures
from visavox.constants import NUM_MEL_BANDS

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
        return self._first + (found + share) / _BINS_PER_OCTAVE

    def _bin(self, octave: float) -> int:
        return int(np.clip((octave - self._first) * _BINS_PER_OCTAVE, 0, len(self._counts) - 1))


def _loudness(mel: np.ndarray) -> np.ndarray:
    """Mean power of the bands of mel rows (k, 80), on the scale of the mel, (k, 1)."""
    decibels = (mel[:, _LOWEST_BAND:].astype(np.float64) - MEL_MIN) * _DECIBELS_PER_UNIT
    # Along rows that lie together in memory, so that a row's sum does not hang on how many rows came with it.
    power = np.ascontiguousarray(10 ** (decibels / 10)).mean(axis=1, keepdims=True)
    return np.clip(MEL_MIN + 10 * np.log10(power) / _DECIBELS_PER_UNIT, MEL_MIN, MEL_MAX)
