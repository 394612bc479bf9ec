"""The file of a motion: a `.npz` without pickles, 0.8 kB a frame; that of a performance holds the head's pose, too."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from visavox.runtime.array_file import read_arrays, write_arrays
from visavox.types import HeadPose, Motion, PathLike

FORMAT = 1
"""Raised when the arrays of the file change."""


def save_motion(motion: Motion, path: PathLike, *, pose: HeadPose | None = None) -> None:
    """Write a motion; the file appears under its name, whole, or not at all.

    Args:
        motion: T frames.
        path: the file, .npz.
        pose: of the same T frames, where the motion is that of a performance.

    Raises:
        InputError: the folder does not exist or cannot be written.
    """
    arrays = {
        "visavox_motion": np.array(FORMAT),
        "displacements": motion.displacements.astype(np.float32),
        "confidence": motion.confidence.astype(np.float32),
        "neutral": motion.neutral.astype(np.float32),
        "rate": np.array([motion.rate.numerator, motion.rate.denominator], np.int64),
    }
    if pose is not None:
        if pose.num_frames != motion.num_frames:
            raise ValueError(f"a pose of {pose.num_frames} frames does not belong to a motion of {motion.num_frames}")
        arrays |= {
            "rotations": pose.rotations.astype(np.float32),
            "translations": pose.translations.astype(np.float32),
            "frame_size": np.array(pose.frame_size, np.int32),
        }
    write_arrays(path, arrays)


def load_motion(path: PathLike) -> Motion:
    """Read a motion.

    Raises:
        InputError: the file is missing, is no motion file, or is damaged.
    """
    return load_performance(path)[0]


def load_performance(path: PathLike) -> tuple[Motion, HeadPose | None]:
    """Read a motion with the pose of the head, None where the file has none; otherwise as `load_motion`."""
    return read_arrays(
        path,
        "motion",
        version=FORMAT,
        remedy="make it again with `visavox motion INPUT -o MOTION.npz`",
        unpack=lambda arrays: (_unpack_motion(arrays), _unpack_pose(arrays)),
    )


def _unpack_motion(arrays: np.lib.npyio.NpzFile) -> Motion:
    num_frames = len(arrays["confidence"])
    over, under = (int(number) for number in arrays["rate"])
    if num_frames == 0 or over <= 0 or under <= 0:
        raise ValueError("it has no frames, or no rate")
    return Motion(
        displacements=_floats(arrays, "displacements", (num_frames, 68, 3)),
        confidence=_floats(arrays, "confidence", (num_frames,)),
        neutral=_floats(arrays, "neutral", (68, 3)),
        rate=Fraction(over, under),
    )


def _unpack_pose(arrays: np.lib.npyio.NpzFile) -> HeadPose | None:
    if "rotations" not in arrays:
        return None
    num_frames = len(arrays["confidence"])
    width, height = (int(number) for number in arrays["frame_size"])
    return HeadPose(
        rotations=_floats(arrays, "rotations", (num_frames, 3, 3)),
        translations=_floats(arrays, "translations", (num_frames, 3)),
        frame_size=(width, height),
    )


def _floats(arrays: np.lib.npyio.NpzFile, name: str, shape: tuple[int, ...]) -> np.ndarray:
    array = arrays[name]
    if array.shape != shape or array.dtype != np.float32:
        raise ValueError(f"{name} is {array.dtype} {array.shape}, not float32 {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds numbers that are not finite")
    return array
