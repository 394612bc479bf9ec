"""Following faces from frame to frame.

`open_tracker` gives the best tracker that is installed; whatever offers the methods of `FaceTracker` can take
its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.metadata import version
from types import TracebackType
from typing import Annotated, Protocol, Self

import numpy as np

from visavox.errors import InputError
from visavox.face.detect.face_model import Closeable, Detection, FaceModel, Observation, Region, region_of_landmarks
from visavox.face.detect.search import FaceSearch
from visavox.face.geometry import FaceBox, eye_distance
from visavox.face.geometry.face_box import is_inside
from visavox.runtime.native_libraries import mark_used
from visavox.runtime.ranges import Range, check_ranges

__all__ = ["FaceTracker", "Observation", "RegionTracker", "TrackerSettings", "open_tracker"]


@dataclass(frozen=True)
class TrackerSettings:
    """Settings of finding and following faces."""

    max_faces: Annotated[int, Range(minimum=1)] = 4
    """Most faces followed at a time; with 1, no further face is looked for while there is one."""
    min_score: Annotated[float, Range(above=0, below=1)] = 0.5
    """Least confidence, 0-1, with which a face that is followed counts as seen."""
    min_new_score: Annotated[float, Range(above=0, below=1)] = 0.93
    """Least confidence, 0-1, with which a face is taken up. Higher, since much looks like a face at first sight."""
    search_interval: Annotated[int, Range(minimum=1, unit="frames")] = 10
    """Frames between two looks for further faces while some face is followed."""
    min_face_size: float = 24.0
    """Smallest face worth following: longer side of the box around its landmarks, in pixels."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)
        if not self.min_score <= self.min_new_score:
            raise InputError(
                f"min_score and min_new_score are {self.min_score} and {self.min_new_score}; give a first that is not "
                "above the second"
            )


class FaceTracker(Closeable, Protocol):
    """Follows faces through the frames of one video, given in order. Usable as a context manager."""

    def observe(self, image: np.ndarray) -> list[Observation]:
        """Find the faces in the next frame, uint8 RGB (H, W, 3), in no particular order."""
        ...

    def reset(self) -> None:
        """Say that the next frame does not continue the last one."""
        ...


