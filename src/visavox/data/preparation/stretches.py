"""Stretches of a video that are worth cutting out: one face each, whole, in view, and speaking."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np

from visavox.constants import FRAME_RATE
from visavox.data.preparation.lag import INDEPENDENT, lip_agreement
from visavox.data.preparation.quality import face_size, mouth_in_image
from visavox.data.preparation.settings import QualitySettings
from visavox.face.geometry.landmarks import mouth_opening
from visavox.face.geometry.pose import head_angles
from visavox.types import FrameStatus, Track


class Fault(StrEnum):
    """The reason why a stretch of video is not used; the text is what reports say."""

    NO_FACE = "no face"
    TURNED_AWAY = "face turned away"
    OUTSIDE = "mouth outside the picture"
    HOLE = "pictures are missing"
    NO_AUDIO = "no sound"
    TOO_SHORT = "too short"
    TOO_SMALL = "face too small"
    LOST = "face lost too often"
    STILL = "mouth does not move"
    BLURRED = "face blurred"
    COVERED = "mouth covered"
    OTHER = "another face speaks or is larger"
    LOW_RATE = "too few frames a second"


_CODES = list(Fault)


@dataclass(frozen=True)
class Stretch:
    """Consecutive images of the 25 fps grid that show one face in one shot."""

    start: int
    """First point of the grid."""
    stop: int
    """Behind the last point."""
    shot: int = 0
    """Number of the shot in the video."""

    @property
    def num_frames(self) -> int:
        """Number of images."""
        return self.stop - self.start


@dataclass(frozen=True)
class Dropped:
    """A stretch that is not used."""

    start: int
    """First point of the grid."""
    stop: int
    """Behind the last point."""
    fault: Fault
    """The reason."""
    value: float | None = None
    """The figure that was too large or too small, where it is one."""
    face: int | None = None
    """Number of the face; None where it concerns the whole image."""


@dataclass(frozen=True)
class GridTrack:
    """A face as the 25 fps grid of its video sees it, G points."""

    track: Track
    """The face, frame by frame of the video."""
    indices: np.ndarray
    """int64 (G,): the frame of the video at each point of the grid."""
    landmarks: np.ndarray
    """float32 (G, 478, 3) in pixels of the video."""
    shots: np.ndarray
    """int32 (G,): number of the shot."""

    @classmethod
    def of(cls, track: Track, indices: np.ndarray) -> GridTrack:
        """Pick frames of a track, `indices` (G,) being their indices."""
        return cls(track, indices, track.landmarks[indices], track.shots[indices])


def frame_faults(grid: GridTrack, is_hole: np.ndarray, audio: tuple[int, int], settings: QualitySettings) -> np.ndarray:
    """Say for each point of the grid what is wrong with it.

    Args:
        grid: the face.
        is_hole: bool (G,), points to which no image of the video is near.
        audio: first point with audio, and behind the last.
        settings: the limits.

    Returns:
        int8 (G,): -1 where nothing is wrong, else the position of a Fault in the list of all.
    """
    status = grid.track.status[grid.indices]
    present = status != FrameStatus.ABSENT
    yaw, pitch, _ = np.nan_to_num(np.abs(head_angles(grid.track.rotations[grid.indices]))).T
    turned = (yaw > settings.maximum_yaw) | (pitch > settings.maximum_pitch) | (status == FrameStatus.TURNED_AWAY)
    outside = ~mouth_in_image(np.nan_to_num(grid.landmarks, nan=-1.0), grid.track.frame_size)
    points = np.arange(len(status))
    silent = (points < audio[0]) | (points >= audio[1])
    faults = np.full(len(status), -1, np.int8)
    for fault, where in (
        (Fault.NO_AUDIO, silent),
        (Fault.OUTSIDE, outside),
        (Fault.TURNED_AWAY, turned),
        (Fault.HOLE, is_hole),
        (Fault.NO_FACE, ~present),  # the last one that applies is the one that is named
    ):
        faults[where] = _CODES.index(fault)
    return faults


def find_stretches(
    grid: GridTrack, faults: np.ndarray, settings: QualitySettings
) -> tuple[list[Stretch], list[Dropped]]:
    """Cut a face's time at cuts and faults, and check each piece.

    Args:
        grid: the face.
        faults: int8 (G,), of `frame_faults`.
        settings: the limits.

    Returns:
        the stretches worth cutting out, none longer than allowed, and all others with what is wrong with them
        (except where the face is absent: whether that is a loss depends on the other faces).
    """
    kept: list[Stretch] = []
    dropped: list[Dropped] = []
    face = grid.track.face_id
    for start, stop in runs_of_equals(faults, grid.shots):
        code = int(faults[start])
        if code >= 0:
            if _CODES[code] is not Fault.NO_FACE:
                dropped.append(Dropped(start, stop, _CODES[code], face=face))
            continue
        fault = _find_fault(grid, start, stop, settings)
        if fault is not None:
            dropped.append(Dropped(start, stop, fault[0], fault[1], face))
            continue
        shot = int(grid.shots[start])
        kept += [Stretch(first, last, shot) for first, last in divide(start, stop, settings.maximum_seconds)]
    return kept, dropped


def faceless_stretches(all_faults: list[np.ndarray], num_points: int) -> list[Dropped]:
    """Return the stretches in which none of the faces is in the image.

    Args:
        all_faults: of each face int8 (G,), of `frame_faults`.
        num_points: G, points of the grid.
    """
    empty = np.ones(num_points, bool)
    for faults in all_faults:
        empty &= faults == _CODES.index(Fault.NO_FACE)
    one_shot = np.zeros(num_points, np.int8)
    return [Dropped(start, stop, Fault.NO_FACE) for start, stop in runs_of_equals(empty, one_shot) if empty[start]]


def runs_of_equals(values: np.ndarray, shots: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of the runs in which neither the value (G,) nor the shot (G,) changes."""
    if len(values) == 0:
        return
    changes = np.flatnonzero((values[1:] != values[:-1]) | (shots[1:] != shots[:-1])) + 1
    edges = [0, *changes.tolist(), len(values)]
    yield from pairwise(edges)


