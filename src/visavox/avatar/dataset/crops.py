"""The crops of all frames, and what in them is the person: one pass over the video."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from visavox.avatar.dataset.camera import CropPlan
from visavox.avatar.dataset.tracking import PersonVideos, VideoTrack, read_frames
from visavox.data.radiance.person_data import FRAMES
from visavox.face.detect.segmentation import PersonSegmenter, Place
from visavox.progress import Progress
from visavox.runtime.growing_arrays import GrowingArrays

PERSON = "work/person.npy"
"""uint8 (T, S, S): how much of a pixel is the person, as the segmenter said, frame by frame."""
GIVEN_HEAD = "work/given_head.npy"
"""uint8 (T, S, S): how much of a pixel is head, where the segmenter told."""
SEGMENTED = "work/segmented.npy"
"""uint8 (T,): 0 nothing is known of the frame, 1 the person is known, 2 the head too."""

BLOCK = 250
"""Frames from one note of the progress to the next."""


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
