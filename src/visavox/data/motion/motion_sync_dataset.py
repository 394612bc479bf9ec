"""Samples for the motion SyncNet: several windows of one clip, mouths with their speech."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from visavox.data.motion.motion_dataset import mirrored
from visavox.data.motion.motion_store import ROWS_PER_FRAME, MotionClip, MotionStore
from visavox.errors import InputError
from visavox.face.geometry.motion import resting_face

NEAR = (2, 5)
"""Frames by which near wrong speech is off, least and most (as published); what is less off is not called wrong."""


@dataclass(frozen=True)
class MotionSyncSampling:
    """The contents of one sample: windows of one clip, each of which is wrong speech for the others."""

    num_frames: int
    """Consecutive video frames that are compared together."""
    num_rows: int
    """Rows of speech heard with them."""
    lead_rows: int
    """Rows that the speech begins before the first frame."""
    num_windows: int = 8
    """Windows of a clip, half of them anywhere, each with another one 2 to 5 frames from it."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained on."""
        if self.num_windows < 2 or self.num_windows % 2:
            raise InputError(f"{self.num_windows} windows of a clip; give an even number, for they come in pairs")

    @property
    def minimum_frames(self) -> int:
        """Shortest clip in which every window has a near one and one further off."""
        return self.num_frames + 2 * NEAR[1] + 1


@dataclass(frozen=True)
class MotionAugmentation:
    """Augmentation of mouths, so that the network knows movements and not people."""

    mirrored: float = 0.5
    """Share of samples whose left and right are exchanged."""
    gain: float = 0.25
    """Largest change of the size of the movement, in logarithms."""
    offset: float = 0.2
    """Share of another moment's motion that is subtracted: nobody's face at rest is known for certain."""
    noise: float = 0.05
    """Deviation of the noise of the tracker, in deviations of the points."""


NO_MOTION_AUGMENTATION = MotionAugmentation(mirrored=0.0, gain=0.0, offset=0.0, noise=0.0)
"""Mouths as they are."""


def motion_from_rest(clip: MotionClip, opening_mode: np.ndarray) -> np.ndarray:
    """Motion of a clip, float32 (T, 68, 3): centimetres from the clip's own face at rest, lips shut."""
    motion: np.ndarray = clip.displacements - resting_face(clip.displacements, opening_mode)
    return motion


class MotionSyncDataset(Dataset[dict[str, Tensor]]):
    """An endless set whose sample number i is a pure function of (seed, i)."""

    def __init__(
        self,
        store: MotionStore,
        sampling: MotionSyncSampling,
        augmentation: MotionAugmentation,
        *,
        opening_mode: np.ndarray,
        seed: int,
        length: int,
    ) -> None:
        """Prepare to draw.

        Args:
            store: the clips.
            sampling: what a sample holds.
            augmentation: how mouths are changed.
            opening_mode: float32 (68, 3), how faces open (`visavox.face.geometry.motion`).
            seed: where chance comes from.
            length: number of samples.

        Raises:
            InputError: all clips are too short.
        """
        self.sampling, self.augmentation = sampling, augmentation
        self.seed, self.length = seed, length
        # Whatever is left out here is too short to hold wrong speech of its own.
        fitting = [clip for clip in store.clips if clip.num_frames >= sampling.minimum_frames]
        if not fitting:
            raise InputError(f"no clip has the {sampling.minimum_frames} frames that the motion SyncNet compares in")
        self.clips = fitting
        self._cumulative = np.cumsum(MotionStore(fitting, store.features).sampling_weights())
        self.motions = [motion_from_rest(clip, opening_mode) for clip in fitting]
        self._deviation = float(np.concatenate(self.motions)[:, 48:].std())
        names = sorted({clip.speaker for clip in fitting})
        self._speakers = [names.index(clip.speaker) for clip in fitting]

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Return a sample.

        Returns:
            motion: float32 (W, num_frames, 68, 3), centimetres from the face at rest. speech: float32 (W, num_rows, C).
            starts: int64 (W,), first frame of each window. speaker: int64 (), the same number for the same speaker.
        """
        rng = np.random.default_rng([self.seed, index])
        number = self._draw(rng)
        starts = self._starts(self.clips[number].num_frames, rng)
        motion = self.motions[number][starts[:, None] + np.arange(self.sampling.num_frames)]
        return {
            "motion": torch.from_numpy(self._changed(motion, rng)),
            "speech": torch.from_numpy(self._speech(self.clips[number].features, starts)),
            "starts": torch.from_numpy(starts),
            "speaker": torch.tensor(self._speakers[number]),
        }

    def _draw(self, rng: np.random.Generator) -> int:
        """Draw the number of a clip."""
        return int(np.searchsorted(self._cumulative, rng.random() * self._cumulative[-1]))

    def _starts(self, num_frames: int, rng: np.random.Generator) -> np.ndarray:
        """Draw the first frames of the windows: anywhere, and each with a near one."""
        last = num_frames - self.sampling.num_frames
        anywhere = rng.integers(0, last + 1, self.sampling.num_windows // 2)
        away = rng.integers(NEAR[0], NEAR[1] + 1, len(anywhere)) * rng.choice([-1, 1], len(anywhere))
        near = anywhere + np.where((anywhere + away < 0) | (anywhere + away > last), -away, away)
        return np.concatenate([anywhere, near])

    def _speech(self, features: np.ndarray, starts: np.ndarray) -> np.ndarray:
        begin = ROWS_PER_FRAME * starts[:, None] - self.sampling.lead_rows
        rows: np.ndarray = features[(begin + np.arange(self.sampling.num_rows)).clip(0, len(features) - 1)]
        return rows

    def _changed(self, frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Change all windows of a clip, (W, num_frames, 68, 3), in the same way."""
        settings = self.augmentation
        if rng.random() < settings.mirrored:
            frames = mirrored(frames)
        gain = np.exp(rng.uniform(-settings.gain, settings.gain))
        # What is taken for somebody's face at rest may smile, or be a little open.
        other = self.motions[self._draw(rng)]
        wrong_rest = other[int(rng.integers(0, len(other)))] * rng.normal() * settings.offset
        noise = rng.normal(size=frames.shape) * settings.noise * self._deviation
        moved: np.ndarray = (gain * frames - wrong_rest + noise).astype(np.float32)
        return moved
