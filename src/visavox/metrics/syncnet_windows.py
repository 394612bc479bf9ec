"""LSE-D, LSE-C and the offset as papers give them: by the SyncNet of 2016, by its published evaluation.

Prajwal et al. ("A Lip Sync Expert Is All You Need", 2020) show SyncNet whole frames where the test set is cropped to
faces already (LRS2, LRS3, LRW), and the crops of SyncNet's own pipeline for other videos. The two do not compare with
each other, so both are measured. `docs/sync-metrics.md` has the protocol and where ours differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import cast

import numpy as np
import torch

from visavox.audio.features.mfcc import MFCC_FRAMES_PER_SECOND, mfcc
from visavox.constants import FRAME_RATE, SAMPLES_PER_FRAME
from visavox.data.preparation.frame_grid import nearest_frames
from visavox.metrics.pair import frame_rate
from visavox.metrics.sync import LipSyncError, PaddedDistances, SyncScore, score_values
from visavox.metrics.syncnet_crop import face_runs, tracked_crop, whole_frame
from visavox.models.sync.syncnet import MFCC_WINDOW, NUM_FRAMES, SyncNet
from visavox.types import Frame, PathLike, Track

_BATCH = 20
_MFCC_FRAMES_PER_FRAME = MFCC_FRAMES_PER_SECOND // FRAME_RATE


def load_syncnet(name: PathLike) -> SyncNet:
    """Load a SyncNet by path (or name) of its converted file.

    Raises:
        InputError: there is no such file, it has not been converted, or it holds another network.
    """
    from visavox.weights.checkpoint import load_model

    return cast(SyncNet, load_model(name, network="syncnet"))


class SyncNetWindows:
    """Shows a video to SyncNet, frame after frame, in constant memory: whole frames, and crops that follow the face.

    Args:
        network: in eval mode.
        track: of the video's face, all frames of it.
        audio: float32 (N,), 16 kHz; sample 0 is heard with the first frame.
    """

    def __init__(self, network: SyncNet, track: Track, audio: np.ndarray) -> None:
        rate = Fraction(frame_rate(track.times)).limit_denominator(90_000) or Fraction(FRAME_RATE)
        self._chosen = nearest_frames(track.times, rate)
        self._runs = face_runs(track, self._chosen)
        self._whole = _Stretch(network, audio, len(self._chosen))
        self._crops = [
            _Stretch(network, audio[run.start * SAMPLES_PER_FRAME : run.stop * SAMPLES_PER_FRAME], len(run.squares))
            for run in self._runs
        ]
        self._position = 0

    def add(self, frame: Frame) -> None:
        """Take the next frame of the video."""
        while self._position < len(self._chosen) and self._chosen[self._position] == frame.index:
            self._whole.add(whole_frame(frame.image))
            for run, crop in zip(self._runs, self._crops, strict=True):
                if run.start <= self._position < run.stop:
                    crop.add(tracked_crop(frame.image, run.squares[self._position - run.start]))
            self._position += 1

    def score(self) -> LipSyncError:
        """Finish, and score."""
        return LipSyncError(self._whole.score(), _mean([crop.score() for crop in self._crops]))

    def values(self) -> dict[str, float]:
        """Finish, and score; nothing where there is no window."""
        score = self.score()
        found: dict[str, float] = {}
        for crop in ("whole_frame", "tracked_crop"):
            one = getattr(score, crop)
            found |= {} if one is None else {f"{crop}.{name}": value for name, value in score_values(one).items()}
        return found


class _Stretch:
    """Images in a row and their audio, scored as the published evaluation scores a file."""

    def __init__(self, network: SyncNet, audio: np.ndarray, num_frames: int) -> None:
        self._network = network
        # As published: of N frames that have both image and audio, windows begin at 0 ... N - 6.
        self._num_windows = max(0, min(num_frames, len(audio) // SAMPLES_PER_FRAME) - NUM_FRAMES)
        self._mfcc = torch.from_numpy(mfcc(audio)) if self._num_windows else torch.zeros(0)
        self._images: list[np.ndarray] = []
        self._num_embedded = 0
        self._distances = PaddedDistances()

    def add(self, image: np.ndarray) -> None:
        """Take the next image: uint8 (224, 224, 3)."""
        if self._num_embedded + len(self._images) < self._num_windows + NUM_FRAMES - 1:
            self._images.append(image)
        if len(self._images) == _BATCH + NUM_FRAMES - 1:
            self._embed()

    def score(self) -> SyncScore | None:
        """Embed the rest, and score; None if there is no window."""
        if len(self._images) >= NUM_FRAMES:
            self._embed()
        return self._distances.score()

    @torch.inference_mode()
    def _embed(self) -> None:
        """Embed the windows that the images fill, and keep the images that the next window needs too."""
        device = next(self._network.parameters()).device
        images = torch.from_numpy(np.stack(self._images)).to(device)
        windows = images.unfold(0, NUM_FRAMES, 1).permute(0, 3, 4, 1, 2)  # (B, 3, 5, 224, 224)
        starts = [_MFCC_FRAMES_PER_FRAME * (self._num_embedded + index) for index in range(len(windows))]
        mfcc_windows = torch.stack([self._mfcc[:, start : start + MFCC_WINDOW] for start in starts])[:, None]
        audio, lips = self._network(mfcc_windows.to(device), windows.float())
        self._distances.add(lips.cpu().numpy(), audio.cpu().numpy())
        del self._images[: len(windows)]
        self._num_embedded += len(windows)


def _mean(scores: Sequence[SyncScore | None]) -> SyncScore | None:
    """Average the runs of a face, each counting the same, as the published evaluation averages files."""
    scored = [score for score in scores if score is not None]
    if not scored:
        return None
    return SyncScore(
        distance=float(np.mean([score.distance for score in scored])),
        confidence=float(np.mean([score.confidence for score in scored])),
        offset=max(scored, key=lambda score: score.num_windows).offset,
        distance_at_zero=float(np.mean([score.distance_at_zero for score in scored])),
        num_windows=sum(score.num_windows for score in scored),
    )
