"""Samples for the speech branch: a window of audio features and the motion of the mouth in its middle."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from visavox.data.generator.clip_store import ClipStore

SILENT_SHARE = 0.04
"""Share of samples that are nothing but silence, with a closed mouth as their answer."""


class SpeechDataset(Dataset[dict[str, Tensor]]):
    """An endless set whose sample number i is a pure function of (seed, i)."""

    def __init__(self, store: ClipStore, *, rest: np.ndarray, seed: int, length: int) -> None:
        """Take the clips, whose audio features were computed (`ClipStore.apply_audio`).

        Args:
            store: the clips.
            rest: motion (K,) of a mouth at rest.
            seed: seed of everything that is drawn.
            length: number of samples.
        """
        features = store.clips[0].features
        assert features is not None, "`apply_audio` comes first"
        self.store, self.rest, self._silence = store, rest.astype(np.float32), features.silent_window
        self.seed, self.length = seed, length
        self._cumulative = np.cumsum(store.sampling_weights())
        self._targets = [smoothed(stored.motion) for stored in store.clips]

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Return features: float32 (C, W); motion: float32 (K,)."""
        rng = np.random.default_rng([self.seed, index])
        if rng.random() < SILENT_SHARE:
            return {"features": torch.from_numpy(self._silence.copy()), "motion": torch.from_numpy(self.rest)}
        number = int(np.searchsorted(self._cumulative, rng.random() * self._cumulative[-1]))
        stored = self.store.clips[number]
        frame = int(rng.integers(0, stored.clip.num_frames))
        return {
            "features": torch.from_numpy(stored.window(frame)),
            "motion": torch.from_numpy(self._targets[number][frame]),
        }


def smoothed(motion: np.ndarray) -> np.ndarray:
    """Smooth a motion (T, K) by [1/4, 1/2, 1/4]: the noise of the tracker cannot be heard."""
    padded = np.pad(motion, ((1, 1), (0, 0)), mode="edge")
    return (0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]).astype(np.float32)
