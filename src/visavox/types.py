"""The things that travel between the parts of visavox.

Pictures are uint8 RGB (H, W, 3); boxes are x0, y0, x1, y1 in pixels, half open; times are rational
seconds counted from the first frame of the video. `docs/conventions.md` has the whole list.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from visavox.constants import FRAME_RATE

if TYPE_CHECKING:  # settings and checks use the aliases of this module without loading numpy
    import numpy as np

PathLike: TypeAlias = str | os.PathLike[str]
"""Path of a file or folder, as public functions take it."""

NUM_LANDMARKS = 478
"""Landmarks of one face: the 468 points of the MediaPipe face mesh and 5 for each iris."""


@dataclass(frozen=True)
class Frame:
    """One decoded picture of a video."""

    image: np.ndarray
    """uint8 RGB (H, W, 3), rotated upright."""
    time: Fraction
    """Presentation time in seconds; the first frame of the video is at 0."""
    index: int
    """Position in the video, counted from 0."""


class FrameStatus(IntEnum):
    """The status of the tracked face in one frame."""

    ABSENT = 0
    """No face: the frame passes through untouched."""
    DETECTED = 1
    """Seen by the tracker in this very frame."""
    INTERPOLATED = 2
    """Not seen, but inside a short gap between frames in which it was."""
    TURNED_AWAY = 3
    """Seen, but turned too far from the camera to be repainted: passes through untouched."""


@dataclass
class Track:
    """One face, followed through a video of T frames.

    Where `status` is ABSENT the numbers of that frame are NaN.
    """

    landmarks: np.ndarray
    """float32 (T, 478, 3): x and y in pixels of the upright frame, z in the same scale, smaller is nearer."""
    status: np.ndarray
    """uint8 (T,): a FrameStatus for each frame."""
    shots: np.ndarray
    """int32 (T,): number of the shot that a frame belongs to; it grows by one at every cut."""
    rotations: np.ndarray
    """float32 (T, 3, 3): head space (x right, y up, z to the viewer) to camera, a rotation matrix."""
    translations: np.ndarray
    """float32 (T, 3): origin of head space in the camera's view, centimetres."""
    times: tuple[Fraction, ...]
    """Presentation time of each frame, in seconds from the first."""
    frame_size: tuple[int, int]
    """Width and height of the upright frame, in pixels."""
    face_id: int = 0
    """Number of the face among those of the same video, counted from 0."""

    @property
    def num_frames(self) -> int:
        """Number of frames of the video, with or without the face."""
        return len(self.status)

    @property
    def usable(self) -> np.ndarray:
        """bool (T,): frames whose face can be repainted (detected or interpolated)."""
        usable: np.ndarray = (self.status == FrameStatus.DETECTED) | (self.status == FrameStatus.INTERPOLATED)
        return usable

    @property
    def boxes(self) -> np.ndarray:
        """float32 (T, 4): the smallest box around the landmarks of each frame, NaN where there are none."""
        import numpy as np

        points = self.landmarks[..., :2]
        return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)


@dataclass(frozen=True)
class Motion:
    """The motion of one face: 68 landmarks in head space, T frames at `rate` frames a second, without the head's pose.

    The 68 points are those of `visavox.face.geometry.landmarks.IBUG_68`.
    """

    displacements: np.ndarray
    """float32 (T, 68, 3), centimetres: from the canonical face; what the person looks like and what they do with it
    (GeneFace's `idexp_lm3d`)."""
    confidence: np.ndarray
    """float32 (T,) in [0, 1]: 0 where the face was not seen and the motion was filled in."""
    neutral: np.ndarray
    """float32 (68, 3), centimetres: what the person looks like, the mean of their displacements."""
    rate: Fraction = Fraction(FRAME_RATE)
    """Frames a second."""

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.displacements)

    @property
    def expression(self) -> np.ndarray:
        """float32 (T, 68, 3), centimetres: displacements from the person's own mean."""
        expression: np.ndarray = self.displacements - self.neutral
        return expression


@dataclass(frozen=True)
class HeadPose:
    """Position and rotation of a head in T frames."""

    rotations: np.ndarray
    """float32 (T, 3, 3): head space (x right, y up, z to the viewer) to camera, a rotation matrix."""
    translations: np.ndarray
    """float32 (T, 3): origin of head space in the camera's view, centimetres."""
    frame_size: tuple[int, int]
    """Width and height, in pixels, of the frame that the camera of `visavox.face.geometry.pose` takes."""

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.rotations)
