"""Samples for the networks that hear: a mel window and the motion of the mouth in its middle."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from visavox.audio.features.mel import MEL_MIN, mel_window, window_start
from visavox.constants import FRAME_RATE
from visavox.data.generator.clip_store import ClipStore, StoredClip

SILENT_SHARE = 0.04
"""Share of samples that are nothing but silence, with a closed mouth as their answer."""


class SpeechDataset(Dataset[dict[str, Tensor]]):
    """An endless set whose sample number i is a pure function of (seed, i)."""

    def __init__(self, store: ClipStore, *, window: int, lead: int, rest: np.ndarray, seed: int, length: int) -> None:
        self.store, self.window, self.lead, self.rest = store, window, lead, rest.astype(np.float32)
        self.seed, self.length = seed, length
        self._cumulative = np.cumsum(store.sampling_weights())
        self._targets = [smoothed(stored.motion) for stored in store.clips]

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Return mel: float32 (80, W); motion: float32 (K,)."""
        rng = np.random.default_rng([self.seed, index])
        if rng.random() < SILENT_SHARE:
            silence = np.full((80, self.window), MEL_MIN, dtype=np.float32)
            return {"mel": torch.from_numpy(silence), "motion": torch.from_numpy(self.rest)}
        number = int(np.searchsorted(self._cumulative, rng.random() * self._cumulative[-1]))
        stored = self.store.clips[number]
        frame = int(rng.integers(0, stored.clip.num_frames))
        return {
            "mel": torch.from_numpy(window_at(stored, frame, self.window, self.lead)),
            "motion": torch.from_numpy(self._targets[number][frame]),
        }


def window_at(stored: StoredClip, frame: int, window: int, lead: int) -> np.ndarray:
    """Mel window (80, window) of a video frame of a clip."""
    return np.array(mel_window(stored.mel, window_start(Fraction(frame, FRAME_RATE), lead), window))


def smoothed(motion: np.ndarray) -> np.ndarray:
    """Smooth a motion (T, K) by [1/4, 1/2, 1/4]: the noise of the tracker cannot be heard."""
    padded = np.pad(motion, ((1, 1), (0, 0)), mode="edge")
    return (0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]).astype(np.float32)
