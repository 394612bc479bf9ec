from collections.abc import Callable

import numpy as np

from visavox.face.track.association import (
    Sighting,
    Tracklet,
    appearance_distance,
    describe,
    join_tracklets,
    link_frames,
)
from visavox.face.track.landmark_store import LandmarkStore
from visavox.face.track.tracker import RegionTracker

SHAPE = np.random.default_rng(0).uniform(-50, 50, (478, 3)).astype(np.float32)
ANNE, BEN = np.zeros(8, np.float32), np.full(8, 5, np.float32)


def sighting(frame: int, x: int, y: float = 100.0, size: float = 1.0, appearance: np.ndarray | None = ANNE) -> Sighting:
    landmarks = SHAPE * np.float32(size) + np.array([x, y, 0], np.float32)
    return Sighting(frame, LandmarkStore().keep(landmarks), 1.0, appearance)


def one_shot(frames: list[list[Sighting]]) -> np.ndarray:
    return np.zeros(len(frames), dtype=np.int32)


def frames_of(tracklet: Tracklet) -> list[int]:
    return [item.frame for item in tracklet.sightings]


def test_neighbouring_faces_keep_apart_whatever_their_order() -> None:
    frames = [
        [sighting(0, 100), sighting(0, 300)],
        [sighting(1, 302), sighting(1, 101)],
        [sighting(2, 102), sighting(2, 304)],
    ]
    left, right = sorted(link_frames(frames, one_shot(frames)), key=lambda tracklet: tracklet.sightings[0].center[0])
    assert [round(float(item.center[0] - left.sightings[0].center[0])) for item in left.sightings] == [0, 1, 2]
    assert [round(float(item.center[0] - right.sightings[0].center[0])) for item in right.sightings] == [0, 2, 4]


def test_a_face_is_found_again_after_a_few_frames() -> None:
    frames = [[sighting(0, 100)], [], [], [sighting(3, 110)]]
    (tracklet,) = link_frames(frames, one_shot(frames))
    assert frames_of(tracklet) == [0, 3]


def test_a_jump_or_a_change_of_size_ends_a_tracklet() -> None:
    far = [[sighting(0, 100)], [sighting(1, 300)]]
    assert len(link_frames(far, one_shot(far))) == 2
    large = [[sighting(0, 100)], [sighting(1, 100, size=2.0)]]
    assert len(link_frames(large, one_shot(large))) == 2


def test_nothing_is_linked_over_a_cut() -> None:
    frames = [[sighting(0, 100)], [sighting(1, 100)]]
    assert len(link_frames(frames, np.array([0, 1]))) == 2


def test_people_are_recognised_after_a_cut_by_their_looks() -> None:
    frames = [[sighting(0, 100)], [sighting(1, 100, appearance=BEN)], [sighting(2, 400, size=0.7)]]
    people = join_tracklets(link_frames(frames, np.array([0, 1, 2])))
    assert sorted(frames_of(person) for person in people) == [[0, 2], [1]]


def test_two_in_one_picture_are_two_people() -> None:
    frames = [[sighting(0, 100), sighting(0, 300)], [sighting(1, 100), sighting(1, 300)]]
    assert len(join_tracklets(link_frames(frames, one_shot(frames)))) == 2


def test_what_was_never_described_is_not_guessed() -> None:
    frames = [[sighting(0, 100, appearance=None)], [sighting(1, 100, appearance=None)]]
    assert len(join_tracklets(link_frames(frames, np.array([0, 1])))) == 2


def test_many_tracklets_of_two_people_become_two() -> None:
    frames = [[sighting(index, 100, appearance=(ANNE, BEN)[index % 2])] for index in range(12)]
    people = join_tracklets(link_frames(frames, np.arange(12)))
    assert sorted(frames_of(person) for person in people) == [list(range(0, 12, 2)), list(range(1, 12, 2))]


def test_no_faces_at_all() -> None:
    assert join_tracklets(link_frames([[], []], np.zeros(2, np.int32))) == []


def test_the_same_face_looks_more_alike_than_another(
    fresh_tracker: RegionTracker,
    speaker: list[np.ndarray],
    portrait_frame: np.ndarray,
    place: Callable[..., tuple[np.ndarray, np.ndarray]],
) -> None:
    def look(picture: np.ndarray) -> np.ndarray:
        fresh_tracker.reset()
        return describe(picture, fresh_tracker.observe(picture)[0].landmarks)

    first = look(speaker[0])
    assert first.shape == (1764,)
    later = look(speaker[-1])
    turned = look(place(speaker[12], (330, 250), 0.8, 12, gray=120)[0])
    other = look(portrait_frame)
    assert appearance_distance(first, later) < appearance_distance(first, other) / 1.5
    assert appearance_distance(first, turned) < appearance_distance(first, other) / 1.2
