"""What is learned from and what is measured on: the last part in time is kept back."""

from __future__ import annotations

import numpy as np

from visavox.avatar.dataset.tracking import stretches

Intervals = list[list[int]]

NEAR_JOINT = 0.02
"""How far, as a share of all frames, the border may move to fall on a joint of videos or a cut."""


def split_in_time(stretch: np.ndarray, test_share: float) -> dict[str, Intervals]:
    """Divide the frames at one point in time.

    Args:
        stretch: (T,): number of the stretch of time that each frame belongs to.
        test_share: share of the frames that go to the test part.

    Returns:
        `train` and `test`: intervals [start, stop) that never cross a joint.
    """
    count = len(stretch)
    border = min(max(1, round(count * (1 - test_share))), count - 1)
    joints = np.array([start for start, _ in stretches(stretch)][1:], dtype=np.int64)
    if len(joints):
        nearest = int(joints[np.abs(joints - border).argmin()])
        if abs(nearest - border) <= NEAR_JOINT * count:
            border = nearest
    parts: dict[str, Intervals] = {"train": [], "test": []}
    for start, stop in stretches(stretch):
        if start < border:
            parts["train"].append([start, min(stop, border)])
        if stop > border:
            parts["test"].append([max(start, border), stop])
    return parts
