"""LSE-D, LSE-C and the offset as papers give them: by the SyncNet of 2016, by its published evaluation.

Prajwal et al. ("A Lip Sync Expert Is All You Need", 2020) show SyncNet whole frames where the test set is cropped to
faces already (LRS2, LRS3, LRW), and the crops of SyncNet's own pipeline for other videos. The two do not compare with
each other, so both are measured. The crop is that of `run_pipeline.py` of joonson/syncnet_python with its default
options: boxes filled in over gaps, their middle and half side smoothed by a median over 13 frames, and around them a
square that reaches 0.40 further to both sides and twice 0.40 further down. The boxes are those of our tracker (the
smallest ones around the landmarks, forehead to chin and ear to ear) instead of S3FD's. `docs/sync-metrics.md` has the
protocol and where ours differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
import torch
from scipy.signal import medfilt

from visavox.audio.features.mfcc import MFCC_FRAMES_PER_SECOND, mfcc
from visavox.constants import FRAME_RATE, SAMPLES_PER_FRAME
from visavox.data.preparation import nearest_frames
from visavox.metrics.pair import frame_rate
from visavox.metrics.sync import LipSyncError, PaddedDistances, SyncScore, score_values
from visavox.models.sync import MFCC_WINDOW, NUM_FRAMES, RESOLUTION, SyncNet
from visavox.types import Frame, PathLike, Track

_BATCH = 20
_MFCC_FRAMES_PER_FRAME = MFCC_FRAMES_PER_SECOND // FRAME_RATE


def load_syncnet(name: PathLike) -> SyncNet:
    """Load a SyncNet by path (or name) of its converted file.

    Raises:
        InputError: there is no such file, it has not been converted, or it holds another network.
    """
    from visavox.weights import load_model

    return load_model(name, SyncNet)


class SyncNetWindows:
    """Shows a video to SyncNet, frame after frame, in constant memory: whole frames, and crops that follow the face.

    Args:
        network: in eval mode.
        track: of the video's face, all frames of it.
        audio: float32 (N,), 16 kHz; sample 0 is heard with the first frame.
    """

    def __init__(self, network: SyncNet, track: Track, audio: np.ndarray) -> None:
        rate = Fraction(frame_rate(track.times)).limit_denominator(90_000) or Fraction(FRAME_RATE)
        self._selection = nearest_frames(track.times, rate)
        self._runs = face_runs(track, self._selection)
        self._whole = _Stretch(network, audio, len(self._selection))
        self._crops = [
            _Stretch(network, audio[run.start * SAMPLES_PER_FRAME : run.stop * SAMPLES_PER_FRAME], len(run.squares))
            for run in self._runs
        ]
        self._position = 0

    def add(self, frame: Frame) -> None:
        """Take the next frame of the video."""
        while self._position < len(self._selection) and self._selection[self._position] == frame.index:
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


CROP_SCALE = 0.40
"""Reach of the crop beyond the box, in half sides of the box."""
SMOOTHING = 13
"""Frames under the median."""
LONGEST_GAP = 25
"""Frames from one face to the next; where there are more, a new run begins."""
SHORTEST_RUN = 100
"""A run must be longer than this, 4 s."""

_GREY = 110
"""Grey level outside the image."""


@dataclass(frozen=True)
class FaceRun:
    """Consecutive frames, at 25 a second and in one shot, in which a face was followed."""

    start: int
    """Position of the first one."""
    squares: np.ndarray
    """float64 (n, 3): x and y of the box's middle and half of its longer side, smoothed, in pixels."""

    @property
    def stop(self) -> int:
        """Position behind the last one."""
        return self.start + len(self.squares)


def whole_frame(image: np.ndarray) -> np.ndarray:
    """Squeeze an image, uint8 (H, W, 3), to what SyncNet takes: uint8 (224, 224, 3)."""
    return cv2.resize(image, (RESOLUTION, RESOLUTION))


def tracked_crop(image: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Cut the face out of an image, uint8 (H, W, 3).

    Args:
        image: the frame.
        square: (3,), a row of `FaceRun.squares`.

    Returns:
        uint8 (224, 224, 3); what lies outside the image is grey.
    """
    x, y, half = square
    border = int(half * (1 + 2 * CROP_SCALE))  # the published code adds it, and then rounds towards the upper left
    x0, x1 = (int(x + border + way * half * (1 + CROP_SCALE)) - border for way in (-1, 1))
    y0, y1 = int(y + border - half) - border, int(y + border + half * (1 + 2 * CROP_SCALE)) - border
    cut = np.full((y1 - y0, x1 - x0, 3), _GREY, np.uint8)
    height, width = image.shape[:2]
    top, bottom, left, right = max(y0, 0), min(y1, height), max(x0, 0), min(x1, width)
    if top < bottom and left < right:
        cut[top - y0 : bottom - y0, left - x0 : right - x0] = image[top:bottom, left:right]
    return cv2.resize(cut, (RESOLUTION, RESOLUTION))


def face_runs(track: Track, selection: np.ndarray) -> list[FaceRun]:
    """Find the stretches that the published pipeline would score.

    Args:
        track: a face.
        selection: int (T,), the frames that are shown at 25 a second.

    Returns:
        the runs of more than `SHORTEST_RUN` frames, in order. Where there is none, the longest one, unless it is
        shorter than the median filter: then nothing.
    """
    boxes = track.boxes[selection].astype(np.float64)
    shots = track.shots[selection]
    seen = np.flatnonzero(np.isfinite(boxes).all(axis=1))
    if len(seen) == 0:
        return []
    is_new = (np.diff(seen) > LONGEST_GAP) | (np.diff(shots[seen]) != 0)
    runs = [_run(boxes, part) for part in np.split(seen, np.flatnonzero(is_new) + 1) if np.ptp(part) + 1 >= SMOOTHING]
    long = [run for run in runs if len(run.squares) > SHORTEST_RUN]
    return long or sorted(runs, key=lambda run: -len(run.squares))[:1]


def _run(boxes: np.ndarray, seen: np.ndarray) -> FaceRun:
    """Fill the gaps of a run, and smooth it."""
    positions = np.arange(seen[0], seen[-1] + 1)
    x0, y0, x1, y1 = (np.interp(positions, seen, boxes[seen, side]) for side in range(4))
    rows = (x0 + x1) / 2, (y0 + y1) / 2, np.maximum(x1 - x0, y1 - y0) / 2
    return FaceRun(int(seen[0]), np.stack([medfilt(row, SMOOTHING) for row in rows], axis=1))
