"""Samples for the post-net: motion for the speech of everybody, and for that of one person beside the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from visavox.data.motion.motion_store import ROWS_PER_FRAME
from visavox.errors import InputError


@dataclass(frozen=True)
class SourceClip:
    """Motion as it comes to the post-net, drawn once or several times for the speech of one clip."""

    clip_id: str
    """Name of the clip whose speech it is."""
    speaker: str
    """The speaker."""
    draws: np.ndarray
    """float32 (K, T, 68, 3), centimetres from the canonical face."""
    features: np.ndarray
    """float32 (2 T, C), rows of speech features, as the motion SyncNet takes them."""
    truth: np.ndarray | None = None
    """float32 (T, 68, 3), what the speaker's face really did, if it is the person's."""

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return int(self.draws.shape[1])


@dataclass(frozen=True)
class PostNetSampling:
    """The contents of one sample."""

    num_frames: int = 24
    """Frames of a stretch of motion."""
    num_windows: int = 4
    """Windows of a stretch that are scored against the speech."""
    window_frames: int = 5
    """Frames of such a window."""
    window_rows: int = 10
    """Rows of speech heard with it."""
    lead_rows: int = 0
    """Rows that the speech begins before it."""


class PostNetDataset(Dataset[dict[str, Tensor]]):
    """An endless set whose sample number i is a pure function of (seed, i)."""

    def __init__(
        self,
        everybody: list[SourceClip],
        person: list[SourceClip],
        sampling: PostNetSampling,
        *,
        seed: int,
        length: int,
    ) -> None:
        """Prepare to draw.

        Args:
            everybody: source motion for the speech of many.
            person: source motion for the speech of the person, with the truth.
            sampling: what a sample holds.
            seed: where chance comes from.
            length: number of samples.

        Raises:
            InputError: all clips of one kind are shorter than a stretch.
        """
        self.sampling, self.seed, self.length = sampling, seed, length
        self.everybody, self.person = (self._long_enough(clips) for clips in (everybody, person))
        self._cumulative = [
            np.cumsum([clip.num_frames for clip in clips]).astype(float) for clips in (self.everybody, self.person)
        ]

    def _long_enough(self, clips: list[SourceClip]) -> list[SourceClip]:
        kept = [clip for clip in clips if clip.num_frames >= self.sampling.num_frames]
        if not kept:
            raise InputError(
                f"no clip has the {self.sampling.num_frames} frames of a stretch that the post-net learns from; "
                "prepare longer clips"
            )
        return kept

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Return a sample.

        Returns:
            source: float32 (F, 68, 3), motion for the speech of anybody. starts: int64 (W,), first frames of the
            windows of it that are scored. speech: float32 (W, rows, C), what is heard with them. person_source and
            person: float32 (F, 68, 3), motion for the speech of the person, and what their face really did.
        """
        rng = np.random.default_rng([self.seed, index])
        settings = self.sampling
        clip, first = self._draw(0, rng)
        starts = rng.integers(0, settings.num_frames - settings.window_frames + 1, settings.num_windows)
        rows = ROWS_PER_FRAME * (first + starts)[:, None] - settings.lead_rows + np.arange(settings.window_rows)
        own, own_first = self._draw(1, rng)
        assert own.truth is not None, "clips of the person come with the truth"
        stretch = slice(own_first, own_first + settings.num_frames)
        return {
            "source": torch.from_numpy(_any(clip.draws, rng)[first : first + settings.num_frames]),
            "starts": torch.from_numpy(starts),
            "speech": torch.from_numpy(clip.features[rows.clip(0, len(clip.features) - 1)]),
            "person_source": torch.from_numpy(_any(own.draws, rng)[stretch]),
            "person": torch.from_numpy(own.truth[stretch]),
        }

    def _draw(self, kind: int, rng: np.random.Generator) -> tuple[SourceClip, int]:
        """Draw a clip by its length, and the first frame of a stretch of it."""
        clips, cumulative = (self.everybody, self.person)[kind], self._cumulative[kind]
        clip = clips[int(np.searchsorted(cumulative, rng.random() * cumulative[-1]))]
        return clip, int(rng.integers(0, clip.num_frames - self.sampling.num_frames + 1))


def _any(draws: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    draw: np.ndarray = draws[int(rng.integers(0, len(draws)))]
    return draw
