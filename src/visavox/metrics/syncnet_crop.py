"""Images that SyncNet is shown: the whole frame, or the crop of its own pipeline, which follows the face.

The crop is that of `run_pipeline.py` of joonson/syncnet_python with its default options: boxes filled in over gaps,
their middle and half side smoothed by a median over 13 frames, and around them a square that reaches 0.40 further to
both sides and twice 0.40 further down. The boxes are those of our tracker (the smallest ones around the landmarks,
forehead to chin and ear to ear) instead of S3FD's.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.signal import medfilt

from visavox.models.sync.syncnet import RESOLUTION
from visavox.types import Track

CROP_SCALE = 0.40
"""How much further than the box the crop reaches, in half sides of the box."""
SMOOTHING = 13
"""Frames under the median."""
LONGEST_GAP = 25
"""Frames from one face to the next; where there are more, a new run begins."""
SHORTEST_RUN = 100
"""A run must be longer than this, 4 s."""

_GREY = 110
"""What lies outside the image."""


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


def face_runs(track: Track, chosen: np.ndarray) -> list[FaceRun]:
    """Find the stretches that the published pipeline would score.

    Args:
        track: a face.
        chosen: int (T,), the frames that are shown at 25 a second.

    Returns:
        the runs of more than `SHORTEST_RUN` frames, in order. Where there is none, the longest one, unless it is
        shorter than the median filter: then nothing.
    """
    boxes = track.boxes[chosen].astype(np.float64)
    shots = track.shots[chosen]
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
