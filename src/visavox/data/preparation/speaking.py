"""Choice of the speaking face among several seen together."""

from __future__ import annotations

import numpy as np

from visavox.constants import FRAME_RATE
from visavox.data.preparation.lag import INDEPENDENT, lip_agreement
from visavox.data.preparation.quality import face_size
from visavox.data.preparation.stretches import Dropped, Fault, GridTrack, Stretch
from visavox.face.geometry.landmarks import mouth_opening

_CLEARLY = 2.0  # standard errors
_TOGETHER = FRAME_RATE // 2  # frames: faces that meet for less are not compared

Wanted = list[tuple[GridTrack, Stretch]]


def one_face_at_a_time(wanted: Wanted, mel: np.ndarray | None, lag: float) -> tuple[Wanted, list[Dropped]]:
    """Keep one of the faces wherever several are seen together: all have the same sound, but one speaks.

    The largest is kept, unless the lips of another agree with the sound clearly better. Where two take turns in
    one shot, the listener's part goes with the speaker's: such footage is better cut beforehand.

    Args:
        wanted: faces and their stretches.
        mel: float32 (80, M) of the sound; None without sound.
        lag: seconds to correct; negative: the sound comes late.

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
    return ours - theirs > _CLEARLY * np.sqrt(2 * INDEPENDENT / (stop - start))
