"""Samples for the generator: consecutive faces to render, a reference of the same person, and what is heard."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch.utils.data import Dataset

from visavox.audio.features.mel import mel_window, window_start
from visavox.constants import FRAME_RATE
from visavox.data.generator.clip_store import ClipStore, StoredClip
from visavox.data.generator.picture_augmentation import (
    Look,
    PictureAugmentation,
    draw_look,
    dress,
    jittered,
    look_matrix,
)
from visavox.face.geometry.landmarks import LIPS

Sample = dict[str, torch.Tensor]


@dataclass(frozen=True)
class PictureSampling:
    """The contents of one sample of the generator."""

    resolution: int
    """Side of the crops in pixels."""
    audio: bool = True
    """Each frame comes with the audio features that drive it (`ClipStore.apply_audio`)."""
    num_frames: int = 1
    """Consecutive frames to render: 1, or as many as the expert judges."""
    reference_distance: int = 5
    """Least distance of the reference from the frames to render, in frames; halved where a clip is too short."""
    expert_mel_window: int = 16
    """Mel frames that the expert hears."""
    expert_mel_lead: int = 0
    """Mel frames that the expert's window begins before the first frame."""


class PictureDataset(Dataset[Sample]):
    """An endless set whose sample number i is a pure function of (seed, i), so a run resumes where it stopped."""

    def __init__(
        self,
        store: ClipStore,
        sampling: PictureSampling,
        augmentation: PictureAugmentation,
        *,
        seed: int,
        length: int,
    ) -> None:
        self.store = store
        self.sampling = sampling
        self.augmentation = augmentation
        self.seed = seed
        self.length = length
        self._cumulative = np.cumsum(store.sampling_weights())

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.length

    def __getitem__(self, index: int) -> Sample:
        """Return a sample.

        Returns:
            faces: uint8 (T, 3, H, H), the true images. reference: uint8 (3, H, H).
            features: (T, C, W), where the sampling has audio. expert_mel: (80, W'). motion: (T, K).
            mouth: (T, 4), box around the lips in pixels of the crop.
        """
        rng = np.random.default_rng([self.seed, index])
        stored = self.store.clips[int(np.searchsorted(self._cumulative, rng.random() * self._cumulative[-1]))]
        first, reference = draw_frames(stored.clip.num_frames, self.sampling, rng)
        look = draw_look(self.augmentation, rng)
        other = jittered(look, self.augmentation, rng)
        return build_sample(stored, first, reference, look, other, self.sampling)


def draw_frames(total: int, sampling: PictureSampling, rng: np.random.Generator) -> tuple[int, int]:
    """Draw the first frame to render and a reference that does not overlap the frames to render.

    Raises:
        ValueError: the clip has too few frames for that.
    """
    if total < 2 * sampling.num_frames:
        raise ValueError(f"a clip of {total} frames has no reference beside {sampling.num_frames} frames to repaint")
    first = int(rng.integers(0, total - sampling.num_frames + 1))
    frames = np.arange(total)
    distance = np.maximum(first - frames, frames - (first + sampling.num_frames - 1))
    allowed = np.empty(0, dtype=int)
    wanted = sampling.reference_distance
    while not len(allowed):
        allowed = np.flatnonzero(distance >= wanted)
        wanted = max(wanted // 2, 1)
    return first, int(rng.choice(allowed))


def build_sample(
    stored: StoredClip, first: int, reference: int, look: Look, reference_look: Look, sampling: PictureSampling
) -> Sample:
    """Cut the images and windows of one sample (see `PictureDataset`)."""
    clip, size = stored.clip, sampling.resolution
    frames = range(first, first + sampling.num_frames)
    matrix = look_matrix(clip.spec.size, size, look)
    reference_matrix = look_matrix(clip.spec.size, size, reference_look)
    faces = np.stack([dress(clip.frame(frame), matrix, (size, size), look) for frame in frames])
    reference_face = dress(clip.frame(reference), reference_matrix, (size, size), reference_look)
    lips = clip.landmarks[first : first + sampling.num_frames, LIPS, :2] @ matrix[:, :2].T + matrix[:, 2]
    expert_start = window_start(Fraction(first, FRAME_RATE), sampling.expert_mel_lead)
    sample = {
        "faces": torch.from_numpy(faces).permute(0, 3, 1, 2),
        "reference": torch.from_numpy(reference_face).permute(2, 0, 1),
        "expert_mel": torch.from_numpy(mel_window(stored.mel, expert_start, sampling.expert_mel_window).copy()),
        "motion": torch.from_numpy(stored.motion[first : first + sampling.num_frames]),
        "mouth": torch.from_numpy(np.concatenate([lips.min(axis=1), lips.max(axis=1)], axis=1).astype(np.float32)),
    }
    if sampling.audio:
        sample["features"] = torch.from_numpy(np.stack([stored.window(frame) for frame in frames]))
    return sample
