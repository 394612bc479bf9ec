"""The empty scene behind the person, and the person cut out of it.

The scene is taken, pixel by pixel, from frames in which the person does not stand before it. Where it is known, the
colour near the edge of a rough outline says how far a pixel lies between scene and person; the outline itself, of a
segmentation network or of a radiance field, is right to a pixel or two.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from visavox.progress import Progress

SAMPLES = 120
"""Frames that are looked at, evenly over the video."""
ROOM = 0.03
"""Distance from the person, in sides of the image, from which on a pixel counts as background: hair, shadows and the
blur of motion reach a little beyond the mask."""
CLOSE_ROOM = 0.01
"""Distance for pixels that were never seen further away; they count if they look like what is around them."""
AGREEMENT = 14.0
"""Grey levels by which these may differ from it, beside three times the noise."""
LEAST_SIGHTINGS = 3
"""Times that a pixel must have been seen so."""
GUESS_REACH = 0.05
"""Distance from what was seen, in sides of the image, over which what was filled in loses all credit."""
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
        return np.asarray(np.clip(1 - distance / (GUESS_REACH * len(self.seen)), 0, 1), np.float32)


def clean_plate(frames: np.ndarray, person: np.ndarray, usable: np.ndarray, progress: Progress) -> Plate:
    """Take for each pixel the median over the frames in which the person is far enough from it.

    Args:
        frames: uint8 (T, H, W, 3).
        person: uint8 (T, H, W), 255 is all person.
        usable: bool (T,): frames whose mask is to be believed.
        progress: takes the events.
    """
    height, width = frames.shape[1:3]
    known = np.flatnonzero(usable)
    selected = known[np.unique(np.linspace(0, len(known) - 1, SAMPLES).round().astype(np.intp))]
    distance = np.stack([_distance_from_person(person[index]) for index in selected])
    distant, close = np.zeros((2, height, width, 3), dtype=np.float32)
    seen, seen_close = np.zeros((2, height, width), dtype=bool)
    deviations = []
    for top in progress.track(range(0, height, ROWS), "the empty scene", unit="row"):
        rows = slice(top, top + ROWS)
        samples = np.stack([frames[index, rows] for index in selected])  # (K, r, W, 3)
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


_SURE = 0.25
"""Share of a coarser pixel that has to be known for its mean to count as known."""


def fill_unknown(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Fill in the unknown parts of an image by a pyramid of weighted means (pull-push).

    Gortler, Grzeszczuk, Szeliski, Cohen: "The Lumigraph", SIGGRAPH 1996, section 3.4. Near what is known the result is
    like it; far away it is a mean of what is around.

    Args:
        image: float32 (H, W, C).
        weight: float32 (H, W) in [0, 1]: how well each pixel is known.

    Returns:
        float32 (H, W, C): known pixels as they were, mixed by their weight with what was filled in.
    """
    height, width = weight.shape
    if height == 1 and width == 1:
        return image.copy()
    smaller = ((width + 1) // 2, (height + 1) // 2)
    mass = cv2.resize(weight, smaller, interpolation=cv2.INTER_AREA)
    color = cv2.resize(image * weight[..., None], smaller, interpolation=cv2.INTER_AREA).reshape(*mass.shape, -1)
    mean = color / np.maximum(mass, 1e-8)[..., None]
    known = np.minimum(mass / _SURE, 1.0)
    coarse = fill_unknown(mean, known)
    guess = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(image.shape)
    return np.asarray(image * weight[..., None] + guess * (1 - weight[..., None]))


BAND = 0.025
"""Half width of the band around the person's edge in which colour decides, in sides of the image."""
CONTRAST = (18.0, 60.0)
"""Distance of the person's colour from the scene's, in grey levels, under which the network alone decides and over
which the colour alone."""


@dataclass(frozen=True)
class Cutout:
    """One frame, taken apart."""

    person: np.ndarray
    """float32 (H, W) in [0, 1]."""
    color: np.ndarray
    """float32 (H, W, 3), 0-255: the person's own colour, without the scene that shines through at the edge."""


def matte(image: np.ndarray, person: np.ndarray, plate: Plate) -> Cutout:
    """Refine the edge of a person before a known scene.

    Args:
        image: uint8 (H, W, 3).
        person: float32 (H, W), the rough outline.
        plate: the scene.
    """
    reach = 2 * max(1, round(BAND * len(person))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    inside = cv2.erode((person > 0.5).astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE)
    around = cv2.dilate((person > 0.5).astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE)
    colors = image.astype(np.float32)
    own = fill_unknown(colors, inside.astype(np.float32))
    scene = plate.image.astype(np.float32)
    way = own - scene
    contrast = np.linalg.norm(way, axis=-1)
    share = ((colors - scene) * way).sum(axis=-1) / np.maximum(contrast**2, 1.0)
    # What lies within the noise of the camera is scene, or person, altogether.
    slack = np.minimum(3 * plate.noise / np.maximum(contrast, 1.0), 0.2)
    share = np.clip((share - slack) / (1 - 2 * slack), 0, 1)
    low, high = CONTRAST
    trust = np.clip((contrast - low) / (high - low), 0, 1) * plate.credit
    alpha = np.where(inside > 0, 1.0, np.where(around > 0, trust * share + (1 - trust) * person, 0.0))
    # The person's colour: what is left of the pixel when the scene's share is taken away.
    unmixed = (colors - (1 - alpha[..., None]) * scene) / np.maximum(alpha, 0.1)[..., None]
    sure = np.clip((alpha - 0.15) / 0.35, 0, 1)[..., None]
    color = sure * np.clip(unmixed, 0, 255) + (1 - sure) * own
    return Cutout(alpha.astype(np.float32), color.astype(np.float32))
