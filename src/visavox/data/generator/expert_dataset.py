"""Samples for the expert: a window of mouths, its own sound, and sounds that are not its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch.utils.data import Dataset

from visavox.audio.features.mel import MEL_FRAMES_PER_SECOND, mel_window, window_start
from visavox.constants import FRAME_RATE
from visavox.data.generator.clip_store import ClipStore, StoredClip
from visavox.data.generator.picture_augmentation import PictureAugmentation, draw_look, dress, look_matrix
from visavox.data.generator.picture_dataset import Sample
from visavox.errors import InputError


@dataclass(frozen=True)
class ExpertSampling:
    """The contents of one sample of the expert."""

    resolution: int
    """Side of the crops in pixels."""
    num_frames: int
    """Consecutive frames that are judged together."""
    mel_window: int
    """Mel frames heard with them."""
    mel_lead: int
    """Mel frames that the window begins before the first frame."""
    num_wrong: int = 3
    """Wrong sounds of a sample: from the same clip, and if there are several the last one from any clip."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained on."""
        if self.num_wrong < 1:
            raise InputError(f"{self.num_wrong} wrong sounds a sample; give 1 or more, for an expert has to compare")

    @property
    def reach(self) -> int:
        """Frames from one window to the next that shares neither image nor sound with it."""
        return max(self.num_frames, math.ceil(self.mel_window * FRAME_RATE / MEL_FRAMES_PER_SECOND))

    @property
    def minimum_frames(self) -> int:
        """Shortest clip in which every window has another one that does not overlap it."""
        return self.num_frames + 2 * self.reach - 1


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
        shortest = min(stored.clip.num_frames for stored in store.clips)
        needed = sampling.minimum_frames
        if shortest < needed:
            raise InputError(f"a clip of {shortest} frames has no wrong sounds for the expert; {needed} are needed")
        self._cumulative = np.cumsum(store.sampling_weights())

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.length

    def __getitem__(self, index: int) -> Sample:
        """Return a sample.

        Returns:
            mouths: uint8 (3 T, H/2, H), frame by frame. mel: (1 + num_wrong, 80, W), the true sound first.
            motion: (T, K). place: int64 (2,), number of the clip and first frame.
        """
        rng = np.random.default_rng([self.seed, index])
        number = self._draw(rng)
        stored = self.store.clips[number]
        first = int(rng.integers(0, stored.clip.num_frames - self.sampling.num_frames + 1))
        others = [stored] * self.sampling.num_wrong
        if len(others) > 1:
            others[-1] = self.store.clips[self._draw(rng)]
        starts = [self._wrong_start(other, first if other is stored else None, rng) for other in others]
        mels = [self._mel(stored, first), *(self._mel(*wrong) for wrong in zip(others, starts, strict=True))]
        return {
            "mouths": self._mouths(stored, first, rng),
            "mel": torch.from_numpy(np.stack(mels)),
            "motion": torch.from_numpy(stored.motion[first : first + self.sampling.num_frames]),
            "place": torch.tensor([number, first]),
        }

    def _draw(self, rng: np.random.Generator) -> int:
        """Draw the number of a clip."""
        return int(np.searchsorted(self._cumulative, rng.random() * self._cumulative[-1]))

    def _wrong_start(self, stored: StoredClip, first: int | None, rng: np.random.Generator) -> int:
        """Draw the first frame of a window; in the clip of the true one, which begins at `first`, apart from it."""
        starts = np.arange(stored.clip.num_frames - self.sampling.num_frames + 1)
        if first is not None:
            starts = starts[np.abs(starts - first) >= self.sampling.reach]
        return int(rng.choice(starts))

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
