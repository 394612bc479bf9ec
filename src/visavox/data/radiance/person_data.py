"""The data set of one person: what `visavox avatar build` makes of videos, and what an avatar learns from.

A folder of plain files. The images are uint8 arrays that are mapped, not read: a data set may be larger than memory.

| file | holds |
|---|---|
| `frames.npy` | uint8 (T, H, W, 3): square crops of one fixed camera, 25 a second |
| `head_mask.npy`, `torso_mask.npy` | uint8 (T, H, W): how much is head, or torso and neck; the rest is background |
| `torso.npy` | uint8 (T, H, W, 4): torso and neck with the head removed, RGB and alpha, not premultiplied |
| `background.npy` | uint8 (H, W, 3): the empty scene |
| `motion.npz` | `displacements`, `confidence`, `rotations`, `translations`, `usable` |
| `camera.json` | focal length, principal point, size, near and far, in pixels of the crop and centimetres |
| `speech.npy` | int16 (640 T,), 16 kHz: 640 samples for each frame, lag corrected |
| `split.json` | `train` and `test`: lists of [start, stop], in frames |

T frames come one after the other, but need not be one stretch of time: there may be many short videos, or cuts.
No interval of the split crosses such a joint.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

from visavox.constants import FRAME_RATE, SAMPLES_PER_FRAME
from visavox.errors import InputError
from visavox.types import Motion, PathLike

NUM_POINTS = 68
"""Landmarks of a motion."""

FRAMES, HEAD_MASK, TORSO_MASK = "frames.npy", "head_mask.npy", "torso_mask.npy"
BACKGROUND, TORSO, SPEECH = "background.npy", "torso.npy", "speech.npy"
MOTION, CAMERA, SPLIT = "motion.npz", "camera.json", "split.json"
FILES = (FRAMES, HEAD_MASK, TORSO_MASK, BACKGROUND, TORSO, MOTION, CAMERA, SPEECH, SPLIT)
"""The files a data set cannot be without."""

Part = Literal["train", "test"]


@dataclass(frozen=True)
class PersonCamera:
    """The camera of a data set, which looks along -z of its own space (`visavox.face.geometry.pose`)."""

    focal_length: float
    """In pixels of the stored crop."""
    principal_point: tuple[float, float]
    """x and y in pixels of the stored crop, whose first pixel has its centre at (0, 0). It may lie anywhere: the crop
    is a part of the image."""
    size: int
    """Side of the crop in pixels."""
    near: float
    """Centimetres along the axis before which there is nothing of the head."""
    far: float
    """Centimetres along the axis behind which there is nothing of the head."""

    def project(self, points: np.ndarray, rotations: np.ndarray, translations: np.ndarray) -> np.ndarray:
        """Project points of head space into the crop.

        Args:
            points: (L, 3) or (T, L, 3), centimetres.
            rotations: (T, 3, 3), head to camera.
            translations: (T, 3), centimetres.

        Returns:
            float64 (T, L, 2), pixels.
        """
        seen = points @ rotations.astype(np.float64).swapaxes(1, 2) + translations[:, None]
        scale = self.focal_length / -seen[..., 2:]
        pixels: np.ndarray = np.asarray(self.principal_point) + scale * seen[..., :2] * np.array([1.0, -1.0])
        return pixels


@dataclass(frozen=True)
class PersonData:
    """One person's data set of T frames of H = W pixels. Images are mapped from disk, read-only."""

    folder: Path
    """Path of the folder."""
    frames: np.ndarray
    """uint8 (T, H, W, 3), RGB."""
    head_mask: np.ndarray
    """uint8 (T, H, W), 255 is all head: face, hair and ears."""
    torso_mask: np.ndarray
    """uint8 (T, H, W), 255 is all torso or neck. Never more than 255 - head_mask."""
    background: np.ndarray
    """uint8 (H, W, 3), RGB: the scene without the person."""
    torso: np.ndarray
    """uint8 (T, H, W, 4), RGB and alpha: torso and neck, going on behind the head."""
    displacements: np.ndarray
    """float32 (T, 68, 3), centimetres, as in `visavox.types.Motion`."""
    confidence: np.ndarray
    """float32 (T,) in [0, 1]."""
    rotations: np.ndarray
    """float32 (T, 3, 3), head to camera, smoothed over time."""
    translations: np.ndarray
    """float32 (T, 3), centimetres, smoothed over time."""
    usable: np.ndarray
    """bool (T,): frames to learn from. Others are there so that time goes on; their numbers are filled in."""
    camera: PersonCamera
    """The fixed camera."""
    speech: np.ndarray
    """int16 (640 T,), 16 kHz."""
    split: dict[str, tuple[tuple[int, int], ...]]
    """`train` and `test`: intervals [start, stop) of frames, each one stretch of time; the test part is the last."""

    @classmethod
    def load(cls, folder: PathLike) -> PersonData:
        """Open a data set.

        Raises:
            InputError: a file is missing or damaged, or the files do not fit together.
        """
        path = Path(folder)
        if not path.is_dir():
            raise InputError(f"{path} is not a folder; give the data folder that `visavox avatar build` made")
        missing = [name for name in FILES if not (path / name).is_file()]
        if missing:
            raise InputError(
                f"{path} is not a person's data set, or not a finished one: {', '.join(missing)} is missing; run "
                "`visavox avatar build` again, it goes on where it stopped"
            )
        motion = _load_motion(path / MOTION)
        data = cls(
            folder=path,
            frames=_map(path / FRAMES),
            head_mask=_map(path / HEAD_MASK),
            torso_mask=_map(path / TORSO_MASK),
            background=np.asarray(_map(path / BACKGROUND)),
            torso=_map(path / TORSO),
            camera=_load_camera(path / CAMERA),
            speech=_map(path / SPEECH),
            split=_load_split(path / SPLIT),
            **motion,
        )
        data.check()
        return data

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.frames)

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return self.camera.size

    @property
    def motion(self) -> Motion:
        """The motion of all frames; its neutral is the mean over the usable frames of the training part."""
        known = self.indices("train")
        neutral = self.displacements[known].mean(axis=0) if len(known) else np.zeros((NUM_POINTS, 3), np.float32)
        return Motion(self.displacements, self.confidence, neutral.astype(np.float32), Fraction(FRAME_RATE))

    def indices(self, part: Part) -> np.ndarray:
        """Numbers of the usable frames of a part, ascending: int64 (n,)."""
        inside = np.zeros(self.num_frames, dtype=bool)
        for start, stop in self.split[part]:
            inside[start:stop] = True
        return np.flatnonzero(inside & self.usable)

    def check(self) -> None:
        """See that all arrays belong together.

        Raises:
            InputError: the first that does not.
        """
        frames, side = self.num_frames, self.camera.size
        expected: dict[str, tuple[tuple[int, ...], type]] = {
            "frames": ((frames, side, side, 3), np.uint8),
            "head_mask": ((frames, side, side), np.uint8),
            "torso_mask": ((frames, side, side), np.uint8),
            "background": ((side, side, 3), np.uint8),
            "torso": ((frames, side, side, 4), np.uint8),
            "displacements": ((frames, NUM_POINTS, 3), np.float32),
            "confidence": ((frames,), np.float32),
            "rotations": ((frames, 3, 3), np.float32),
            "translations": ((frames, 3), np.float32),
            "usable": ((frames,), np.bool_),
            "speech": ((frames * SAMPLES_PER_FRAME,), np.int16),
        }
        for name, (shape, dtype) in expected.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != dtype:
                raise self._unfit(f"{name} is {array.dtype} {array.shape} and should be {np.dtype(dtype)} {shape}")
        if not self.usable.any():
            raise self._unfit("no frame of it is usable")
        for name in ("displacements", "rotations", "translations"):
            if not np.isfinite(getattr(self, name)).all():
                raise self._unfit(f"{name} holds numbers that are not finite")
        self._check_split()

    def _check_split(self) -> None:
        intervals = sorted(interval for part in self.split.values() for interval in part)
        last = 0
        for start, stop in intervals:
            if not last <= start < stop <= self.num_frames:
                raise self._unfit(
                    f"its split has the interval {start} to {stop}, which overlaps another or lies outside its "
                    f"{self.num_frames} frames"
                )
            last = stop

    def _unfit(self, reason: str) -> InputError:
        return InputError(
            f"the data set {self.folder} does not fit together: {reason}; delete the folder and run `visavox avatar "
            "build` again"
        )


def _map(path: Path) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        return array
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(path, error) from error


def _load_motion(path: Path) -> dict[str, np.ndarray]:
    names = ("displacements", "confidence", "rotations", "translations", "usable")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from error


def _load_camera(path: Path) -> PersonCamera:
    stored = _load_json(path)
    try:
        x, y = stored["principal_point"]
        camera = PersonCamera(
            focal_length=float(stored["focal_length"]),
            principal_point=(float(x), float(y)),
            size=int(stored["size"]),
            near=float(stored["near"]),
            far=float(stored["far"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error
    if camera.focal_length <= 0 or camera.size < 1 or not 0 < camera.near < camera.far:
        raise _damaged(path, ValueError(f"no camera has {camera}"))
    return camera


def _load_split(path: Path) -> dict[str, tuple[tuple[int, int], ...]]:
    stored = _load_json(path)
    try:
        return {part: tuple((int(start), int(stop)) for start, stop in stored[part]) for part in ("train", "test")}
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error


def _load_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path} is damaged or not what a person's data set holds ({error}); delete it and run `visavox avatar build` "
        "again"
    )
