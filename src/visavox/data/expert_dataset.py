"""Samples for the expert: a window of mouths, its own sound, and sounds that are not its own."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch.utils.data import Dataset

from visavox.audio.mel import mel_window, window_start
from visavox.data.clip_store import ClipStore, StoredClip
from visavox.data.picture_augmentation import PictureAugmentation, draw_look, dress, look_matrix
from visavox.data.picture_dataset import FRAME_RATE, Sample


@dataclass(frozen=True)
class ExpertSampling:
    """What one sample of the expert holds."""

    resolution: int
    """Side of the crops in pixels."""
    num_frames: int
    """Consecutive frames that are judged together."""
    mel_window: int
    """Mel frames heard with them."""
    mel_lead: int
    """Mel frames that the window begins before the first frame."""
    num_wrong: int = 3
    """Wrong sounds of a sample; the first ones come from the same clip, the last one from another."""


class ExpertDataset(Dataset[Sample]):
    """An endless set whose sample number i is a pure function of (seed, i)."""

    def __init__(
        self,
        store: ClipStore,
        sampling: ExpertSampling,
        augmentation: PictureAugmentation,
        *,
        seed: int,
        length: int,
    ) -> None:
        self.store, self.sampling, self.augmentation = store, sampling, augmentation
        self.seed, self.length = seed, length
        self._cumulative = np.cumsum(store.sampling_weights())

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.length

    def __getitem__(self, index: int) -> Sample:
        """Return a sample.

        Returns:
            mouths: uint8 (3 T, H/2, H), frame by frame. mel: (1 + num_wrong, 80, W), the true sound first.
            motion: (T, K).
        """
        rng = np.random.default_rng([self.seed, index])
        stored = self._draw(rng)
        first = int(rng.integers(0, stored.clip.num_frames - self.sampling.num_frames + 1))
        mels = [self._mel(stored, first)]
        for _ in range(self.sampling.num_wrong - 1):
            mels.append(self._mel(stored, wrong_start(stored.clip.num_frames, first, self.sampling.num_frames, rng)))
        other = self._draw(rng)
        mels.append(self._mel(other, int(rng.integers(0, other.clip.num_frames - self.sampling.num_frames + 1))))
        return {
            "mouths": self._mouths(stored, first, rng),
            "mel": torch.from_numpy(np.stack(mels)),
            "motion": torch.from_numpy(stored.motion[first : first + self.sampling.num_frames]),
        }

    def _draw(self, rng: np.random.Generator) -> StoredClip:
        return self.store.clips[int(np.searchsorted(self._cumulative, rng.random() * self._cumulative[-1]))]

    def _mel(self, stored: StoredClip, first: int) -> np.ndarray:
        start = window_start(Fraction(first, FRAME_RATE), self.sampling.mel_lead)
        return np.array(mel_window(stored.mel, start, self.sampling.mel_window))

    def _mouths(self, stored: StoredClip, first: int, rng: np.random.Generator) -> torch.Tensor:
        size = self.sampling.resolution
        look = draw_look(self.augmentation, rng)
        matrix = look_matrix(stored.clip.spec.size, size, look)
        # Only the lower half is needed: move it up and cut it off there.
        matrix[1, 2] -= size // 2
        frames = range(first, first + self.sampling.num_frames)
        pictures = [dress(stored.clip.frame(frame), matrix, (size, size // 2), look) for frame in frames]
        return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).flatten(0, 1)


def wrong_start(total: int, first: int, num_frames: int, rng: np.random.Generator) -> int:
    """Draw the start of a window of the same clip that does not overlap the true one.

    Where the clip is too short for that, the window that overlaps it least is taken.
    """
    starts = np.arange(0, total - num_frames + 1)
    apart = np.flatnonzero(np.abs(starts - first) >= num_frames)
    return int(rng.choice(apart)) if len(apart) else int(starts[np.abs(starts - first).argmax()])
