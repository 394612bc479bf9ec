import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data

from visavox.errors import InputError
from visavox.face.geometry.landmarks import eye_distance, mouth_opening
from visavox.face.geometry.pose import mirror_indices
from visavox.face.track.tracker import RegionTracker, TrackerSettings, open_tracker


def error_in_eye_distances(found: np.ndarray, expected: np.ndarray) -> np.float64:
    result: np.float64 = np.linalg.norm(found[:, :2] - expected[:, :2], axis=1).mean() / eye_distance(expected)
    return result


def carried(landmarks: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.concatenate([landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2], landmarks[:, 2:]], axis=1)


def test_landmarks_of_the_bundled_clip_lie_on_the_face(fresh_tracker: RegionTracker, speaker: list[np.ndarray]) -> None:
    (face,) = fresh_tracker.observe(speaker[0])
    assert face.landmarks.shape == (478, 3)
    assert face.landmarks.dtype == np.float32
    assert face.score > 0.95
    # Read off the picture by eye: corners of the eyes and of the mouth, tip of the nose.
    for index, place in {33: (147, 153), 263: (216, 153), 1: (180, 185), 61: (164, 210), 291: (200, 210)}.items():
        assert np.hypot(*(face.landmarks[index, :2] - place)) < 5, index


def test_the_mouth_opens_and_shuts(fresh_tracker: RegionTracker, speaker: list[np.ndarray]) -> None:
    openings = [float(mouth_opening(fresh_tracker.observe(image)[0].landmarks)) for image in speaker]
    assert min(openings[:8]) < 0.02
    assert max(openings) > 0.05


@pytest.mark.parametrize(
    ("scale", "angle", "tolerance"),
    [(1.7, 0, 0.02), (1.0, 25, 0.02), (1.0, -80, 0.02), (1.3, 180, 0.02), (0.4, 0, 0.03)],
)
def test_landmarks_follow_scale_and_turn(
    fresh_tracker: RegionTracker,
    speaker: list[np.ndarray],
    place: Callable[..., tuple[np.ndarray, np.ndarray]],
    scale: float,
    angle: int,
    tolerance: float,
) -> None:
    (plain,) = fresh_tracker.observe(speaker[0])
    picture, matrix = place(speaker[0], (320, 240), scale, angle)
    fresh_tracker.reset()
    (moved,) = fresh_tracker.observe(picture)
    assert error_in_eye_distances(moved.landmarks, carried(plain.landmarks, matrix)) < tolerance


def test_landmarks_of_a_mirrored_picture_are_mirrored(fresh_tracker: RegionTracker, speaker: list[np.ndarray]) -> None:
    (plain,) = fresh_tracker.observe(speaker[0])
    fresh_tracker.reset()
    (mirrored,) = fresh_tracker.observe(np.ascontiguousarray(speaker[0][:, ::-1]))
    expected = plain.landmarks[mirror_indices()] * [-1, 1, 1] + [speaker[0].shape[1] - 1, 0, 0]
    assert error_in_eye_distances(mirrored.landmarks, expected) < 0.02
    # A whole pixel is the centre of a pixel in both: no bias of half a pixel to one side.
    assert abs((mirrored.landmarks - expected)[:, 0].mean()) < 0.25


@pytest.mark.parametrize("height", [36, 60, 110])
def test_small_faces_in_large_pictures_are_found(
    fresh_tracker: RegionTracker,
    speaker: list[np.ndarray],
    place: Callable[..., tuple[np.ndarray, np.ndarray]],
    height: int,
) -> None:
    picture, _ = place(speaker[0], (1390, 300), height / 132, size=(1920, 1080))
    (face,) = fresh_tracker.observe(picture)
    assert np.ptp(face.landmarks[:, 1]) == pytest.approx(height, rel=0.1)


def test_faces_below_the_least_size_are_left_alone(
    fresh_tracker: RegionTracker, speaker: list[np.ndarray], place: Callable[..., tuple[np.ndarray, np.ndarray]]
) -> None:
    picture, _ = place(speaker[0], (300, 200), 15 / 132)
    assert fresh_tracker.observe(picture) == []


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "colorwheel"])
def test_pictures_without_people_have_no_face(fresh_tracker: RegionTracker, name: str) -> None:
    picture = np.ascontiguousarray(getattr(skimage.data, name)()[..., :3])
    assert fresh_tracker.observe(picture) == []


def test_a_new_face_is_found_while_another_is_followed(
    fresh_tracker: RegionTracker, speaker: list[np.ndarray], portrait_frame: np.ndarray
) -> None:
    alone = np.hstack([speaker[0], np.full_like(portrait_frame, 60)])
    both = np.hstack([speaker[0], portrait_frame])
    assert len(fresh_tracker.observe(alone)) == 1
    counts = [len(fresh_tracker.observe(both)) for _ in range(25)]
    assert counts[-1] == 2


def test_a_face_that_goes_is_not_reported_any_more(fresh_tracker: RegionTracker, speaker: list[np.ndarray]) -> None:
    assert len(fresh_tracker.observe(speaker[0])) == 1
    assert fresh_tracker.observe(np.full_like(speaker[0], 128)) == []
    assert len(fresh_tracker.observe(speaker[1])) == 1


def test_at_most_so_many_faces(speaker: list[np.ndarray], portrait_frame: np.ndarray) -> None:
    with open_tracker(max_faces=1) as single:
        assert len(single.observe(np.hstack([speaker[0], portrait_frame]))) == 1


@pytest.mark.parametrize(("box", "left"), [((100, 60, 260, 270), True), ((460, 30, 600, 200), False)])
def test_a_box_chooses_the_face(
    speaker: list[np.ndarray], portrait_frame: np.ndarray, box: tuple[int, int, int, int], left: bool
) -> None:
    with open_tracker(face_box=box) as boxed:
        (face,) = boxed.observe(np.hstack([speaker[0], portrait_frame]))
    assert (face.landmarks[:, 0].mean() < 360) == left


def test_other_than_uint8_rgb_is_refused(fresh_tracker: RegionTracker, speaker: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="float64"):
        fresh_tracker.observe(speaker[0] / 255.0)
    with pytest.raises(ValueError, match=r"\(288, 360\)"):
        fresh_tracker.observe(speaker[0][..., 0])


@pytest.mark.parametrize(
    "wrong", [{"max_faces": 0}, {"min_score": 0.0}, {"min_new_score": 0.2}, {"search_interval": 0}]
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        TrackerSettings(**wrong)


def test_the_libraries_beneath_say_nothing_in_a_process_of_our_own(tmp_path: Path, speaker: list[np.ndarray]) -> None:
    picture = tmp_path / "face.npy"
    np.save(picture, speaker[0])
    program = (
        "import sys, numpy\n"
        "from visavox.face.track.tracker import open_tracker\n"
        "from visavox.runtime.native_libraries import own_process\n"
        "own_process()\n"
        "with open_tracker() as tracker:\n"
        "    print(len(tracker.observe(numpy.load(sys.argv[1]))))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(picture)], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
    assert done.stderr == ""
