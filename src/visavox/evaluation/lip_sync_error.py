"""LSE-D, LSE-C and the offset as papers give them: by the SyncNet of 2016, by its published evaluation.

Prajwal et al. ("A Lip Sync Expert Is All You Need", 2020) show SyncNet whole frames where the test set is cropped to
faces already (LRS2, LRS3, LRW), and the crops of SyncNet's own pipeline for other videos. The two do not compare with
each other, so both are measured. `docs/sync-metrics.md` has the protocol and where ours differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
import torch

from visavox.audio.features.mfcc import MFCC_FRAMES_PER_SECOND, mfcc
from visavox.constants import FRAME_RATE, SAMPLES_PER_FRAME
from visavox.data.preparation.frame_grid import nearest_frames
from visavox.evaluation.pairing import frame_rate
from visavox.evaluation.syncnet_crop import face_runs, tracked_crop, whole_frame
from visavox.metrics.sync import LipSyncError, PaddedDistances, SyncScore
from visavox.models.sync.syncnet import MFCC_WINDOW, NUM_FRAMES, SyncNet
from visavox.progress import QUIET, Progress
from visavox.types import PathLike, Track

_BATCH = 20
_MFCC_FRAMES_PER_PICTURE = MFCC_FRAMES_PER_SECOND // FRAME_RATE


def load_syncnet(name: PathLike) -> SyncNet:
    """Load a SyncNet by path (or name) of its converted file.

    Raises:
        InputError: there is no such file, it has not been converted, or it holds another network.
    """
    from visavox.weights.checkpoint import load_model

    return cast(SyncNet, load_model(name, network="syncnet"))


def lip_sync_error(
    network: SyncNet, path: PathLike, track: Track, sound: np.ndarray, progress: Progress = QUIET
) -> LipSyncError:
    """Measure a video in one pass and in constant memory.

    Args:
        network: in eval mode.
        path: the video.
        track: of its face, all frames of it.
        sound: float32 (N,), 16 kHz; sample 0 is heard with the first frame.
        progress: the bar.
    """
    from visavox.media import VideoReader

    rate = Fraction(frame_rate(track.times)).limit_denominator(90_000) or Fraction(FRAME_RATE)
    chosen = nearest_frames(track.times, rate)
    runs = face_runs(track, chosen)
    whole = _Stretch(network, sound, len(chosen))
    crops = [
        _Stretch(network, sound[run.start * SAMPLES_PER_FRAME : run.stop * SAMPLES_PER_FRAME], len(run.squares))
        for run in runs
    ]
    position = 0
    with VideoReader(Path(path)) as reader, progress.bar("judge lip sync", len(chosen)) as bar:
        for frame in reader:
            while position < len(chosen) and chosen[position] == frame.index:
                whole.add(whole_frame(frame.image))
                for run, crop in zip(runs, crops, strict=True):
                    if run.start <= position < run.stop:
                        crop.add(tracked_crop(frame.image, run.squares[position - run.start]))
                position += 1
                bar.update(1)
    return LipSyncError(whole.score(), _mean([crop.score() for crop in crops]))


class _Stretch:
    """Pictures in a row and their sound, scored as the published evaluation scores a file."""

    def __init__(self, network: SyncNet, sound: np.ndarray, num_frames: int) -> None:
        self._network = network
        # As published: of N frames that have both picture and sound, windows begin at 0 ... N - 6.
        self._num_windows = max(0, min(num_frames, len(sound) // SAMPLES_PER_FRAME) - NUM_FRAMES)
        self._mfcc = torch.from_numpy(mfcc(sound)) if self._num_windows else torch.zeros(0)
        self._pictures: list[np.ndarray] = []
        self._num_embedded = 0
        self._distances = PaddedDistances()

    def add(self, picture: np.ndarray) -> None:
        """Take the next picture: uint8 (224, 224, 3)."""
        if self._num_embedded + len(self._pictures) < self._num_windows + NUM_FRAMES - 1:
            self._pictures.append(picture)
        if len(self._pictures) == _BATCH + NUM_FRAMES - 1:
            self._embed()

    def score(self) -> SyncScore | None:
        """Embed the rest, and score; None if there is no window."""
        if len(self._pictures) >= NUM_FRAMES:
            self._embed()
        return self._distances.score()

    @torch.inference_mode()
    def _embed(self) -> None:
        """Embed the windows that the pictures fill, and keep the pictures that the next window needs too."""
        device = next(self._network.parameters()).device
        pictures = torch.from_numpy(np.stack(self._pictures)).to(device)
        windows = pictures.unfold(0, NUM_FRAMES, 1).permute(0, 3, 4, 1, 2)  # (B, 3, 5, 224, 224)
        starts = [_MFCC_FRAMES_PER_PICTURE * (self._num_embedded + index) for index in range(len(windows))]
        heard = torch.stack([self._mfcc[:, start : start + MFCC_WINDOW] for start in starts])[:, None]
        sounds, lips = self._network(heard.to(device), windows.float())
        self._distances.add(lips.cpu().numpy(), sounds.cpu().numpy())
        del self._pictures[: len(windows)]
        self._num_embedded += len(windows)


def _mean(scores: Sequence[SyncScore | None]) -> SyncScore | None:
    """Average the runs of a face, each counting the same, as the published evaluation averages files."""
    judged = [score for score in scores if score is not None]
    if not judged:
        return None
    return SyncScore(
        distance=float(np.mean([score.distance for score in judged])),
        confidence=float(np.mean([score.confidence for score in judged])),
        offset=max(judged, key=lambda score: score.num_windows).offset,
        distance_at_zero=float(np.mean([score.distance_at_zero for score in judged])),
        num_windows=sum(score.num_windows for score in judged),
    )
