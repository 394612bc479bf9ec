"""Expert-D, expert-C and offset: sync by an expert of ours, whose values compare with no paper's."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import torch

from visavox.audio.features import mel_spectrogram, mel_window, window_start
from visavox.constants import FRAME_RATE
from visavox.errors import InputError
from visavox.face.geometry import CropSpec, crop_transforms, warp_crop
from visavox.metrics.metric import Measure, Metric, model_digest
from visavox.metrics.pair import VideoPair, pair_times
from visavox.metrics.sync import SyncMeasure, score_values, sync_infos, sync_score
from visavox.models.sync import Expert
from visavox.types import Frame, PathLike, Track

DEFAULT_EXPERT = "expert"
"""Name of the shipped weights."""


@dataclass(frozen=True, kw_only=True)
class ExpertSyncOptions:
    """Sync by an expert of ours."""

    expert: str | None = None
    """Name or file of an expert, for expert-D and expert-C: values of sync that compare with no paper's."""


class ExpertSync(Metric):
    """Distance, confidence and offset by an expert; by the shipped one unless another is chosen."""

    infos = sync_infos(
        "expert_sync",
        ("expert-D", "expert-C", "expert offset"),
        "expert",
        "the same arithmetic with an expert of ours; not LSE",
    )
    needs = frozenset({"all_frames"})
    options_type = ExpertSyncOptions
    by_default = False

    @property
    def _name(self) -> str:
        return str(self.options.expert or DEFAULT_EXPERT)

    @cached_property
    def _expert(self) -> LoadedExpert:
        from visavox.metrics.expert_sync import load_expert

        return load_expert(self._name)

    def prepare(self) -> None:
        """Load the expert."""
        _ = self._expert

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos.

        Raises:
            NotMeasured: neither has audio.
        """
        from visavox.metrics.expert_sync import ExpertWindows

        return SyncMeasure(pair, "expert_sync", lambda video, audio: ExpertWindows(self._expert, video.track, audio))

    def facts(self) -> list[str]:
        """Say which expert."""
        return [f"expert {self._name}, SHA-256 {model_digest(self._name)}"]

    def content(self) -> dict[str, Any]:
        """Return the SHA-256 of the weights."""
        return {"expert": model_digest(self._name)}


_BATCH = 32


@dataclass(frozen=True)
class LoadedExpert:
    """An expert ready for use."""

    network: Expert
    """In eval mode."""
    crop: CropSpec
    """The crop that it was trained on; it sees the lower half."""


def load_expert(name: PathLike) -> LoadedExpert:
    """Load an expert by name or path.

    Raises:
        InputError: there is no such file, it holds another network, or it does not say what that sees.
    """
    from visavox.weights import load_model, model_info

    expert, crop = load_model(name, Expert), model_info(name).crop
    if crop is None:
        raise InputError(f"{name} does not say which part of the frame the expert sees; get it again, or train another")
    return LoadedExpert(expert, crop)


class ExpertWindows:
    """Shows a video to an expert, frame after frame: one window for each frame at 25 a second.

    Windows with a frame without the face, or across a cut, are left out.

    Args:
        expert: as `load_expert` gives it.
        track: of the video's face.
        audio: float32 (N,), 16 kHz; sample 0 is heard with the first frame.
    """

    def __init__(self, expert: LoadedExpert, track: Track, audio: np.ndarray) -> None:
        self._config = expert.network.config
        self._track = track
        self._selection = _frames_at_network_rate(track)
        self._transforms = crop_transforms(track, expert.crop)
        self._window: deque[tuple[int, np.ndarray | None]] = deque(maxlen=self._config.num_frames)
        self._batch = _Batch(expert.network, mel_spectrogram(audio))
        self._position = 0

    def add(self, frame: Frame) -> None:
        """Take the next frame of the video."""
        size = self._config.resolution
        while self._position < len(self._selection) and self._selection[self._position] == frame.index:
            mouth = None
            if self._track.usable[frame.index]:
                crop = warp_crop(frame.image, self._transforms[frame.index], size)
                mouth = crop[size // 2 :].transpose(2, 0, 1)  # (3, H/2, W)
            self._window.append((int(self._track.shots[frame.index]), mouth))
            if len(self._window) == self._config.num_frames:
                self._batch.add(_stack(self._window))
            self._position += 1

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        """Finish, and return the embeddings of mouths and of audio.

        Returns:
            float32 (N, D) each, for N windows that begin at 0, 1/25, 2/25 ... seconds; the mouth's is NaN where the
            window is left out.
        """
        return self._batch.result()

    def values(self) -> dict[str, float]:
        """Finish, and score: shifts average over the windows that overlap (`sync.shifted_distances`)."""
        return score_values(sync_score(*self.embeddings()))


class _Batch:
    """Shows windows to the expert some at a time."""

    def __init__(self, network: Expert, mel: torch.Tensor) -> None:
        self._network, self._mel = network, mel
        self._num_windows = 0
        self._pending: list[tuple[torch.Tensor, np.ndarray | None]] = []
        self._mouths: list[np.ndarray] = []
        self._audio: list[np.ndarray] = []

    def add(self, mouths: np.ndarray | None) -> None:
        """Take the next window: uint8 (3 * num_frames, H/2, W), or None where it is left out."""
        config = self._network.config
        start = window_start(Fraction(self._num_windows, FRAME_RATE), config.mel_lead)
        self._pending.append((mel_window(self._mel, start, config.mel_window), mouths))
        self._num_windows += 1
        if len(self._pending) == _BATCH:
            self._embed()

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """Embed the rest; return the embeddings of mouths and audio."""
        self._embed()
        if not self._mouths:
            return np.zeros((0, 1), np.float32), np.zeros((0, 1), np.float32)
        return np.concatenate(self._mouths), np.concatenate(self._audio)

    @torch.inference_mode()
    def _embed(self) -> None:
        if not self._pending:
            return
        config = self._network.config
        shape = 3 * config.num_frames, config.resolution - config.resolution // 2, config.resolution
        mouths = np.stack([np.zeros(shape, np.uint8) if each is None else each for _, each in self._pending])
        mels = torch.stack([mel for mel, _ in self._pending])[:, None]  # (B, 1, 80, W)
        device = next(self._network.parameters()).device
        audio, face = self._network(mels.to(device), torch.from_numpy(mouths).to(device).float() / 255)
        face = face.cpu().numpy()
        face[[each is None for _, each in self._pending]] = np.nan
        self._mouths.append(face)
        self._audio.append(audio.cpu().numpy())
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
    selection = pair_times([track.times[0] + Fraction(index, FRAME_RATE) for index in range(num)], track.times)
    return np.maximum.accumulate(np.maximum(selection, 0))
