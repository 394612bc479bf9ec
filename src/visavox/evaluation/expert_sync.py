"""Show a video and its sound to an expert, window by window."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
import torch

from visavox.audio.features.mel import mel_spectrogram, mel_window, window_start
from visavox.constants import FRAME_RATE
from visavox.evaluation.pairing import pair_times
from visavox.face.geometry.crop import CropSpec, crop_transforms, warp_crop
from visavox.metrics.sync import SyncScore, sync_score
from visavox.models.sync.expert import Expert
from visavox.progress import QUIET, Progress
from visavox.types import PathLike, Track

_BATCH = 32


@dataclass(frozen=True)
class LoadedExpert:
    """An expert ready to judge."""

    network: Expert
    """In eval mode."""
    crop: CropSpec
    """The crop that it was trained on; it sees the lower half."""


def load_expert(name: PathLike) -> LoadedExpert:
    """Load an expert by name or path.

    Raises:
        InputError: there is no such file, or it holds another network.
    """
    from visavox.weights.checkpoint import load_model
    from visavox.weights.registry import model_info

    crop = model_info(name).card.crop
    return LoadedExpert(cast(Expert, load_model(name, network="expert")), crop)


def score_video(
    expert: LoadedExpert, path: PathLike, track: Track, sound: np.ndarray, progress: Progress = QUIET
) -> SyncScore:
    """Compute expert-D, expert-C and the offset of a video.

    One window a frame at 25 fps; windows with a frame without the face, or across a cut, are left out. Shifts
    average over the windows that overlap (see `sync.shifted_distances`).

    Args:
        expert: as `load_expert` gives it.
        path: the video.
        track: its track.
        sound: float32 (N,), 16 kHz; sample 0 is heard with the first frame.
        progress: the bar.
    """
    mouths, sounds = embed_windows(expert, path, track, sound, progress)
    return sync_score(mouths, sounds)


def embed_windows(
    expert: LoadedExpert, path: PathLike, track: Track, sound: np.ndarray, progress: Progress = QUIET
) -> tuple[np.ndarray, np.ndarray]:
    """Embed a video window by window; arguments as `score_video`.

    Returns:
        embeddings of mouths and of sounds, float32 (N, D) each, for N windows that begin at 0, 1/25, 2/25 ...
        seconds; the mouth's is NaN where it cannot be judged.
    """
    from visavox.media import VideoReader

    config = expert.network.config
    chosen = _frames_at_network_rate(track)
    matrices = crop_transforms(track, expert.crop)
    window: deque[tuple[int, np.ndarray | None]] = deque(maxlen=config.num_frames)
    batch = _Batch(expert.network, mel_spectrogram(sound))
    with VideoReader(Path(path)) as reader, progress.bar("judge sync", len(chosen)) as bar:
        position = 0
        for frame in reader:
            while position < len(chosen) and chosen[position] == frame.index:
                mouth = None
                if track.usable[frame.index]:
                    crop = warp_crop(frame.image, matrices[frame.index], config.resolution)
                    mouth = crop[config.resolution // 2 :].transpose(2, 0, 1)  # (3, H/2, W)
                window.append((int(track.shots[frame.index]), mouth))
                if len(window) == config.num_frames:
                    batch.add(_stack(window))
                position += 1
                bar.update(1)
    return batch.result()


class _Batch:
    """Shows windows to the expert some at a time."""

    def __init__(self, network: Expert, mel: torch.Tensor) -> None:
        self._network, self._mel = network, mel
        self._num_windows = 0
        self._pending: list[tuple[torch.Tensor, np.ndarray | None]] = []
        self._mouths: list[np.ndarray] = []
        self._sounds: list[np.ndarray] = []

    def add(self, mouths: np.ndarray | None) -> None:
        """Take the next window: uint8 (3 * num_frames, H/2, W), or None where it cannot be judged."""
        config = self._network.config
        start = window_start(Fraction(self._num_windows, FRAME_RATE), config.mel_lead)
        self._pending.append((mel_window(self._mel, start, config.mel_window), mouths))
        self._num_windows += 1
        if len(self._pending) == _BATCH:
            self._embed()

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """Embed the rest; return the embeddings of mouths and sounds."""
        self._embed()
        if not self._mouths:
            return np.zeros((0, 1), np.float32), np.zeros((0, 1), np.float32)
        return np.concatenate(self._mouths), np.concatenate(self._sounds)

    @torch.inference_mode()
    def _embed(self) -> None:
        if not self._pending:
            return
        config = self._network.config
        shape = 3 * config.num_frames, config.resolution - config.resolution // 2, config.resolution
        mouths = np.stack([np.zeros(shape, np.uint8) if each is None else each for _, each in self._pending])
        mels = torch.stack([mel for mel, _ in self._pending])[:, None]  # (B, 1, 80, W)
        device = next(self._network.parameters()).device
        sound, face = self._network(mels.to(device), torch.from_numpy(mouths).to(device).float() / 255)
        face = face.cpu().numpy()
        face[[each is None for _, each in self._pending]] = np.nan
        self._mouths.append(face)
        self._sounds.append(sound.cpu().numpy())
        self._pending.clear()


def _stack(window: deque[tuple[int, np.ndarray | None]]) -> np.ndarray | None:
    """Stack the mouths of a window, (3 * num_frames, H/2, W); None if one is missing, or a cut is in it."""
    mouths = [mouth for _, mouth in window if mouth is not None]
    if len(mouths) < len(window) or len({shot for shot, _ in window}) > 1:
        return None
    return np.concatenate(mouths)


def _frames_at_network_rate(track: Track) -> np.ndarray:
    """Indices of the frames nearest to 0, 1/25, 2/25 ... seconds."""
    if track.num_frames == 0:
        return np.zeros(0, np.int64)
    num = int((track.times[-1] - track.times[0]) * FRAME_RATE) + 1
    chosen = pair_times([track.times[0] + Fraction(index, FRAME_RATE) for index in range(num)], track.times)
    return np.maximum.accumulate(np.maximum(chosen, 0))
