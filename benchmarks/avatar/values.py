"""Drawn frames of a held-out part against the true ones."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from benchmarks.avatar.drives import Stretch
from visavox.avatar.build.evaluation import METRICS, beside_truth, compare
from visavox.avatar.speak.compositing import Backdrop
from visavox.avatar.speak.job import Avatar
from visavox.avatar.speak.renderer import Renderer
from visavox.data.radiance import PersonData, frame_geometry
from visavox.face.geometry.landmarks import mouth_opening
from visavox.face.track.tracker import FaceTracker, open_tracker
from visavox.losses import PatchDistance
from visavox.metrics.curves import pool_curves
from visavox.metrics.flicker import FlickerMeter
from visavox.metrics.landmark_distance import landmark_distance
from visavox.training.radiance import mean_known
from visavox.types import HeadPose

TRACKED_SIDE = 384
"""Side, pixels, that images are enlarged to at least before a face is tracked in them."""


@dataclass
class Tally:
    """What was found of the frames of one line of the table, added up."""

    pictures: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in METRICS})
    """Values of each frame."""
    distances: list[float] = field(default_factory=list)
    """Landmark distance of each frame in which both faces were found."""
    openings: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    """Lip openings of each stretch, drawn and true; NaN where no face was found, or the frame does not count."""
    energies: list[tuple[float, float]] = field(default_factory=list)
    """Root of the energy of the second difference in time of each stretch, drawn and true."""
    seconds: list[float] = field(default_factory=list)
    """For drawing one frame."""

    def values(self) -> dict[str, float]:
        """Return means; NaN where nothing was found."""
        pooled = pool_curves(self.openings) if self.openings else None
        drawn, true = (float(np.sqrt(np.mean(np.square(part)))) for part in zip(*self.energies, strict=True))
        tracked = sum(int(np.isfinite(one).sum()) for one, _ in self.openings)
        return {
            **{name: mean_known(values) for name, values in self.pictures.items()},
            "lmd": mean_known(self.distances),
            "opening_r": pooled.correlation if pooled else math.nan,
            "opening_lag": float(pooled.best_lag) if pooled and math.isfinite(pooled.correlation) else math.nan,
            "opening_gain": pooled.gain if pooled else math.nan,
            "flicker": drawn / true if true > 0 else math.nan,
            "tracked": float(tracked),
            "milliseconds": 1000 * float(np.median(self.seconds)) if self.seconds else math.nan,
        }


class Meter:
    """Compares images of a person with the true ones.

    Args:
        data: the person.
        judge: compares mouths as a network that knows faces sees them.
    """

    def __init__(self, data: PersonData, judge: PatchDistance) -> None:
        self._data, self._judge = data, judge
        self._mouths = frame_geometry(data).mouth
        self._tracker = open_tracker(max_faces=1)
        self._true: dict[int, np.ndarray] = {}

    def add(self, tally: Tally, stretch: Stretch, drawn: Sequence[np.ndarray] | None) -> None:
        """Measure the images of a stretch, uint8 (H, W, 3) each; None for the true ones themselves."""
        frames = np.arange(stretch.start, stretch.start + stretch.num_frames)
        true = [np.array(self._data.frames[frame]) for frame in frames]
        if stretch.start not in self._true:
            self._true[stretch.start] = track(self._tracker, true)
        known = self._true[stretch.start]
        faces = known if drawn is None else track(self._tracker, drawn)
        drawn = true if drawn is None else drawn
        for frame, picture, counts in zip(frames, drawn, stretch.usable, strict=True):
            if counts:
                painted = beside_truth(self._data, int(frame), picture)
                for name, value in compare(painted, self._judge, self._mouths[frame]).items():
                    tally.pictures[name].append(value)
        distance = np.where(stretch.usable, landmark_distance(faces, known), np.nan)
        tally.distances += distance[np.isfinite(distance)].tolist()
        openings = [np.where(stretch.usable, mouth_opening(each), np.nan) for each in (faces, known)]
        tally.openings.append((openings[0], openings[1]))
        box = _still_box(self._mouths[frames], self._data.size)
        tally.energies.append((_flicker(drawn, box), _flicker(true, box)))


def track(tracker: FaceTracker, pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Find the face in images that follow one another.

    Args:
        tracker: follows faces.
        images: uint8 (S, S, 3) each; they are enlarged to `TRACKED_SIDE` or more, by a whole number.

    Returns:
        float32 (T, 478, 3), pixels of the enlarged images; NaN where no face was found.
    """
    found = np.full((len(pictures), 478, 3), np.nan, np.float32)
    tracker.reset()
    for number, picture in enumerate(pictures):
        factor = enlargement(len(picture))
        large = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        seen = tracker.observe(large)
        if seen:
            found[number] = max(seen, key=lambda face: face.score).landmarks
    return found


def enlargement(side: int) -> int:
    """By how much an image of a side is enlarged for the tracker."""
    return -(-TRACKED_SIDE // side)


class Painter:
    """Draws frames of an avatar at the size of its footage, before its own scene."""

    def __init__(self, avatar: Avatar) -> None:
        self._renderer = Renderer(avatar.parts, avatar.parts.info.size, avatar.device)
        self._backdrop = Backdrop(avatar.parts.background)

    def draw(self, displacements: np.ndarray, pose: HeadPose, frame: int) -> np.ndarray:
        """Draw one frame of displacements (T, 68, 3) and the pose of the same T frames: uint8 (H, W, 3)."""
        return self._backdrop.put(self._renderer.render(displacements, pose, frame))

    def draw_all(self, stretch: Stretch, displacements: np.ndarray, tally: Tally) -> list[np.ndarray]:
        """Draw all frames of a stretch from displacements, with its true pose; the tally takes the time of each."""
        pictures = []
        for frame in range(stretch.num_frames):
            begin = time.perf_counter()
            pictures.append(self.draw(displacements, stretch.pose, frame))
            tally.seconds.append(time.perf_counter() - begin)
        return pictures


def _still_box(boxes: np.ndarray, size: int) -> tuple[slice, slice]:
    """Rows and columns of the box that stands still where the boxes (T, 4) are on average; two pixels at least."""
    x0, y0, x1, y1 = np.clip(boxes.mean(axis=0).round().astype(int), 0, size)
    top, left = min(y0, size - 2), min(x0, size - 2)
    return slice(top, max(y1, top + 2)), slice(left, max(x1, left + 2))


def _flicker(pictures: Sequence[np.ndarray], box: tuple[slice, slice]) -> float:
    meter = FlickerMeter()
    for picture in pictures:
        meter.add(picture[box])
    return meter.root_energy