def divide(start: int, stop: int, maximum_seconds: float) -> list[tuple[int, int]]:
    """Divide a range into the fewest nearly equal parts of at most `maximum_seconds` each."""
    longest = int(maximum_seconds * FRAME_RATE)
    count = -(-(stop - start) // longest)
    edges = [start + (stop - start) * part // count for part in range(count + 1)]
    return list(pairwise(edges))


def _find_fault(grid: GridTrack, start: int, stop: int, settings: QualitySettings) -> tuple[Fault, float] | None:
    """Find what is wrong with a stretch as a whole, with the value that tells; None if nothing is."""
    seconds = (stop - start) / FRAME_RATE
    if seconds < settings.minimum_seconds:
        return Fault.TOO_SHORT, seconds
    landmarks = grid.landmarks[start:stop]
    size = float(np.median(face_size(landmarks)))
    if size < settings.minimum_face:
        return Fault.TOO_SMALL, size
    lost = float((grid.track.status[grid.indices[start:stop]] == FrameStatus.INTERPOLATED).mean())
    if lost > settings.maximum_lost:
        return Fault.LOST, lost
    motion = float(mouth_opening(landmarks).std())
    if motion < settings.minimum_motion:
        return Fault.STILL, motion
    return None


_CLEARLY = 2.0  # standard errors
_TOGETHER = FRAME_RATE // 2  # frames: faces that meet for less are not compared

Wanted = list[tuple[GridTrack, Stretch]]


def one_face_at_a_time(wanted: Wanted, mel: np.ndarray | None, lag: float) -> tuple[Wanted, list[Dropped]]:
    """Keep one of the faces wherever several are seen together: all have the same audio, but one speaks.

    The largest is kept, unless the lips of another agree with the audio clearly better. Where two take turns in
    one shot, the listener's part goes with the speaker's: such a video is better cut beforehand.

    Args:
        wanted: faces and their stretches.
        mel: float32 (80, M) of the audio; None without audio.
        lag: seconds to correct; negative: the audio comes late.

    Returns:
        What is kept, in the order given, and what is dropped.
    """
    by_size = sorted(range(len(wanted)), key=lambda index: _size(*wanted[index]), reverse=True)
    kept: list[int] = []
    lost: set[int] = set()
    for index in by_size:
        rivals = [other for other in kept if _together(wanted[index][1], wanted[other][1])]
        if all(_speaks_rather(wanted[index], wanted[other], mel, lag) for other in rivals):
            lost |= set(rivals)
            kept = [other for other in kept if other not in rivals] + [index]
        else:
            lost.add(index)
    dropped = [
        Dropped(wanted[index][1].start, wanted[index][1].stop, Fault.OTHER, face=wanted[index][0].track.face_id)
        for index in sorted(lost)
    ]
    return [wanted[index] for index in sorted(kept)], dropped


def _size(grid: GridTrack, stretch: Stretch) -> float:
    return float(np.median(face_size(grid.landmarks[stretch.start : stretch.stop])))


def _together(first: Stretch, second: Stretch) -> bool:
    return min(first.stop, second.stop) - max(first.start, second.start) >= _TOGETHER


def _speaks_rather(
    candidate: tuple[GridTrack, Stretch], rival: tuple[GridTrack, Stretch], mel: np.ndarray | None, lag: float
) -> bool:
    """Return True if a face's lips agree with the audio clearly better than another's, while both are seen."""
    if mel is None:
        return False
    start = max(candidate[1].start, rival[1].start)
    stop = min(candidate[1].stop, rival[1].stop)
    ours, theirs = (
        lip_agreement(mel, start, mouth_opening(grid.landmarks[start:stop]), lag) for grid, _ in (candidate, rival)
    )
    # Standard error of the difference of two correlations of n independent pairs each.
    return ours - theirs > _CLEARLY * math.sqrt(2 * INDEPENDENT / (stop - start))
