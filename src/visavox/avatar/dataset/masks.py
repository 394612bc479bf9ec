"""From the person's rough outline to what is head and what is torso, with edges as soft as they are.

The outline comes from the segmentation network or from masks of one's own, its edge from the colours (`matting`).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from visavox.avatar.dataset.background import Plate
from visavox.avatar.dataset.crop_plan import CropPlan
from visavox.avatar.dataset.pictures import GIVEN_HEAD, PERSON, SEGMENTED
from visavox.avatar.dataset.torso_picture import paint_torso
from visavox.avatar.dataset.tracking import PersonTrack, stretches
from visavox.avatar.speak.matting import matte
from visavox.data.radiance.person_data import FRAMES, HEAD_MASK, TORSO, TORSO_MASK
from visavox.face.geometry.landmarks import FACE_OVAL, head_region
from visavox.progress import Progress
from visavox.runtime.growing_arrays import GrowingArrays

LANDMARK_SMOOTHING = 1.0
"""Standard deviation, in frames, with which the landmarks that draw the border of the head are smoothed."""
LEAST_FACE = 0.8
"""Least share of the face that must count as person; with less the segmentation has failed."""
WORKED = "work/worked.npy"
"""uint8 (T,): 1 where a frame could be taken apart: the face is known, and the face is person."""
BLOCK = 250
"""Frames from one note of the progress to the next."""


def smooth_landmarks(track: PersonTrack) -> np.ndarray:
    """Smooth the landmarks within every stretch of time; NaN stays where a frame has none: float32 (T, 478, 3)."""
    smooth = np.full_like(track.landmarks, np.nan)
    labels = 2 * track.stretch + track.seen
    for start, stop in stretches(labels):
        if track.seen[start]:
            part = track.landmarks[start:stop]
            smooth[start:stop] = gaussian_filter1d(part, LANDMARK_SMOOTHING, axis=0, mode="nearest")
    return smooth


def steady(person: np.ndarray, index: int, stretch: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mean of a frame's mask and its known neighbours' of the same stretch, 1:2:1: float32 (H, W) in [0, 1]."""
    total, weight = 2 * person[index].astype(np.float32), 2.0
    for other in (index - 1, index + 1):
        if 0 <= other < len(person) and stretch[other] == stretch[index] and known[other]:
            total += person[other]
            weight += 1
    return total / (255 * weight)


def take_apart(folder: Path, track: PersonTrack, plan: CropPlan, plate: Plate, key: str, progress: Progress) -> None:
    """Write the masks of head and torso, and the pictures of the torso; a job that was ended goes on."""
    frames = np.load(folder / FRAMES, mmap_mode="r")
    rough = {name: np.load(folder / name, mmap_mode="r") for name in (PERSON, GIVEN_HEAD, SEGMENTED)}
    count, size = len(frames), plan.size
    store = GrowingArrays(
        folder,
        {
            HEAD_MASK: ((count, size, size), np.uint8),
            TORSO_MASK: ((count, size, size), np.uint8),
            TORSO: ((count, size, size, 4), np.uint8),
            WORKED: ((count,), np.uint8),
        },
        key,
    )
    landmarks = plan.to_crop(smooth_landmarks(track))
    with progress.bar("head and torso", count) as bar:
        bar.update(store.done)
        for index in range(store.done, count):
            if track.seen[index] and rough[SEGMENTED][index]:
                given = rough[GIVEN_HEAD][index] if rough[SEGMENTED][index] == 2 else None
                person = steady(rough[PERSON], index, track.stretch, rough[SEGMENTED])
                _take_frame_apart(store, index, np.asarray(frames[index]), person, given, landmarks[index], plate)
            bar.update(1)
            if (index + 1) % BLOCK == 0:
                store.note(index + 1)
    store.finish()


def _take_frame_apart(
    store: GrowingArrays,
    index: int,
    image: np.ndarray,
    person: np.ndarray,
    given: np.ndarray | None,
    landmarks: np.ndarray,
    plate: Plate,
) -> None:
    if _face_share(person, landmarks) < LEAST_FACE:
        return
    size = len(person)
    cutout = matte(image, person, plate)
    if given is None:
        head = cutout.person * head_region(landmarks, (size, size))
    else:
        head = np.minimum(cutout.person, given.astype(np.float32) / 255)
    whole = np.round(cutout.person * 255)
    head_levels = np.minimum(np.round(head * 255), whole)
    store[HEAD_MASK][index] = head_levels
    store[TORSO_MASK][index] = whole - head_levels
    store[TORSO][index] = paint_torso(cutout.color, whole / 255, head_levels / 255)
    store[WORKED][index] = 1


def _face_share(person: np.ndarray, landmarks: np.ndarray) -> float:
    """Mean of a mask inside the outline of the face, as far as it lies in the picture; 0 where it does not."""
    face = np.zeros(person.shape, dtype=np.uint8)
    cv2.fillConvexPoly(face, np.round(landmarks[list(FACE_OVAL), :2]).astype(np.int32), 1)
    area = int(face.sum())
    return float((person * face).sum() / area) if area else 0.0
