"""The file of a track: a `.npz` without pickles, some 1 kB a frame.

Landmarks are stored as whole 64ths of a pixel, as differences from frame to frame: exactly, for tracks that
`track_video` made, which are rounded to that; to 1/128 px for others.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from visavox.errors import InputError
from visavox.face.track.landmark_store import LANDMARK_STEP
from visavox.runtime.array_file import read_arrays, write_arrays
from visavox.types import NUM_LANDMARKS, FrameStatus, PathLike, Track

FORMAT = 1
"""Raised when the arrays of the file change."""


def save_track(track: Track, path: PathLike) -> None:
    """Write a track; the file appears under its name, whole, or not at all.

    Raises:
        InputError: the folder does not exist or cannot be written.
    """
    save_tracks([track], path)


def save_tracks(tracks: Sequence[Track], path: PathLike) -> None:
    """Write all tracks of one video to one file; otherwise as `save_track`."""
    arrays: dict[str, np.ndarray] = {"visavox_track": np.array([FORMAT, len(tracks)])}
    for number, track in enumerate(tracks):
        arrays |= {f"{number}.{name}": array for name, array in _pack(track).items()}
    write_arrays(path, arrays)


def load_track(path: PathLike) -> Track:
    """Read the file of one track.

    Raises:
        InputError: it is missing, is no track file, is damaged, or holds several tracks.
    """
    tracks = load_tracks(path)
    if len(tracks) != 1:
        raise InputError(f"{os.fspath(path)} holds {len(tracks)} tracks; make a file of one with `visavox track`")
    return tracks[0]


def load_tracks(path: PathLike) -> list[Track]:
    """Read all tracks of a file; otherwise as `load_track`."""
    return read_arrays(
        path,
        "track",
        version=FORMAT,
        remedy="make it again with `visavox track VIDEO -o TRACK.npz`.",
        unpack=_unpack_all,
    )


def check_track_fits(track: Track, *, frame_size: tuple[int, int], num_frames: int | None, video: str) -> None:
    """Check that a track can be that of a video.

    Args:
        track: read from a file.
        frame_size: width and height of the upright video.
        num_frames: of the video, None if not known.
        video: its name, for the message.

    Raises:
        InputError: sizes or numbers of frames differ.
    """
    remedy = f"make it again with `visavox track {video} -o TRACK.npz`."
    if track.frame_size != frame_size:
        raise InputError(
            f"the track is of a video of {track.frame_size[0]} x {track.frame_size[1]} pixels, {video} has "
            f"{frame_size[0]} x {frame_size[1]}; {remedy}"
        )
    if num_frames is not None and track.num_frames != num_frames:
        raise InputError(f"the track is of a video of {track.num_frames} frames, {video} has {num_frames}; {remedy}")


def _pack(track: Track) -> dict[str, np.ndarray]:
    present = track.status != FrameStatus.ABSENT
    centers = np.zeros((track.num_frames, 3), dtype=np.int32)
    steps = _steps(track, present, centers, np.int16)
    return {
        "landmark_steps": steps,
        "centers": centers,
        "status": track.status.astype(np.uint8),
        "shots": track.shots.astype(np.int32),
        "rotations": track.rotations.astype(np.float32),
        "translations": track.translations.astype(np.float32),
        "times": np.array([(time.numerator, time.denominator) for time in track.times], dtype=np.int64).reshape(-1, 2),
        "frame_size": np.array(track.frame_size, dtype=np.int32),
        "face_id": np.array(track.face_id, dtype=np.int32),
    }


def _steps(track: Track, present: np.ndarray, centers: np.ndarray, kind: type[np.integer]) -> np.ndarray:
    """Differences of the landmarks from frame to frame, in 64ths of a pixel, (T, 478, 3); fills in `centers`.

    The middle of each face is kept on its own, in `centers`, so that the rest stays small.
    """
    steps = np.empty(track.landmarks.shape, dtype=kind)
    last = np.zeros(steps.shape[1:], dtype=np.int32)
    for index, landmarks in enumerate(track.landmarks):
        offsets = np.zeros_like(last)
        if present[index]:
            if not np.isfinite(landmarks).all():
                raise ValueError("the landmarks of a frame that is not ABSENT are not finite")
            whole = np.rint(landmarks / LANDMARK_STEP).astype(np.int32)
            centers[index] = np.rint(whole.mean(axis=0))
            offsets = whole - centers[index]
        step = offsets - last
        if kind is np.int16 and np.abs(step).max() >= 2**15:  # a face of 1000 pixels or more
            return _steps(track, present, centers, np.int32)
        steps[index] = step
        last = offsets
    return steps


def _unpack_all(arrays: np.lib.npyio.NpzFile) -> list[Track]:
    _, num_tracks = (int(number) for number in arrays["visavox_track"])
    return [_unpack(arrays, f"{number}.") for number in range(num_tracks)]


def _unpack(arrays: np.lib.npyio.NpzFile, prefix: str) -> Track:
    status = arrays[f"{prefix}status"]
    num_frames = len(status)
    steps = arrays[f"{prefix}landmark_steps"]
    _expect(steps, "landmark_steps", (num_frames, NUM_LANDMARKS, 3), "i")
    _expect(status, "status", (num_frames,), "u")
    if num_frames == 0 or status.max() > max(FrameStatus):
        raise ValueError("the status of a frame is unknown")
    fields = {}
    for name, shape, kind in (
        ("centers", (num_frames, 3), "i"),
        ("shots", (num_frames,), "i"),
        ("rotations", (num_frames, 3, 3), "f"),
        ("translations", (num_frames, 3), "f"),
        ("times", (num_frames, 2), "i"),
        ("frame_size", (2,), "i"),
        ("face_id", (), "i"),
    ):
        fields[name] = arrays[f"{prefix}{name}"]
        _expect(fields[name], name, shape, kind)
    landmarks = np.empty(steps.shape, dtype=np.float32)
    running = np.zeros(steps.shape[1:], dtype=np.int32)
    for index, step in enumerate(steps):
        running += step
        landmarks[index] = (running + fields["centers"][index]) * LANDMARK_STEP
    landmarks[status == FrameStatus.ABSENT] = np.nan
    return Track(
        landmarks=landmarks,
        status=status,
        shots=fields["shots"],
        rotations=fields["rotations"],
        translations=fields["translations"],
        times=tuple(Fraction(int(over), int(under)) for over, under in fields["times"]),
        frame_size=(int(fields["frame_size"][0]), int(fields["frame_size"][1])),
        face_id=int(fields["face_id"]),
    )


def _expect(array: np.ndarray, name: str, shape: tuple[int, ...], kind: str) -> None:
    if array.shape != shape or array.dtype.kind != kind:
        raise ValueError(f"{name} is {array.dtype} {array.shape}, not {shape}")
