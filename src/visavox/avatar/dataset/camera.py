"""The one fixed camera: the check that it stood still, the square that is cut out of its frames, and its crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from visavox.avatar.dataset.tracking import THUMBNAIL_WIDTH, PersonTrack, PersonVideos, VideoTrack, read_frames
from visavox.data.radiance import FRAMES, PersonCamera
from visavox.face.detect import PersonSegmenter, Place
from visavox.face.geometry import face_height, focal_length
from visavox.face.geometry.landmarks import CHIN, FOREHEAD
from visavox.progress import Progress
from visavox.runtime.array_file import GrowingArrays

FACE_TOP = 0.29
"""Height of the forehead in the square, from its top, in sides: hair above, shoulders below."""
FACE_BOTTOM = 0.73
"""Height of the chin."""
NEAR_ROOM, FAR_ROOM = 12.0, 26.0
"""Centimetres before and behind the eyes within which a head lies, hair included."""
PERSON = "work/person.npy"
"""uint8 (T, S, S): how much of a pixel is the person, as the segmenter said, frame by frame."""
GIVEN_HEAD = "work/given_head.npy"
"""uint8 (T, S, S): how much of a pixel is head, where the segmenter told."""
SEGMENTED = "work/segmented.npy"
"""uint8 (T,): 0 nothing is known of the frame, 1 the person is known, 2 the head too."""

BLOCK = 250
"""Frames from one note of the progress to the next."""


@dataclass(frozen=True)
class CropPlan:
    """The square that is cut out of every frame, and the size that it is scaled to."""

    x: int
    """Left border in pixels of the frame."""
    y: int
    """Upper border in pixels of the frame."""
    side: int
    """Side in pixels of the frame."""
    size: int
    """Side of the stored image."""

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1, half open."""
        return self.x, self.y, self.x + self.side, self.y + self.side

    @property
    def scale(self) -> float:
        """Pixels of the stored image for one of the frame."""
        return self.size / self.side

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Cut the square out of a frame, uint8 (H, W, C): (side, side, C), not scaled."""
        return image[self.y : self.y + self.side, self.x : self.x + self.side]

    def shrink(self, part: np.ndarray) -> np.ndarray:
        """Scale what `cut` gave, uint8 (side, side, C), to the stored size: (size, size, C)."""
        how = cv2.INTER_AREA if self.size <= self.side else cv2.INTER_CUBIC
        return cv2.resize(part, (self.size, self.size), interpolation=how)

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Carry points (..., 2 or 3) from pixels of the frame to pixels of the stored image; z is scaled alike."""
        moved = points.astype(np.float64) * self.scale
        # The centre of a pixel counts as its place: pixel 0 begins at -1/2 in both images.
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
        size: side of the stored images.
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


def crop_camera(plan: CropPlan, track: PersonTrack) -> PersonCamera:
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


MOST_THUMBNAILS = 400
"""Small images that are looked at, evenly over the video."""
CORNERS = 12
"""Corners that a background must have for its motion to be measured."""
PERSON_WIDTH, PERSON_TOP = 1.1, 1.0
"""Reach of a head beside and above the face, in its widths and heights."""
SHOULDERS = 2.0
"""Reach of the shoulders to each side, in widths of the face."""
LIGHT = 15.0
"""Grey levels by which a scene may become lighter or darker and still be the same."""
LEAST_BACKGROUND = 0.05
"""Least share of the image that has to be background to be evaluated."""


@dataclass(frozen=True)
class CameraMotion:
    """Motion and change of the background."""

    shift: float | None
    """Largest way of the background from its middle place (98th percentile), in widths of the image; None where it
    has nothing to be measured by."""
    difference: float | None
    """Largest mean difference from its median image (98th percentile), in grey levels; slight changes of the light do
    not count; None where too little of the scene is seen."""


