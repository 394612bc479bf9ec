"""Audio features of a whole recording, as generators take them: windows of rows by time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from visavox.audio.features.mel import MEL_FRAMES_PER_SECOND, MEL_MIN
from visavox.audio.features.speech_features import ROWS_PER_SECOND, SpeechFeatures
from visavox.constants import FRAME_RATE
from visavox.models.generator.spec import AudioSpec
from visavox.speech.feature_sets import load_features


@dataclass(frozen=True)
class RecordingFeatures:
    """Rows of one recording, and the row of silence before and after it."""

    audio: AudioSpec
    """Features, and the window of them that drives a frame."""
    rows: np.ndarray
    """float32 (C, M)."""
    silence: np.ndarray
    """float32 (C,)."""

    def at(self, time: Fraction | float) -> np.ndarray:
        """Cut the window, float32 (C, `window`), of a frame shown at `time` seconds."""
        return self.audio.rows_at(self.rows, time, self.silence)

    def of_frame(self, frame: int) -> np.ndarray:
        """Cut the window, float32 (C, `window`), of frame number `frame` at 25 fps."""
        return self.at(Fraction(frame, FRAME_RATE))

    @property
    def num_frames(self) -> int:
        """Number of whole video frames at 25 fps that the rows last."""
        return int(self.rows.shape[1]) * FRAME_RATE // self.audio.rate

    @property
    def silent_window(self) -> np.ndarray:
        """The window of nothing but silence, float32 (C, `window`)."""
        return np.repeat(self.silence[:, None], self.audio.window, axis=1)

    def cut(self, first: int, stop: int) -> RecordingFeatures:
        """Cut the rows of video frames `first` to `stop` at 25 fps, and the one behind them."""
        begin, end = (frame * self.audio.rate // FRAME_RATE for frame in (first, stop))
        return RecordingFeatures(self.audio, self.rows[:, begin : end + 1], self.silence)


def is_wav2lip_mel(audio: AudioSpec) -> bool:
    """Tell whether features are the mel of Wav2Lip, 80 rows a second, whose silences are gated."""
    return audio.features == "mel" and audio.rate == MEL_FRAMES_PER_SECOND


def features_for(audio: AudioSpec) -> SpeechFeatures:
    """Load the features that a contract names, those of 50 rows a second.

    Raises:
        InputError: there is no such set of features, or it cannot be loaded.
        ValueError: its rows have another size or rate than the contract says.
    """
    features = load_features(audio.features)
    if (features.size, ROWS_PER_SECOND) != (audio.size, audio.rate):
        raise ValueError(
            f"features {audio.features} have {features.size} numbers a row and {ROWS_PER_SECOND} rows a second, and "
            f"the contract says {audio.size} and {audio.rate}"
        )
    return features


def silent_row(audio: AudioSpec) -> np.ndarray:
    """Return the row, float32 (C,), that a set of features has in digital silence."""
    if is_wav2lip_mel(audio):
        return np.full(audio.size, MEL_MIN, np.float32)
    return features_for(audio).silent_row()
