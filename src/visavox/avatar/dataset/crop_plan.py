"""The one square of the picture that a person's data set shows, and the camera that looks at it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from visavox.avatar.dataset.tracking import PersonTrack
from visavox.data.radiance.person_data import PersonCamera
from visavox.face.geometry.landmarks import CHIN, FOREHEAD, face_height
from visavox.face.geometry.pose import focal_length

FACE_TOP = 0.29
"""Where the forehead lies in the square, from its top, in sides: hair above, shoulders below."""
FACE_BOTTOM = 0.73
"""Where the chin lies."""
NEAR_ROOM, FAR_ROOM = 12.0, 26.0
"""Centimetres before and behind the eyes within which a head lies, hair included."""


@dataclass(frozen=True)
class CropPlan:
    """Which square is cut out of every frame, and to what it is scaled."""

    x: int
    """Left border in pixels of the frame."""
    y: int
    """Upper border in pixels of the frame."""
    side: int
    """Side in pixels of the frame."""
    size: int
    """Side of the stored picture."""

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1, half open."""
        return self.x, self.y, self.x + self.side, self.y + self.side

    @property
    def scale(self) -> float:
        """Pixels of the stored picture for one of the frame."""
        return self.size / self.side

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Cut the square out of a frame, uint8 (H, W, C): (side, side, C), not scaled."""
        return image[self.y : self.y + self.side, self.x : self.x + self.side]

    def shrink(self, part: np.ndarray) -> np.ndarray:
        """Scale what `cut` gave to the stored size."""
        how = cv2.INTER_AREA if self.size <= self.side else cv2.INTER_CUBIC
        return cv2.resize(part, (self.size, self.size), interpolation=how)

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Carry points (..., 2 or 3) from pixels of the frame to pixels of the stored picture; z is scaled alike."""
        moved = points.astype(np.float64) * self.scale
        # The centre of a pixel counts as its place: pixel 0 begins at -1/2 in both pictures.
        moved[..., 0] += (0.5 - self.x) * self.scale - 0.5
        moved[..., 1] += (0.5 - self.y) * self.scale - 0.5
        return moved

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers, as JSON can hold them."""
        return asdict(self)


def plan_crop(track: PersonTrack, size: int, margin: float) -> CropPlan:
    """Choose the square: around where the face is in most frames, as wide as the margin says and the frame allows.

    Args:
        track: with at least one frame in which the face is seen.
        size: side of the stored pictures.
        margin: side of the square in heights of the face.
    """
    landmarks = track.landmarks[track.seen]
    height = float(np.median(face_height(landmarks)))
    top, bottom = landmarks[:, FOREHEAD, 1], landmarks[:, CHIN, 1]
    # A head that moves about needs more room than one that does not.
    reach = float(np.percentile(bottom, 99) - np.percentile(top, 1))
    wander = float(
        np.percentile(landmarks[:, :, 0].mean(axis=1), 99) - np.percentile(landmarks[:, :, 0].mean(axis=1), 1)
    )
    side = round(min(max(margin * height, reach / (FACE_BOTTOM - FACE_TOP), 1.6 * height + wander), *track.frame_size))
    middle = float(np.median(landmarks[:, :, 0].mean(axis=1)))
    upper = float(np.median(top)) - FACE_TOP * side
    width, frame_height = track.frame_size
    x = int(np.clip(round(middle - side / 2), 0, width - side))
    y = int(np.clip(round(upper), 0, frame_height - side))
    return CropPlan(x, y, side, size)


def camera_of(plan: CropPlan, track: PersonTrack) -> PersonCamera:
    """The camera that `visavox.face.geometry.pose` assumes for the whole frame, in pixels of the crop."""
    middle = (np.asarray(track.frame_size, dtype=np.float64) - 1) / 2
    x, y = plan.to_crop(middle)
    depth = -track.translations[track.seen, 2]
    near = max(1.0, float(np.percentile(depth, 1)) - NEAR_ROOM)
    far = float(np.percentile(depth, 99)) + FAR_ROOM
    return PersonCamera(
        focal_length=focal_length(track.frame_size) * plan.scale,
        principal_point=(float(x), float(y)),
        size=plan.size,
        near=round(near, 3),
        far=round(far, 3),
    )
