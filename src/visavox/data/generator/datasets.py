"""Samples of the generator family; sample number i is a pure function of (seed, i).

For generators: consecutive faces to render, a reference of the same person, and the audio that drives them. For
experts: a window of mouths, its own audio, and audio that is not its own. For the speech branch: a window of audio
features and the motion of the mouth in its middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from visavox.audio.features.mel import MEL_FRAMES_PER_SECOND, mel_window, window_start
from visavox.constants import FRAME_RATE
from visavox.data.generator.augmentation import (
    CropAugmentation,
    CropChange,
    change_matrix,
    changed_crop,
    draw_change,
    jittered,
)
from visavox.data.generator.clip_store import ClipStore, StoredClip
from visavox.errors import InputError
from visavox.face.geometry.landmarks import LIPS

Sample = dict[str, torch.Tensor]
SILENT_SHARE = 0.04
"""Share of samples that are nothing but silence, with a closed mouth as their answer."""


@dataclass(frozen=True)
class FaceSampling:
    """The contents of one sample of the generator."""

    resolution: int
    """Side of the crops in pixels."""
    audio: bool = True
    """Each frame comes with the audio features that drive it (`ClipStore.apply_audio`)."""
    num_frames: int = 1
    """Consecutive frames to render: 1, or as many as the expert scores."""
    reference_distance: int = 5
    """Least distance of the reference from the frames to render, in frames; halved where a clip is too short."""
    expert_mel_window: int = 16
    """Mel frames that the expert takes."""
    expert_mel_lead: int = 0
    """Mel frames that the expert's window begins before the first frame."""


class FaceDataset(Dataset[Sample]):
    """An endless set whose sample number i is a pure function of (seed, i), so a run resumes where it stopped."""

    def __init__(
        self,
        store: ClipStore,
        sampling: FaceSampling,
        augmentation: CropAugmentation,
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
        change = draw_change(self.augmentation, rng)
        other = jittered(change, self.augmentation, rng)
        return build_sample(stored, first, reference, change, other, self.sampling)


def draw_frames(total: int, sampling: FaceSampling, rng: np.random.Generator) -> tuple[int, int]:
    """Draw the first frame to render and a reference that does not overlap the frames to render.

    Raises:
        ValueError: the clip has too few frames for that.
    """
    if total < 2 * sampling.num_frames:
        raise ValueError(f"a clip of {total} frames has no reference beside {sampling.num_frames} frames to generate")
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
    stored: StoredClip,
    first: int,
    reference: int,
    change: CropChange,
    reference_change: CropChange,
    sampling: FaceSampling,
) -> Sample:
    """Cut the images and windows of one sample (see `FaceDataset`)."""
    clip, size = stored.clip, sampling.resolution
    frames = range(first, first + sampling.num_frames)
    matrix = change_matrix(clip.spec.size, size, change)
    reference_matrix = change_matrix(clip.spec.size, size, reference_change)
    faces = np.stack([changed_crop(clip.frame(frame), matrix, (size, size), change) for frame in frames])
    reference_face = changed_crop(clip.frame(reference), reference_matrix, (size, size), reference_change)
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


@dataclass(frozen=True)
class ExpertSampling:
    """The contents of one sample of the expert."""

    resolution: int
    """Side of the crops in pixels."""
    num_frames: int
    """Consecutive frames that are scored together."""
    mel_window: int
    """Mel frames that go with them."""
    mel_lead: int
    """Mel frames that the window begins before the first frame."""
    num_wrong: int = 3
    """Wrong audio windows of a sample: from the same clip, and if there are several the last one from any clip."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained on."""
        if self.num_wrong < 1:
            raise InputError(f"{self.num_wrong} wrong windows of audio; give 1 or more, for an expert has to compare")

    @property
    def reach(self) -> int:
        """Frames from one window to the next that shares neither image nor audio with it."""
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
        augmentation: CropAugmentation,
        *,
        seed: int,
        length: int,
    ) -> None:
        self.store, self.sampling, self.augmentation = store, sampling, augmentation
        self.seed, self.length = seed, length
        shortest = min(stored.clip.num_frames for stored in store.clips)
        needed = sampling.minimum_frames
        if shortest < needed:
            raise InputError(f"a clip of {shortest} frames has no wrong audio for the expert; {needed} are needed")
        self._cumulative = np.cumsum(store.sampling_weights())

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.length

    def __getitem__(self, index: int) -> Sample:
        """Return a sample.

        Returns:
            mouths: uint8 (3 T, H/2, H), frame by frame. mel: (1 + num_wrong, 80, W), the true audio first.
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
        change = draw_change(self.augmentation, rng)
        matrix = change_matrix(stored.clip.spec.size, size, change)
        # Only the lower half is needed: move it up and cut it off there.
        matrix[1, 2] -= size // 2
        frames = range(first, first + self.sampling.num_frames)
        crops = [changed_crop(stored.clip.frame(frame), matrix, (size, size // 2), change) for frame in frames]
        return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).flatten(0, 1)


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
            return {"features": torch.from_numpy(self._voiceless(rng)), "motion": torch.from_numpy(self.rest)}
        number = int(np.searchsorted(self._cumulative, rng.random() * self._cumulative[-1]))
        stored = self.store.clips[number]
        frame = int(rng.integers(0, stored.clip.num_frames))
        return {
            "features": torch.from_numpy(stored.drawn_window(frame, rng)),
            "motion": torch.from_numpy(self._targets[number][frame]),
        }

    def _voiceless(self, rng: np.random.Generator) -> np.ndarray:
        """Draw a window (C, W) without a voice: noise, music, or nothing."""
        if not self.store.backgrounds:
            return self._silence.copy()
        recording = self.store.backgrounds[int(rng.integers(len(self.store.backgrounds)))]
        return recording.of_frame(int(rng.integers(recording.num_frames)))


def smoothed(motion: np.ndarray) -> np.ndarray:
    """Smooth a motion (T, K) by [1/4, 1/2, 1/4]: the noise of the tracker cannot be heard."""
    padded = np.pad(motion, ((1, 1), (0, 0)), mode="edge")
    return (0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]).astype(np.float32)
