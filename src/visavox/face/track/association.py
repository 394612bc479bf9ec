"""Association of the faces seen in a video with persons.

First faces of neighbouring frames are joined to tracklets by their positions. Then tracklets, of one or of several
shots, are joined to identities by their appearance; two that are in one frame together are two people.

Appearance is described by histograms of oriented gradients (Dalal and Triggs, "Histograms of Oriented Gradients for
Human Detection", 2005) of the upright inner face. They do not see brightness and contrast, and change little with the
mouth. Between clips of 59 news speakers and others (several clips each, from different days), 78 % of the pairs of one
speaker and 5 % of those of two lie under a distance of 2.5. This is no face recognition: use it between a handful of
faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from visavox.face.detect.face_model import Region, region_of_landmarks
from visavox.face.track.landmark_store import KeptLandmarks

SIZE = 64
"""Side of the image of the inner face, in pixels."""
INNER = 2 / 3
"""Its side over that of the region: hair and background stay out."""
CELL = 8
"""Side of a cell in pixels."""
NUM_DIRECTIONS = 9
"""Directions of gradients told apart, over half a turn."""
CLIP = 0.2
"""Largest part that one histogram entry may have in its block."""


def describe(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Describe the face with the given landmarks, (478, 3), in an image, uint8 RGB (H, W, 3): float16 (1764,)."""
    region = region_of_landmarks(landmarks)
    inner = Region(region.x, region.y, region.side * INNER, region.angle)
    gray = cv2.cvtColor(inner.cut_out(image, SIZE), cv2.COLOR_RGB2GRAY)
    # Local contrast, so that a light from the side does not count.
    gray = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(4, 4)).apply(gray)
    return _oriented_gradients(gray.astype(np.float32)).astype(np.float16)


def appearance_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Distance of two descriptions (1764,), or of means of some: below about 2.5 for one person, above for two."""
    return float(np.linalg.norm(first.astype(np.float32) - second.astype(np.float32)))


def _oriented_gradients(gray: np.ndarray) -> np.ndarray:
    gradient_x = np.gradient(gray, axis=1)
    gradient_y = np.gradient(gray, axis=0)
    strength = np.hypot(gradient_x, gradient_y)
    # Each gradient votes for its two nearest directions.
    position = np.mod(np.arctan2(gradient_y, gradient_x) / np.pi, 1.0) * NUM_DIRECTIONS - 0.5
    lower = np.floor(position)
    upper_share = position - lower
    votes = np.zeros((*gray.shape, NUM_DIRECTIONS), dtype=np.float32)
    rows, columns = np.indices(gray.shape)
    for direction, share in ((lower, 1 - upper_share), (lower + 1, upper_share)):
        votes[rows, columns, np.mod(direction, NUM_DIRECTIONS).astype(np.intp)] += strength * share
    # Two box filters make a triangle: each gradient votes for its nearest cells as well, by distance.
    smooth = cv2.blur(cv2.blur(votes, (CELL, CELL)), (CELL, CELL))
    cells = smooth[CELL // 2 :: CELL, CELL // 2 :: CELL]
    blocks = np.concatenate([cells[:-1, :-1], cells[:-1, 1:], cells[1:, :-1], cells[1:, 1:]], axis=-1)
    blocks = np.minimum(_unit(blocks), CLIP)
    return _unit(blocks).astype(np.float32).ravel()


def _unit(blocks: np.ndarray) -> np.ndarray:
    result: np.ndarray = blocks / (np.linalg.norm(blocks, axis=-1, keepdims=True) + 1e-3)
    return result


@dataclass(frozen=True)
class Sighting:
    """One face in one frame."""

    frame: int
    """Index of the frame."""
    kept: KeptLandmarks
    """Its landmarks."""
    score: float
    """Confidence of the tracker, 0-1."""
    appearance: np.ndarray | None
    """Its appearance, float16 (1764,) by `describe`, or None."""

    @property
    def landmarks(self) -> np.ndarray:
        """float32 (478, 3) in pixels, a new array each time."""
        return self.kept.decode()

    @property
    def center(self) -> np.ndarray:
        """Mean of the landmarks, (2,) in pixels."""
        result: np.ndarray = self.landmarks[:, :2].mean(axis=0)
        return result

    @property
    def size(self) -> float:
        """Longer side of the box around the landmarks, in pixels."""
        return float(np.ptp(self.landmarks[:, :2], axis=0).max())


@dataclass
class Tracklet:
    """Sightings of one face in one or, once joined, several stretches of the video, in order of time."""

    sightings: list[Sighting]
    shot: int
    """Shot of the last sighting."""
    num_described: int = 0
    """Sightings whose appearance is in the mean."""
    appearance_sum: np.ndarray | None = field(default=None, repr=False)
    """Sum of the appearances."""

    def add(self, sighting: Sighting) -> None:
        """Append a later sighting."""
        self.sightings.append(sighting)
        self._count(sighting)

    @classmethod
    def start(cls, sighting: Sighting, shot: int) -> Tracklet:
        """Begin with one sighting."""
        tracklet = cls([sighting], shot)
        tracklet._count(sighting)
        return tracklet

    @property
    def appearance(self) -> np.ndarray | None:
        """Mean appearance, float (1764,); None where none was described."""
        return None if self.appearance_sum is None else self.appearance_sum / self.num_described

    def _count(self, sighting: Sighting) -> None:
        if sighting.appearance is not None:
            total = self.appearance_sum
            seen = sighting.appearance.astype(np.float32)
            self.appearance_sum = seen if total is None else total + seen
            self.num_described += 1


MAX_JUMP = 0.5
"""Way between two neighbouring frames, over the size of the face, up to which it is the same one."""
MAX_GROWTH = 1.4
"""Growth or shrinkage between two sightings of a tracklet."""
JUMP_PER_LOST_FRAME = 0.1
"""By how much MAX_JUMP grows with each frame in which the face was not seen."""
MAX_LOST_FRAMES = 12
"""Frames without the face after which a tracklet ends."""
SAME_APPEARANCE = 2.5
"""Distance of mean appearances up to which two tracklets are one person's."""
SAME_APPEARANCE_NEAR = 3.1
"""The same where the one starts near the place, and in about the size, in which the other ended."""


