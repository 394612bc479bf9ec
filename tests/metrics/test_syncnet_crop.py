"""The crops that SyncNet sees are those of its published pipeline, and so are the runs that are scored."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from visavox.metrics.syncnet_crop import face_runs, tracked_crop, whole_frame
from visavox.types import NUM_LANDMARKS, FrameStatus, Track


def make_track(boxes: np.ndarray, shots: np.ndarray | None = None) -> Track:
    """A face whose landmarks fill boxes (T, 4); rows of NaN are frames without it."""
    num = len(boxes)
    landmarks = np.zeros((num, NUM_LANDMARKS, 3), np.float32)
    landmarks[:, :, :2] = boxes[:, None, :2]
    landmarks[:, 1, :2] = boxes[:, 2:]
    landmarks[np.isnan(boxes).any(axis=1)] = np.nan
    status = np.where(np.isnan(boxes).any(axis=1), FrameStatus.ABSENT, FrameStatus.DETECTED).astype(np.uint8)
    return Track(
        landmarks=landmarks,
        status=status,
        shots=np.zeros(num, np.int32) if shots is None else shots.astype(np.int32),
        rotations=np.zeros((num, 3, 3), np.float32),
        translations=np.zeros((num, 3), np.float32),
        times=tuple(Fraction(index, 25) for index in range(num)),
        frame_size=(320, 240),
    )


def still(num: int) -> np.ndarray:
    return np.tile(np.array([100.0, 60, 160, 140]), (num, 1))


def bounds(track: Track) -> list[tuple[int, int]]:
    return [(run.start, run.stop) for run in face_runs(track, np.arange(track.num_frames))]


def published_crop(image: np.ndarray, x: float, y: float, half: float) -> np.ndarray:
    """The pipeline's own steps: a border of grey around the whole picture, then a slice of it."""
    border = int(half * 1.8)
    padded = np.pad(image, ((border, border), (border, border), (0, 0)), constant_values=110)
    row, column = y + border, x + border
    face = padded[int(row - half) : int(row + half * 1.8), int(column - half * 1.4) : int(column + half * 1.4)]
    return cv2.resize(face, (224, 224))


@pytest.mark.parametrize(
    "square", [(150.3, 110.8, 40.5), (12.0, 20.0, 33.3), (310.0, 235.0, 60.7), (160.0, 120.0, 150.0), (20.6, 100.2, 9)]
)
def test_the_crop_is_the_published_one(square: tuple[float, float, float]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    np.testing.assert_array_equal(tracked_crop(image, np.array(square)), published_crop(image, *square))


def test_a_face_out_of_the_picture_is_grey() -> None:
    assert (tracked_crop(np.zeros((50, 60, 3), np.uint8), np.array([400.0, 400.0, 20.0])) == 110).all()


def test_the_whole_frame_is_squeezed() -> None:
    picture = np.zeros((100, 400, 3), np.uint8)
    picture[:, :200] = 255
    squeezed = whole_frame(picture)
    assert squeezed.shape == (224, 224, 3)
    assert (squeezed[:, :110] == 255).all()
    assert (squeezed[:, 114:] == 0).all()


def test_squares_are_smoothed_by_a_median() -> None:
    boxes = still(120)
    boxes[60] += 30  # one wrong detection
    boxes[80:] += [10, 0, 10, 8]
    (run,) = face_runs(make_track(boxes), np.arange(120))
    assert np.allclose(run.squares[20:80], [130, 100, 40])
    assert np.allclose(run.squares[80:], [140, 104, 44])


def test_cuts_and_long_gaps_end_a_run_and_short_gaps_are_filled() -> None:
    boxes = still(400)
    boxes[50:74] = np.nan  # the next face comes 25 frames after the last
    boxes[180:205] = np.nan  # and here 26
    assert bounds(make_track(boxes)) == [(0, 180), (205, 400)]
    shots = np.arange(400) >= 290
    assert bounds(make_track(boxes, shots)) == [(0, 180), (290, 400)]  # 85 frames between gap and cut are too few
    boxes[0:3] = boxes[397:] = np.nan
    assert bounds(make_track(boxes)) == [(3, 180), (205, 397)]


def test_a_gap_is_filled_in_a_straight_line() -> None:
    boxes = still(150)
    boxes += np.arange(150)[:, None]
    gap = boxes.copy()
    gap[70:90] = np.nan
    runs = [face_runs(make_track(each), np.arange(150))[0].squares for each in (boxes, gap)]
    np.testing.assert_allclose(*runs, atol=1e-4)


def test_of_short_runs_the_longest_is_judged() -> None:
    boxes = still(100)
    boxes[20:50] = np.nan
    assert bounds(make_track(boxes)) == [(50, 100)]
    assert bounds(make_track(still(12))) == []
    assert bounds(make_track(np.full((40, 4), np.nan))) == []


def test_positions_count_frames_at_25_a_second() -> None:
    chosen = np.repeat(np.arange(75), 2)  # a video of 12.5 frames a second
    (run,) = face_runs(make_track(still(75)), chosen)
    assert (run.start, run.stop) == (0, 150)
