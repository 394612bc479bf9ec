"""Whether the camera stood still, judged by what lies beside the person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from visavox.avatar.dataset.tracking import THUMBNAIL_WIDTH, VideoTrack

MOST_THUMBNAILS = 400
"""Small pictures that are looked at, evenly over the footage."""
CORNERS = 12
"""Corners that a background must have for its motion to be measured."""
PERSON_WIDTH, PERSON_TOP = 1.1, 1.0
"""How far beside and above the face, in its widths and heights, a head may reach."""
SHOULDERS = 2.0
"""How far to each side, in widths of the face, shoulders may reach."""
LIGHT = 15.0
"""Grey levels by which a scene may become lighter or darker and still be the same."""
LEAST_BACKGROUND = 0.05
"""Least share of the picture that has to be background to be judged."""


@dataclass(frozen=True)
class CameraMotion:
    """What the background does."""

    shift: float | None
    """Largest way of the background from its middle place (98th percentile), in widths of the picture; None where it
    has nothing to be measured by."""
    difference: float | None
    """Largest mean difference from its median picture (98th percentile), in grey levels; slight changes of the light do
    not count; None where too little of the scene is seen."""


def camera_motion(videos: Sequence[VideoTrack], frame_size: tuple[int, int]) -> CameraMotion:
    """Compare the small pictures of all videos."""
    images, boxes = _collect(videos, frame_size)
    background = np.ones(images.shape[1:], dtype=bool)
    for box in boxes:
        _take_out_person(background, box)
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
    # What is shown without the person is masked anyhow. Where nobody is seen at all, everything is judged.
    found = [one for one in found if one[1]] or found
    found = found[:: max(1, len(found) // MOST_THUMBNAILS)]
    return np.stack([image for image, _ in found]), [box for _, some in found for box in some]


def _take_out_person(background: np.ndarray, box: np.ndarray) -> None:
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
    """Follow corners of the background from the reference into each picture (Lucas and Kanade, 1981)."""
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
    return float(np.percentile(ways, 98)) / reference.shape[1]


def _is_textured(image: np.ndarray, corners: np.ndarray) -> bool:
    """Whether the corners are more than noise: the picture changes by some grey levels around half of them."""
    spread = cv2.morphologyEx(image, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8))
    columns, rows = np.round(corners[:, 0]).astype(int).T
    values = spread[np.clip(rows, 0, image.shape[0] - 1), np.clip(columns, 0, image.shape[1] - 1)]
    return bool(np.median(values) >= 20)