class RegionTracker:
    """Looks for each face where it was in the last frame, and from time to time for others.

    Args:
        model: the networks.
        settings: see `TrackerSettings`.
        face_box: follow only the face that is found inside this box, x0, y0, x1, y1 in pixels.
    """

    def __init__(
        self, model: FaceModel, settings: TrackerSettings | None = None, face_box: FaceBox | None = None
    ) -> None:
        self._model = model
        self._settings = settings or TrackerSettings()
        self._face_box = face_box
        if face_box is not None:
            self._settings = replace(self._settings, max_faces=1)
        self._search = FaceSearch(model, face_box)
        self._followed: list[Observation] = []
        self._frames_since_search = 0
        self._is_restarting = True

    def observe(self, image: np.ndarray) -> list[Observation]:
        """Find the faces in the next frame, uint8 RGB (H, W, 3), those already followed first."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"the frame has shape {image.shape} and type {image.dtype}; expected uint8 (H, W, 3)")
        regions = [region_of_landmarks(observation.landmarks) for observation in self._followed]
        if self._is_restarting:
            # After a cut a face may happen to be where another was: what is found independently goes first.
            seen = self._search_everywhere(image)
            seen += self._measure_new(image, regions, seen, self._settings.min_new_score)
        else:
            seen = self._measure_new(image, regions, [], self._settings.min_score)
            lost = len(seen) < len(self._followed)
            due = not seen or lost or self._frames_since_search >= self._settings.search_interval
            if due and len(seen) < self._settings.max_faces:
                for finds in self._search.once(image, has_face=bool(seen)):
                    seen += self._measure_finds(image, finds, seen)
                self._frames_since_search = 0
        self._frames_since_search += 1
        self._is_restarting = False
        self._followed = seen
        return list(seen)

    def reset(self) -> None:
        """Say that the next frame does not continue the last one."""
        self._is_restarting = True

    def close(self) -> None:
        """Free the networks."""
        self._model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _search_everywhere(self, image: np.ndarray) -> list[Observation]:
        self._frames_since_search = 0
        seen: list[Observation] = []
        for finds in self._search.everywhere(image):
            seen += self._measure_finds(image, finds, seen)
            if len(seen) >= self._settings.max_faces:
                return seen
        if not seen:
            for finds in self._search.harder(image):
                seen += self._measure_finds(image, finds, seen)
                if seen:
                    break
        return seen

    def _measure_finds(
        self, image: np.ndarray, finds: Iterable[Detection], known: list[Observation]
    ) -> list[Observation]:
        """Measure the faces of detections that do not lie on a known face, and lie in the box if there is one."""
        regions = [
            find.region
            for find in finds
            if not any(_covers(observation, find.region.x, find.region.y) for observation in known)
        ]
        if self._face_box is None:
            return self._measure_new(image, regions, known, self._settings.min_new_score)
        # Not all at once: the first that turns out to lie in the box is the one.
        for region in regions:
            for observation in self._measure_new(image, [region], known, self._settings.min_new_score):
                if is_inside(self._face_box, *observation.landmarks[:, :2].mean(axis=0)):
                    return [observation]
        return []

    def _measure_new(
        self, image: np.ndarray, regions: Iterable[Region], known: list[Observation], min_score: float
    ) -> list[Observation]:
        """Measure the faces in regions; leave out those that are among the known or were just measured."""
        new: list[Observation] = []
        for region in regions:
            if len(known) + len(new) >= self._settings.max_faces:
                break
            observation = self._measure(image, region, min_score)
            if observation is not None and not any(_same_face(observation, other) for other in known + new):
                new.append(observation)
        return new

    def _measure(self, image: np.ndarray, region: Region, min_score: float) -> Observation | None:
        """Measure one face, again where it turns out to lie far from the middle of the region."""
        observation = self._model.measure(image, region)
        for _ in range(MAX_MEASUREMENTS - 1):
            if observation is None:
                return None
            better = region_of_landmarks(observation.landmarks)
            if _close(region, better):
                break
            region = better
            observation = self._model.measure(image, region)
        if observation is None:
            return None
        size = np.ptp(observation.landmarks[:, :2], axis=0).max()
        return observation if observation.score >= min_score and size >= self._settings.min_face_size else None


MAX_MEASUREMENTS = 3
"""Times that the mesh is fitted to one face in one frame before the result is taken as it is."""
MAX_SHIFT, MAX_SCALE, MAX_TURN = 0.08, 1.12, 0.15
"""Distance (in sides), change of size and turn (radians) by which a face may differ from the middle of
the region in which it was measured. Off by so much, the mesh is off by under 1 % of the eye distance."""


def open_tracker(
    max_faces: int = 4, settings: TrackerSettings | None = None, face_box: FaceBox | None = None
) -> RegionTracker:
    """Open the best face tracker that is installed.

    Args:
        max_faces: most faces followed at a time; ignored where `settings` are given.
        settings: see `TrackerSettings`.
        face_box: follow only the face that is found inside this box, x0, y0, x1, y1 in pixels.

    Raises:
        InputError: no tracker is installed, or its networks can be neither found nor fetched.
    """
    return RegionTracker(open_face_model(), settings or TrackerSettings(max_faces=max_faces), face_box)


def open_face_model() -> FaceModel:
    """Open the face networks: those in the wheel of mediapipe 0.10.21, else the published task file.

    Raises:
        InputError: as `open_tracker`.
    """
    from visavox.face.detect.mediapipe_models import MediapipeMesh

    mark_used("the face tracker")
    try:
        return MediapipeMesh()
    except ImportError:
        from visavox.face.detect.mediapipe_models import open_mediapipe_task

        return open_mediapipe_task()
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        # What mediapipe 0.10.21 raises beside protobuf 5.29 and 7.36, each in its own way.
        raise InputError(
            f"mediapipe {version('mediapipe')} does not run beside protobuf {version('protobuf')} "
            f"({str(error).splitlines()[0][:80]}): pip install protobuf==6.33.0"
        ) from error


def _close(region: Region, better: Region) -> bool:
    shift = np.hypot(better.x - region.x, better.y - region.y) / better.side
    scale = max(region.side / better.side, better.side / region.side)
    turn = abs(np.angle(np.exp(1j * (better.angle - region.angle))))
    return bool(shift < MAX_SHIFT and scale < MAX_SCALE and turn < MAX_TURN)


def _covers(observation: Observation, x: float, y: float) -> bool:
    low, high = observation.landmarks[:, :2].min(axis=0), observation.landmarks[:, :2].max(axis=0)
    return bool(low[0] <= x <= high[0] and low[1] <= y <= high[1])


def _same_face(first: Observation, second: Observation) -> bool:
    """Return True if two meshes lie on one face: the mean distance of their points is under half an eye distance."""
    distance = np.linalg.norm(first.landmarks[:, :2] - second.landmarks[:, :2], axis=1).mean()
    sizes = [max(float(eye_distance(one.landmarks)), 0.3 * np.ptp(one.landmarks[:, 1])) for one in (first, second)]
    return bool(distance < 0.5 * max(sizes))