def link_frames(frames: Sequence[Sequence[Sighting]], shots: np.ndarray) -> list[Tracklet]:
    """Join the sightings of neighbouring frames, never across a cut.

    Args:
        frames: for each frame the faces seen in it.
        shots: (T,) number of the shot of each frame.

    Returns:
        Tracklets, in order of their first frame.
    """
    finished: list[Tracklet] = []
    live: list[Tracklet] = []
    for index, sightings in enumerate(frames):
        still_live: list[Tracklet] = []
        for tracklet in live:
            lost = index - tracklet.sightings[-1].frame > MAX_LOST_FRAMES
            (finished if lost or tracklet.shot != shots[index] else still_live).append(tracklet)
        live = still_live
        taken = _assign(live, sightings)
        live += [
            Tracklet.start(sighting, int(shots[index]))
            for number, sighting in enumerate(sightings)
            if number not in taken
        ]
    return sorted(finished + live, key=lambda tracklet: tracklet.sightings[0].frame)


def join_tracklets(tracklets: Sequence[Tracklet]) -> list[Tracklet]:
    """Join the tracklets of one person: again and again the two most alike that are never seen together."""
    joined = list(tracklets)
    costs = np.full((len(joined), len(joined)), np.inf)
    for first in range(len(joined)):
        for second in range(first):
            costs[first, second] = _joining_cost(joined[first], joined[second])
    while costs.size and np.isfinite(costs).any():
        first, second = divmod(int(np.argmin(costs)), len(joined))
        joined[second] = _merge(joined[first], joined[second])
        # The other one leaves; all costs of the joined one are worked out again.
        costs[first, :] = costs[:, first] = np.inf
        joined[first] = Tracklet([], -1)
        for other in range(len(joined)):
            if other != second and joined[other].sightings:
                high, low = max(other, second), min(other, second)
                costs[high, low] = _joining_cost(joined[high], joined[low])
    return [tracklet for tracklet in joined if tracklet.sightings]


def _assign(live: list[Tracklet], sightings: Sequence[Sighting]) -> set[int]:
    """Give sightings to tracklets at the least total distance; the numbers of those that were given."""
    if not live or not sightings:
        return set()
    costs = np.array([[_jump(tracklet.sightings[-1], sighting) for sighting in sightings] for tracklet in live])
    unlikely = 1e3
    rows, columns = linear_sum_assignment(np.minimum(costs, unlikely))
    taken = set()
    for row, column in zip(rows, columns, strict=True):
        if costs[row, column] < unlikely:
            live[row].add(sightings[column])
            taken.add(int(column))
    return taken


def _jump(last: Sighting, sighting: Sighting) -> float:
    """Way between two sightings over the size of the face; infinite if too far for one face."""
    lost = sighting.frame - last.frame - 1
    size = max(last.size, sighting.size)
    way = float(np.linalg.norm(sighting.landmarks[:, :2] - last.landmarks[:, :2], axis=1).mean()) / size
    grows = size / min(last.size, sighting.size) > MAX_GROWTH + JUMP_PER_LOST_FRAME * lost
    return np.inf if grows or way > MAX_JUMP + JUMP_PER_LOST_FRAME * lost else way


def _joining_cost(first: Tracklet, second: Tracklet) -> float:
    """Compute the difference of two tracklets over the allowed one; infinite if they cannot be one person's."""
    if first.appearance is None or second.appearance is None or _overlap(first, second):
        return np.inf
    distance = appearance_distance(first.appearance, second.appearance)
    limit = SAME_APPEARANCE_NEAR if _is_near(first, second) else SAME_APPEARANCE
    return distance / limit if distance < limit else np.inf


def _overlap(first: Tracklet, second: Tracklet) -> bool:
    frames = {sighting.frame for sighting in first.sightings}
    return any(sighting.frame in frames for sighting in second.sightings)


def _is_near(first: Tracklet, second: Tracklet) -> bool:
    """Return True if one begins about where the other ended."""
    earlier, later = sorted((first, second), key=lambda tracklet: tracklet.sightings[0].frame)
    begin = later.sightings[0]
    before = [sighting for sighting in earlier.sightings if sighting.frame < begin.frame]
    if not before:
        return False
    end = before[-1]
    size = max(end.size, begin.size)
    return bool(np.linalg.norm(end.center - begin.center) < size and size < 1.5 * min(end.size, begin.size))


def _merge(first: Tracklet, second: Tracklet) -> Tracklet:
    sightings = sorted(first.sightings + second.sightings, key=lambda sighting: sighting.frame)
    sums = [part.appearance_sum for part in (first, second) if part.appearance_sum is not None]
    last = max((first, second), key=lambda tracklet: tracklet.sightings[-1].frame)
    return Tracklet(sightings, last.shot, first.num_described + second.num_described, sum(sums[1:], start=sums[0]))
