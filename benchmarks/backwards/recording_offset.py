"""Offset of audio and video in the recordings themselves, by a network that taught no generator.

A dub follows its audio. Where the table of lags leaves the audio of a recording early by a frame, the lips of a
perfect dub are early by a frame, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from visavox.constants import FRAME_RATE
from visavox.face.geometry.motion import resting_face
from visavox.media.audio import read_audio
from visavox.metrics.motion import shifted_agreement
from visavox.models.sync import MotionSyncNet
from visavox.speech import load_features
from visavox.types import Motion
from visavox.weights import load_model

REACH = 8
"""Frames by which the audio is moved at most, either way."""


class RecordingScorer:
    """The shipped motion SyncNet.

    Args:
        name: name or file of a motion SyncNet.
    """

    def __init__(self, name: str = "motion-syncnet") -> None:
        self._network = load_model(name, MotionSyncNet)
        self._features = load_features(self._network.config.features)
        self._mode = self._network.opening_mode.cpu().numpy()

    def score(self, motion: Motion, audio: Path) -> np.ndarray | None:
        """Compare a recording with its own audio, moved by -REACH to REACH frames.

        Returns:
            float64 (2, 2 REACH + 1): sums of cosines and how many they are; None at other frame rates than the
            network's.
        """
        if motion.rate != FRAME_RATE:
            return None
        rows = self._features.of(read_audio(audio))
        num_frames = min(motion.num_frames, len(rows) // 2)
        displacements = motion.displacements[:num_frames]
        moved = displacements - resting_face(displacements, self._mode)
        return np.stack(shifted_agreement(self._network, rows[: 2 * num_frames], moved, REACH))


def offset_of(scores: Sequence[np.ndarray | None]) -> float:
    """Frames by which the audio of some recordings has to be moved to fit their lips best; NaN if none was known.

    Negative: the audio comes early, and what follows it is early, too.
    """
    known = [score for score in scores if score is not None]
    if not known:
        return float("nan")
    sums, counts = np.sum(known, axis=0)
    return float(np.argmax(sums / np.maximum(counts, 1)) - REACH)
