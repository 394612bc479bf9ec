"""The empty scene behind the person, from frames in which they do not stand before it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from visavox.avatar.dataset.fill import fill_unknown
from visavox.progress import Progress

SAMPLES = 120
"""Frames that are looked at, evenly over the footage."""
ROOM = 0.03
"""Distance from the person, in sides of the picture, from which on a pixel counts as background: hair, shadows and the
blur of motion reach a little beyond the mask."""
CLOSE_ROOM = 0.01
"""Distance for pixels that were never seen further away; they count if they look like what is around them."""
AGREEMENT = 14.0
"""Grey levels by which these may differ from it, beside three times the noise."""
LEAST_SIGHTINGS = 3
"""Times that a pixel must have been seen so."""
GUESS_REACH = 0.05
"""Distance from what was seen, in sides of the picture, over which what was filled in loses all credit."""
ROWS = 16
"""Rows worked on at a time, which bounds the memory."""


@dataclass(frozen=True)
class Plate:
    """The scene without the person."""

    image: np.ndarray
    """uint8 (H, W, 3), RGB."""
    seen: np.ndarray
    """bool (H, W): pixels that were seen empty; the others were filled in from around them."""
    noise: float
    """Median distance of a seen pixel from the plate, in grey levels: the noise of camera and light."""

    @property
    def credit(self) -> np.ndarray:
        """float32 (H, W): 1 where the scene was seen, and less the further away from that it was filled in."""
        distance = cv2.distanceTransform((~self.seen).astype(np.uint8), cv2.DIST_L2, 3)
        return np.clip(1 - distance / (GUESS_REACH * len(self.seen)), 0, 1).astype(np.float32)


def clean_plate(frames: np.ndarray, person: np.ndarray, usable: np.ndarray, progress: Progress) -> Plate:
    """Take for each pixel the median over the frames in which the person is far enough from it.

    Args:
        frames: uint8 (T, H, W, 3).
        person: uint8 (T, H, W), 255 is all person.
        usable: bool (T,): frames whose mask is to be believed.
        progress: where to show how far it is.
    """
    height, width = frames.shape[1:3]
    known = np.flatnonzero(usable)
    chosen = known[np.unique(np.linspace(0, len(known) - 1, SAMPLES).round().astype(np.intp))]
    distance = np.stack([_distance_from_person(person[index]) for index in chosen])
    distant, close = np.zeros((2, height, width, 3), dtype=np.float32)
    seen, seen_close = np.zeros((2, height, width), dtype=bool)
    deviations = []
    for top in progress.track(range(0, height, ROWS), "the empty scene", unit="row"):
        rows = slice(top, top + ROWS)
        samples = np.stack([frames[index, rows] for index in chosen])  # (K, r, W, 3)
        wanted = distance[:, rows] >= max(2.0, ROOM * width)
        distant[rows], seen[rows] = _median(samples, wanted)
        close[rows], seen_close[rows] = _median(samples, distance[:, rows] >= max(1.0, CLOSE_ROOM * width))
        deviations.append(np.abs(samples - distant[rows]).mean(axis=-1)[wanted & seen[rows]])
    noise = float(np.median(np.concatenate(deviations))) if seen.any() else 0.0
    # Close to the person a sighting may be a lock of hair: it has to look like the scene around.
    expected = fill_unknown(distant, seen.astype(np.float32))
    agrees = np.abs(close - expected).max(axis=-1) <= AGREEMENT + 3 * noise
    taken = seen_close & ~seen & agrees
    plate = np.where(taken[..., None], close, distant)
    seen |= taken
    filled = fill_unknown(plate, seen.astype(np.float32))
    return Plate(np.round(np.clip(filled, 0, 255)).astype(np.uint8), seen, noise)


def _distance_from_person(person: np.ndarray) -> np.ndarray:
    """Distance in pixels of each pixel from the nearest that is more than a quarter person: float16 (H, W)."""
    empty = (person < 64).astype(np.uint8)
    return cv2.distanceTransform(empty, cv2.DIST_L2, 3).astype(np.float16)


def _median(samples: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median of the wanted samples (K, H, W, 3) of each pixel, and whether there are enough of them."""
    masked = np.ma.array(samples, mask=np.broadcast_to(~wanted[..., None], samples.shape))
    enough = wanted.sum(axis=0) >= min(LEAST_SIGHTINGS, len(samples))
    return np.ma.median(masked, axis=0).filled(0).astype(np.float32), enough
