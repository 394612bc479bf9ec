"""Head and torso of every frame, from the rough outline of the person, with edges as soft as they are.

The outline comes from the segmentation network or from masks of one's own, its edge from the colours (`background`).

The torso is kept with the head removed. What lies behind the chin is never seen; a renderer of the torso has to show
something there all the same, or a gap appears as soon as the head moves. The neck's upper rows are drawn upwards, a
little darker with every row as in the shadow of the chin (GeneFace and AD-NeRF do alike), under the head only.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from visavox.avatar.dataset.background import Plate, fill_unknown, matte
from visavox.avatar.dataset.camera import GIVEN_HEAD, PERSON, SEGMENTED, CropPlan
from visavox.avatar.dataset.tracking import PersonTrack, stretches
from visavox.data.radiance import FRAMES, HEAD_MASK, TORSO, TORSO_MASK
from visavox.face.geometry import head_region
from visavox.face.geometry.landmarks import FACE_OVAL
from visavox.progress import Progress
from visavox.runtime.array_file import GrowingArrays

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
    return np.asarray(total / (255 * weight))


def segment_person(
    folder: Path, track: PersonTrack, plan: CropPlan, plate: Plate, key: str, progress: Progress
) -> None:
    """Write the masks of head and torso, and the images of the torso; a job that was ended goes on."""
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
                _segment_frame(store, index, np.asarray(frames[index]), person, given, landmarks[index], plate)
            bar.update(1)
            if (index + 1) % BLOCK == 0:
                store.note(index + 1)
    store.finish()


def _segment_frame(
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
    store[TORSO][index] = inpaint_torso(cutout.color, whole / 255, head_levels / 255)
    store[WORKED][index] = 1


def _face_share(person: np.ndarray, landmarks: np.ndarray) -> float:
    """Mean of a mask inside the outline of the face, as far as it lies in the image; 0 where it does not."""
    face = np.zeros(person.shape, dtype=np.uint8)
    cv2.fillConvexPoly(face, np.round(landmarks[list(FACE_OVAL), :2]).astype(np.int32), 1)
    area = int(face.sum())
    return float((person * face).sum() / area) if area else 0.0


REACH = 0.06
"""Height above the corners of the jaw to which the neck goes on behind the head, in sides of the image."""
FADE = 0.04
"""Over how much of that, at its end, it fades."""
SURE = 0.5
"""Share of torso from which on a pixel's own colour is kept. Under the head's soft border it holds something of the
chin's shadow; with a higher share the seam shows (mean error there 4.8 grey levels at 0.95, 1.1 at 0.5)."""
DARKENING = 0.98
"""Factor of the colour for each 1/512 of the image upwards, as in GeneFace."""
SOURCE_ROWS = 0.012
"""Height of the strip of neck whose colour goes on, in sides of the image."""
SMOOTHING = 0.012
"""Standard deviation, in sides of the image, with which that colour is smoothed from column to column."""


def inpaint_torso(color: np.ndarray, person: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Return the torso of one frame with the head removed and the neck drawn on behind it.

    Args:
        color: float32 (H, W, 3), 0-255: the person's colour in every pixel.
        person: float32 (H, W) in [0, 1].
        head: float32 (H, W) in [0, 1], at most `person`.

    Returns:
        uint8 (H, W, 4), RGB and alpha. Where nothing is, the colour goes on and alpha is 0.
    """
    torso = person - head
    size = len(torso)
    sure = (torso > SURE).astype(np.uint8)
    top = _top_rows(sure, head)
    columns = np.flatnonzero(top >= 0)
    alpha = torso.copy()
    image, known = color.copy(), sure.astype(np.float32)
    if len(columns):
        strip = _strip_colors(color, sure, top, columns, max(2, round(SOURCE_ROWS * size)))
        above = top[None, :] - np.arange(size)[:, None]  # (H, W): rows above the first sure one
        ceiling = float(np.percentile(top[columns], 5)) - REACH * size
        rise = np.arange(size)[:, None] - ceiling  # (H, 1): rows below the end of the neck
        behind = (above > 0) & (rise > 0) & (top >= 0)[None, :]
        # The rows that shine through the head's soft border are as bright as the neck, or a dark line would show.
        shade = DARKENING ** (np.maximum(above - _border(size), 0) * (512 / size))
        drawn = np.zeros_like(color)
        drawn[:, columns] = strip[None]
        image = np.where(behind[..., None], drawn * shade[..., None], image)
        known = np.maximum(known, behind).astype(np.float32)
        fade = np.clip(rise / max(1.0, FADE * size), 0, 1)
        # The head's soft border reaches a little into the neck below.
        covered = (above > -_border(size)) & (rise > 0) & (top >= 0)[None, :]
        alpha = np.where(covered, np.maximum(alpha, person * fade), alpha)
        image = _soften(image, behind, sure, max(0.5, SMOOTHING * size))
    image = np.where(((alpha > 0.02) | (known > 0))[..., None], image, fill_unknown(image, known))
    return np.concatenate(
        [np.round(np.clip(image, 0, 255)), np.round(np.clip(alpha, 0, 1) * 255)[..., None]], axis=-1
    ).astype(np.uint8)


def _top_rows(sure: np.ndarray, head: np.ndarray) -> np.ndarray:
    """For each column the highest row of sure torso that lies right under the head; -1 where there is none: (W,)."""
    size = len(sure)
    top = np.where(sure.any(axis=0), sure.argmax(axis=0), -1)
    columns = np.arange(sure.shape[1])
    under = np.zeros(len(top), dtype=bool)
    for rise in range(1, _border(size) + 1):
        row = top - rise
        under |= (row >= 0) & (head[np.maximum(row, 0), columns] > 0.5)
    return np.where((top >= 0) & under, top, -1)


def _border(size: int) -> int:
    """Rows that the soft border of the head takes up at most."""
    return max(2, round(0.03 * size))


def _strip_colors(color: np.ndarray, sure: np.ndarray, top: np.ndarray, columns: np.ndarray, rows: int) -> np.ndarray:
    """Mean colour of the first rows of torso in each column, smoothed over neighbouring columns: (n, 3)."""
    size = len(color)
    picked = np.minimum(top[columns][:, None] + np.arange(rows), size - 1)  # (n, rows)
    weight = sure[picked, columns[:, None]].astype(np.float32)[..., None]
    mean = (color[picked, columns[:, None]] * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-6)
    return np.asarray(gaussian_filter1d(mean, max(0.5, SMOOTHING * size), axis=0, mode="nearest"))


def _soften(image: np.ndarray, behind: np.ndarray, sure: np.ndarray, sigma: float) -> np.ndarray:
    """Blur what was drawn, so that columns do not show as stripes; the rest stays as it is.

    Only neck is mixed with neck: nothing of the head comes in.
    """
    neck = (behind | (sure > 0)).astype(np.float32)[..., None]
    mass = cv2.GaussianBlur(neck, (0, 0), sigma)[..., None]
    blurred = cv2.GaussianBlur(image * neck, (0, 0), sigma) / np.maximum(mass, 1e-3)
    edge = cv2.GaussianBlur(behind.astype(np.float32), (0, 0), sigma)[..., None] * behind[..., None]
    return np.asarray(image + edge * (blurred - image))
