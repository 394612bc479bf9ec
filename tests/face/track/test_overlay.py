from fractions import Fraction

import numpy as np

from visavox.face.track.overlay import draw_overlay
from visavox.face.track.tracker import RegionTracker
from visavox.face.track.tracking import track_frames
from visavox.types import Frame, FrameStatus


def test_the_overlay_shows_the_face_and_leaves_the_picture_alone(
    tracker: RegionTracker, speaker: list[np.ndarray]
) -> None:
    (track,) = track_frames(
        [Frame(speaker[0], Fraction(0), 0), Frame(speaker[1], Fraction(1), 1)], tracker, frame_size=(360, 288)
    )
    before = speaker[0].copy()
    drawn = draw_overlay(speaker[0], [track], 0)
    np.testing.assert_array_equal(speaker[0], before)
    assert drawn.shape == before.shape
    changed = np.argwhere((drawn != before).any(axis=2))
    x0, y0, x1, y1 = track.boxes[0]
    inside = (
        (changed[:, 1] >= x0 - 2) & (changed[:, 1] <= x1 + 2) & (changed[:, 0] >= y0 - 2) & (changed[:, 0] <= y1 + 2)
    )
    assert inside.sum() > 800
    # Around the face nothing but the two labels.
    rest = changed[~inside]
    assert ((rest[:, 0] < 30) | ((rest[:, 0] > y1) & (rest[:, 0] < y1 + 30))).all()
    lips = track.landmarks[0, [61, 291, 17, 0], :2].round().astype(int)
    assert all((drawn[y, x] != before[y, x]).any() for x, y in lips)


def test_a_frame_without_the_face_shows_only_its_number(tracker: RegionTracker, speaker: list[np.ndarray]) -> None:
    (track,) = track_frames([Frame(speaker[0], Fraction(0), 0)], tracker, frame_size=(360, 288))
    track.status[0] = FrameStatus.ABSENT
    drawn = draw_overlay(speaker[0], [track], 0)
    assert (drawn[30:] == speaker[0][30:]).all()
    assert (drawn[:30] != speaker[0][:30]).any()
    np.testing.assert_array_equal(draw_overlay(speaker[0], [], 0), speaker[0])