def camera_motion(videos: Sequence[VideoTrack], frame_size: tuple[int, int]) -> CameraMotion:
    """Compare the small images of all videos."""
    images, boxes = _collect(videos, frame_size)
    background = np.ones(images.shape[1:], dtype=bool)
    for box in boxes:
        _mask_person(background, box)
    if background.mean() < LEAST_BACKGROUND:
        return CameraMotion(None, None)
    levels = images[:, background].astype(np.float32)
    middle = np.median(levels[:: max(1, len(levels) // 50)], axis=0)
    lighter = np.clip((levels - middle).mean(axis=1, keepdims=True), -LIGHT, LIGHT)
    differences = np.abs(levels - middle - lighter).mean(axis=1)
    reference = images[int(differences.argmin())]
    return CameraMotion(_shift(images, reference, background), float(np.percentile(differences, 98)))


def _collect(videos: Sequence[VideoTrack], frame_size: tuple[int, int]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Thumbnails (K, h, w) that show the person, and the boxes of faces in their pixels."""
    found: list[tuple[np.ndarray, list[np.ndarray]]] = []
    for video in videos:
        boxes = [track.boxes * (THUMBNAIL_WIDTH / frame_size[0]) for track in video.tracks]
        for frame, image in zip(video.thumbnails.frames, video.thumbnails.images, strict=True):
            found.append((image, [box[frame] for box in boxes if np.isfinite(box[frame, 0])]))
    # What is shown without the person is masked anyhow. Where nobody is seen at all, everything is evaluated.
    found = [one for one in found if one[1]] or found
    found = found[:: max(1, len(found) // MOST_THUMBNAILS)]
    return np.stack([image for image, _ in found]), [box for _, some in found for box in some]


def _mask_person(background: np.ndarray, box: np.ndarray) -> None:
    """Mark head and shoulders below and around a face as not background, in place."""
    height = len(background)
    x0, y0, x1, y1 = (float(value) for value in box)
    across, down = x1 - x0, y1 - y0

    def clear(left: float, top: float, right: float) -> None:
        columns = slice(max(0, int(left)), max(0, int(np.ceil(right))))
        background[max(0, int(top)) : height, columns] = False

    clear(x0 - PERSON_WIDTH * across / 2, y0 - PERSON_TOP * down, x1 + PERSON_WIDTH * across / 2)
    clear(x0 - SHOULDERS * across, y1 - 0.1 * down, x1 + SHOULDERS * across)


def _shift(images: np.ndarray, reference: np.ndarray, background: np.ndarray) -> float | None:
    """Follow corners of the background from the reference into each image (Lucas and Kanade, 1981)."""
    # A corner's window must not look at the person.
    inner = cv2.erode(background.astype(np.uint8), np.ones((7, 7), np.uint8), borderValue=1)
    corners = cv2.goodFeaturesToTrack(reference, 200, 0.05, 4, mask=inner * 255)
    if corners is None or len(corners) < CORNERS or not _is_textured(reference, corners):
        return None
    moves = []
    for image in images:
        found, status, _ = cv2.calcOpticalFlowPyrLK(reference, image, corners, corners.copy(), winSize=(11, 11))
        good = status[:, 0] == 1
        if good.sum() >= CORNERS // 2:
            moves.append(np.median((found - corners)[good, 0], axis=0))
    if not moves:
        return None
    ways = np.linalg.norm(np.array(moves) - np.median(moves, axis=0), axis=1)
    return float(np.percentile(ways, 98) / reference.shape[1])


def _is_textured(image: np.ndarray, corners: np.ndarray) -> bool:
    """Return True where the corners are more than noise: the image changes by some grey levels around half of them."""
    spread = cv2.morphologyEx(image, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8))
    columns, rows = np.round(corners[:, 0]).astype(int).T
    values = spread[np.clip(rows, 0, image.shape[0] - 1), np.clip(columns, 0, image.shape[1] - 1)]
    return bool(np.median(values) >= 20)


def cut_crops(
    folder: Path,
    videos: PersonVideos,
    tracks: list[VideoTrack],
    plan: CropPlan,
    segmenter: PersonSegmenter,
    key: str,
    progress: Progress,
) -> None:
    """Write the crops and the masks of the person; a job that was ended goes on.

    The segmenter sees the square as it was cut out, before it is scaled to the stored size.
    """
    total = sum(len(track.selected) for track in tracks)
    size = plan.size
    store = GrowingArrays(
        folder,
        {
            FRAMES: ((total, size, size, 3), np.uint8),
            PERSON: ((total, size, size), np.uint8),
            GIVEN_HEAD: ((total, size, size), np.uint8),
            SEGMENTED: ((total,), np.uint8),
        },
        key,
    )
    done, first = store.done, 0
    with progress.bar("cutting and segmenting", total) as bar:
        bar.update(done)
        for video, track in zip(videos.files, tracks, strict=True):
            if first + len(track.selected) > done:
                for point, image in read_frames(video.path, track.selected):
                    index = first + point
                    if index < done:
                        continue
                    place = Place(video.name, int(track.selected[point]), plan.box)
                    _keep(store, index, plan, image, segmenter, place)
                    bar.update(1)
                    if (index + 1) % BLOCK == 0:
                        store.note(index + 1)
            first += len(track.selected)
    store.finish()


def _keep(
    store: GrowingArrays, index: int, plan: CropPlan, image: np.ndarray, segmenter: PersonSegmenter, place: Place
) -> None:
    part = plan.cut(image)
    store[FRAMES][index] = plan.shrink(part)
    mask = segmenter.segment(part, place)
    if mask is None:
        return
    store[PERSON][index] = _scaled(mask.person, plan)
    store[SEGMENTED][index] = 1
    if mask.head is not None:
        store[GIVEN_HEAD][index] = _scaled(mask.head, plan)
        store[SEGMENTED][index] = 2


def _scaled(mask: np.ndarray, plan: CropPlan) -> np.ndarray:
    how = cv2.INTER_AREA if plan.size <= len(mask) else cv2.INTER_LINEAR
    scaled = cv2.resize(mask, (plan.size, plan.size), interpolation=how)
    return np.round(np.clip(scaled, 0, 1) * 255).astype(np.uint8)
