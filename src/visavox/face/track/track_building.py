"""From the sightings of one person to a Track: every frame gets landmarks, a status and a pose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Annotated

import numpy as np

from visavox.face.geometry import facing, head_angles
from visavox.face.geometry.pose import head_pose
from visavox.face.track.association import Sighting
from visavox.face.track.landmark_store import LANDMARK_STEP
from visavox.runtime.ranges import Range, check_ranges
from visavox.types import NUM_LANDMARKS, FrameStatus, Track

MAX_GAP_MOVE = 1.0
"""Way over a gap, in sizes of the face, beyond which nothing is interpolated."""
BORDER_MARGIN = 0.05
"""Distance from the border, in sizes of the face, under which a face that is lost has left the frame."""


@dataclass(frozen=True)
class StatusSettings:
    """Limits by which a frame counts as seen, filled in, or turned away."""

    max_gap: Annotated[float, Range(minimum=0, unit="s", lowest="nothing is interpolated")] = 0.2
    """Longest gap, in seconds, over which landmarks are interpolated, never across a cut nor beside the border of the
    frame. A longer one is most often a face that is covered, or gone."""
    max_yaw: Annotated[float, Range(above=0, maximum=180, unit="degrees")] = 55.0
    """Degrees that a head may turn to the side and still be rendered."""
    max_pitch: Annotated[float, Range(above=0, maximum=180, unit="degrees")] = 45.0
    """Degrees that a head may look up or down."""
    hysteresis: Annotated[float, Range(minimum=0, unit="degrees")] = 5.0
    """Degrees by which a head that was turned away must come back inside the limits."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)


def build_track(
    sightings: Iterable[Sighting],
    *,
    shots: np.ndarray,
    times: tuple[Fraction, ...],
    frame_size: tuple[int, int],
    settings: StatusSettings,
) -> Track:
    """Put the sightings of one person into a track of all T frames of the video.

    Args:
        sightings: at most one for a frame; read once, so that each can be freed when the next is asked for.
        shots: int32 (T,).
        times: of the T frames, in seconds.
        frame_size: width and height in pixels.
        settings: see `StatusSettings`.
    """
    # Not filled beforehand: memory that is not written yet takes no room, while the sightings still do.
    landmarks = np.empty((len(times), NUM_LANDMARKS, 3), dtype=np.float32)
    status = np.full(len(times), FrameStatus.ABSENT, dtype=np.uint8)
    for sighting in sightings:
        landmarks[sighting.frame] = sighting.landmarks
        status[sighting.frame] = FrameStatus.DETECTED
    landmarks[status == FrameStatus.ABSENT] = np.nan
    fill_gaps(landmarks, status, shots=shots, times=times, frame_size=frame_size, max_gap=settings.max_gap)
    for start in range(0, len(landmarks), 512):  # in parts: the temporaries stay small
        part = landmarks[start : start + 512]
        part[...] = np.round(part / LANDMARK_STEP) * LANDMARK_STEP
    rotations, translations = head_pose(landmarks, frame_size)
    status[is_turned_away(facing(rotations, translations), shots, settings) & (status != FrameStatus.ABSENT)] = (
        FrameStatus.TURNED_AWAY
    )
    return Track(landmarks, status, shots, rotations, translations, times, frame_size)


def fill_gaps(
    landmarks: np.ndarray,
    status: np.ndarray,
    *,
    shots: np.ndarray,
    times: tuple[Fraction, ...],
    frame_size: tuple[int, int],
    max_gap: float,
) -> None:
    """Interpolate landmarks, (T, 478, 3), over short gaps between frames of one shot, in place."""
    known = np.flatnonzero(status == FrameStatus.DETECTED)
    for before, after in pairwise(known):
        gap = float(times[after] - times[before])
        if after - before == 1 or gap > max_gap or shots[before] != shots[after]:
            continue
        first, last = landmarks[before], landmarks[after]
        size = np.ptp(first[:, :2], axis=0).max()
        if np.linalg.norm(last[:, :2] - first[:, :2], axis=1).mean() > MAX_GAP_MOVE * size:
            continue
        if _at_border(first, frame_size) or _at_border(last, frame_size):
            continue
        for index in range(before + 1, after):
            share = float(times[index] - times[before]) / gap
            landmarks[index] = (1 - share) * first + share * last
            status[index] = FrameStatus.INTERPOLATED


def _at_border(landmarks: np.ndarray, frame_size: tuple[int, int]) -> bool:
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    margin = BORDER_MARGIN * (high - low).max()
    return bool((low < margin).any() or (high > np.array(frame_size) - 1 - margin).any())


def is_turned_away(rotations: np.ndarray, shots: np.ndarray, settings: StatusSettings) -> np.ndarray:
    """Find the heads, (T, 3, 3) as of `facing`, turned too far away: bool (T,), without flicker at the limit."""
    yaw, pitch, _ = np.nan_to_num(np.abs(head_angles(rotations))).T
    beyond = (yaw > settings.max_yaw) | (pitch > settings.max_pitch)
    near = (yaw > settings.max_yaw - settings.hysteresis) | (pitch > settings.max_pitch - settings.hysteresis)
    away = np.zeros(len(rotations), dtype=bool)
    for index in range(len(away)):
        continues = index > 0 and away[index - 1] and shots[index] == shots[index - 1]
        away[index] = beyond[index] or (continues and near[index])
    return away
