"""Pixels of a person's data set, drawn by chance: what a radiance field learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from visavox.data.radiance.person_data import PersonData
from visavox.errors import InputError
from visavox.face.geometry.landmarks import IBUG_68
from visavox.face.geometry.pose import canonical_face

MOUTH = slice(48, 68)
"""The lips among the 68 landmarks."""
FACE_MARGIN = 0.15
"""By which the box of the landmarks is made larger on each side, as a share of its size, to be the box of the face."""


@dataclass(frozen=True)
class RaySampling:
    """Settings of drawing pixels."""

    rays: int = 512
    """Pixels of a frame."""
    inside: float = 0.9
    """Share of them that lies in the box around what is learned (head, or torso)."""
    mouth: float = 0.2
    """Share of them that lies in the box around the lips; part of `inside`."""
    margin: float = 0.06
    """By which the box is made larger on each side, as a share of the image."""
    patch: int = 0
    """Side of a square of pixels around the lips of each frame, for losses that look at images; 0: none."""
    window: int = 5
    """Frames of landmarks, the middle one being the frame itself."""

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        if not 0 <= self.mouth <= self.inside <= 1:
            raise InputError(
                f"shares of {self.inside} inside and {self.mouth} on the mouth; give 0 <= mouth <= inside <= 1"
            )


@dataclass(frozen=True)
class FrameGeometry:
    """The regions in the frames of a data set, in pixels."""

    face: np.ndarray
    """float32 (T, 4): x0, y0, x1, y1 of the landmarks, with a margin."""
    mouth: np.ndarray
    """float32 (T, 4): of the lips, with a margin."""


def frame_geometry(data: PersonData) -> FrameGeometry:
    """Find the boxes of face and mouth by projecting the landmarks."""
    points = canonical_face()[list(IBUG_68)] + data.displacements
    seen = data.camera.project(points, data.rotations, data.translations).astype(np.float32)
    return FrameGeometry(_boxes(seen, FACE_MARGIN), _boxes(seen[:, MOUTH], 2 * FACE_MARGIN))


def landmark_window(data: PersonData, frame: int, window: int) -> np.ndarray:
    """Landmarks of a frame and its neighbours of the same interval, float32 (window, 68, 3); the ends stand still."""
    intervals = [interval for part in data.split.values() for interval in part]
    start, stop = next(((a, b) for a, b in intervals if a <= frame < b), (0, data.num_frames))
    window_of_motion: np.ndarray = data.displacements[window_frames(frame, window, start, stop)]
    return window_of_motion


def window_frames(frame: int, window: int, start: int, stop: int) -> np.ndarray:
    """Numbers of a frame and its neighbours in the interval [start, stop), int64 (window,); the ends stand still."""
    return np.clip(np.arange(window) - window // 2 + frame, start, stop - 1)


def scene(data: PersonData, frame: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Compose what is behind the head: the torso over the background, uint8 (N, 3)."""
    torso = data.torso[frame][rows, columns].astype(np.float32)
    share = torso[..., 3:] / 255
    behind = data.background[rows, columns]
    return np.asarray(np.round(share * torso[..., :3] + (1 - share) * behind), np.uint8)


class RayDataset(Dataset[dict[str, Tensor]]):
    """Endless frames of the training part, some pixels of each.

    Sample number i depends on the seed and i alone. It holds, with R pixels (`rays`, then those of the patch):

    | name | shape | what |
    |---|---|---|
    | frame | () int64 | number of the frame |
    | window | (window, 68, 3) | landmarks, centimetres |
    | rotation, translation | (3, 3), (3,) | pose |
    | pixels | (R, 2) int64 | x and y |
    | color, scene, background | (R, 3) uint8 | true colour; what is behind the head; what is behind the torso too |
    | head, torso | (R,) uint8 | masks |
    | in_face | (R,) bool | whether the pixel lies in the box of the face |

    Args:
        data: the person.
        sampling: how pixels are drawn.
        target: whose box most pixels lie in.
        seed: chance.
        length: number of samples.
    """

    def __init__(
        self, data: PersonData, sampling: RaySampling, target: Literal["head", "torso"], *, seed: int, length: int
    ) -> None:
        self.data, self.sampling, self.target, self.seed, self.length = data, sampling, target, seed, length
        self.frames = data.indices("train")
        if not len(self.frames):
            raise InputError(f"{data.folder} has no usable frame to train on; give more video of the face")
        self.geometry = frame_geometry(data)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((self.seed, index))
        frame = int(self.frames[rng.integers(len(self.frames))])
        columns, rows = self._pixels(frame, rng)
        data = self.data
        x0, y0, x1, y1 = self.geometry.face[frame]
        arrays = {
            "frame": np.asarray(frame),
            "window": landmark_window(data, frame, self.sampling.window),
            "rotation": data.rotations[frame],
            "translation": data.translations[frame],
            "pixels": np.stack([columns, rows], axis=1),
            "color": data.frames[frame][rows, columns],
            "scene": scene(data, frame, rows, columns),
            "background": data.background[rows, columns],
            "head": data.head_mask[frame][rows, columns],
            "torso": data.torso_mask[frame][rows, columns],
            "in_face": (columns >= x0) & (columns < x1) & (rows >= y0) & (rows < y1),
        }
        return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}

    def _pixels(self, frame: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        sampling, side = self.sampling, self.data.size
        mouth = round(sampling.mouth * sampling.rays)
        inside = round(sampling.inside * sampling.rays) - mouth
        boxes = (
            (mouth, self.geometry.mouth[frame]),
            (inside, self._target_box(frame)),
            (sampling.rays - mouth - inside, np.array([0, 0, side, side])),
        )
        parts = [_draw(rng, count, box, side) for count, box in boxes]
        if sampling.patch:
            parts.append(_patch(self.geometry.mouth[frame], sampling.patch, side))
        columns, rows = (np.concatenate(part) for part in zip(*parts, strict=True))
        return columns, rows

    def _target_box(self, frame: int) -> np.ndarray:
        mask = self.data.head_mask[frame] if self.target == "head" else self.data.torso_mask[frame]
        seen = mask > 127
        rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        if not len(rows):
            return np.array([0, 0, self.data.size, self.data.size])
        margin = self.sampling.margin * self.data.size
        return np.array([columns[0] - margin, rows[0] - margin, columns[-1] + 1 + margin, rows[-1] + 1 + margin])


def _boxes(points: np.ndarray, margin: float) -> np.ndarray:
    low, high = points.min(axis=1), points.max(axis=1)
    wider = margin * (high - low)
    return np.concatenate([low - wider, high + wider], axis=1)


def _draw(rng: np.random.Generator, count: int, box: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    x0, y0, x1, y1 = np.clip(box, 0, side)
    place = rng.random((2, count))
    columns, rows = x0 + place[0] * (x1 - x0), y0 + place[1] * (y1 - y0)
    return (np.clip(columns, 0, side - 1).astype(np.int64), np.clip(rows, 0, side - 1).astype(np.int64))


def _patch(mouth: np.ndarray, size: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Square around the middle of the lips, inside the image, row by row."""
    corner = (mouth[:2] + mouth[2:]) / 2 - size / 2
    left, top = np.clip(np.round(corner), 0, side - size).astype(np.int64)
    rows, columns = np.mgrid[top : top + size, left : left + size]
    return columns.ravel(), rows.ravel()
