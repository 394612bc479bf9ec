"""From any frame rate to 25 frames a second, without blending and without touching the audio.

Image k of a clip is the source image nearest in time to k / 25 s; it is repeated or left out where the
rates differ. So no image is off by more than half the distance of two source images (17 ms at 30 a second), and
none is a mixture that no camera saw. On average images are neither early nor late, so sync is what it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from visavox.constants import FRAME_RATE


def nearest_frames(times: Sequence[Fraction], frame_rate: Fraction) -> np.ndarray:
    """Choose a source image for each point of the 25 fps grid.

    Args:
        times: when each source image is shown, in seconds from the first, ascending.
        frame_rate: source images a second (mean), which says how long the last one is shown.

    Returns:
        int64 (G,): index of the source image nearest to k / 25 s, the earlier one of equals, for every k whose
        time is covered.
    """
    if not times:
        return np.zeros(0, np.int64)
    end = times[-1] + 1 / frame_rate
    # The timestamps of a constant rate may be rounded to milliseconds: do not lose the last image to that.
    num_points = int((end + Fraction(1, 500)) * FRAME_RATE)
    indices = np.empty(num_points, np.int64)
    index = 0
    for point in range(num_points):
        time = Fraction(point, FRAME_RATE)
        while index + 1 < len(times) and abs(times[index + 1] - time) < abs(time - times[index]):
            index += 1
        indices[point] = index
    return indices


def distances(times: Sequence[Fraction], indices: np.ndarray) -> np.ndarray:
    """Return how far each chosen image lies from its point of the grid, float64 (G,), in seconds."""
    return np.array([abs(float(times[index]) - point / FRAME_RATE) for point, index in enumerate(indices)])
