"""Tracks made by hand."""

from fractions import Fraction

import numpy as np

from visavox.face.geometry.crop import ALIGNMENT_TEMPLATE
from visavox.face.geometry.landmarks import CHIN, LIP_LOWER, LIP_UPPER, LIPS_OUTER
from visavox.types import FrameStatus, Track

EYES = 60.0
"""Distance between the outer eye corners, pixels."""


def face_at(x: float, y: float, opening: float = 0.1, eyes: float = EYES) -> np.ndarray:
    """Landmarks float32 (478, 3) of a frontal face whose eyes are about (x, y): alignment points, lips and chin."""
    points = np.zeros((478, 3), np.float32)
    points[:, 1] = 0.3
    for index, (right, down) in ALIGNMENT_TEMPLATE.items():
        points[index, :2] = right, down
    angles = np.linspace(np.pi, -np.pi, len(LIPS_OUTER), endpoint=False)
    points[list(LIPS_OUTER), 0] = 0.28 * np.cos(angles)
    points[list(LIPS_OUTER), 1] = 0.75 + 0.1 * np.sin(angles)
    points[LIP_UPPER, :2] = 0, 0.75 - opening / 2
    points[LIP_LOWER, :2] = 0, 0.75 + opening / 2
    points[CHIN, :2] = 0, 1.15
    return points * eyes + np.array([x, y, 0], np.float32)


def make_track(
    num_frames: int,
    *,
    rate: Fraction = Fraction(25),
    frame_size: tuple[int, int] = (360, 288),
    eyes: float = EYES,
    face_id: int = 0,
) -> Track:
    """A frontal face in the middle of the picture whose mouth opens and shuts."""
    openings = 0.1 + 0.08 * np.sin(np.arange(num_frames) * 0.9)
    x, y = frame_size[0] / 2, frame_size[1] / 2 - 0.3 * eyes
    return Track(
        landmarks=np.stack([face_at(x, y, opening, eyes) for opening in openings]).astype(np.float32),
        status=np.full(num_frames, FrameStatus.DETECTED, np.uint8),
        shots=np.zeros(num_frames, np.int32),
        rotations=np.repeat(np.eye(3, dtype=np.float32)[None], num_frames, axis=0),
        translations=np.tile(np.array([0, 0, -8.9 * max(frame_size) / eyes], np.float32), (num_frames, 1)),
        times=tuple(index / rate for index in range(num_frames)),
        frame_size=frame_size,
        face_id=face_id,
    )


def lose(track: Track, start: int, stop: int, status: FrameStatus = FrameStatus.ABSENT) -> Track:
    """Change the status of some frames; where the face is absent, its numbers go."""
    track.status[start:stop] = status
    if status == FrameStatus.ABSENT:
        track.landmarks[start:stop] = np.nan
        track.rotations[start:stop] = np.nan
    return track
