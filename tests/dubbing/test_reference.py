from dataclasses import replace

import cv2
import numpy as np
import pytest

from visavox.demo import FACE
from visavox.dubbing.reference import read_references, reference_candidates
from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec, crop_transforms, warp_crop
from visavox.face.geometry.landmarks import LIP_LOWER, mouth_opening
from visavox.media import probe
from visavox.types import FrameStatus, Track

CROP = CropSpec(size=64)


def still(track: Track, num_frames: int = 30, index: int = 10) -> Track:
    """A face that does not move, as it is in one frame of the clip, its lips a little parted."""
    landmarks = np.repeat(track.landmarks[index : index + 1], num_frames, axis=0)
    landmarks[:, LIP_LOWER] = landmarks[:, 13] + [0, 0.06 * 65, 0]
    return Track(
        landmarks,
        np.full(num_frames, FrameStatus.DETECTED, np.uint8),
        np.zeros(num_frames, np.int32),
        np.repeat(track.rotations[index : index + 1], num_frames, axis=0),
        np.repeat(track.translations[index : index + 1], num_frames, axis=0),
        track.times[:num_frames],
        track.frame_size,
    )


def turned(degrees: float) -> np.ndarray:
    rotation, _ = cv2.Rodrigues(np.array([0.0, np.radians(degrees), 0.0]))
    return rotation.astype(np.float32)


def test_a_wide_open_mouth_is_not_lent(track: Track) -> None:
    face = still(track)
    for index in (*range(14), *range(19, 30)):
        face.landmarks[index, LIP_LOWER] += [0, 0.25 * 65, 0]
    assert set(reference_candidates(face)[0]) <= set(range(14, 19))
    chosen = reference_candidates(track)[0]
    assert mouth_opening(track.landmarks)[chosen].max() < 0.15


def test_the_usual_pose_is_preferred(track: Track) -> None:
    face = still(track)
    face.rotations[:] = turned(12)
    face.rotations[:5] = turned(40)
    face.rotations[20:22] = turned(0)
    assert 4 < reference_candidates(face)[0][0] < 30
    face.rotations[:15] = turned(25)
    face.rotations[15:] = turned(15)  # as usual, and more from the front
    assert set(reference_candidates(face)[0]) <= set(range(15, 30))


def test_calm_frames_are_preferred(track: Track) -> None:
    face = still(track)
    for index in range(30):
        if not 20 <= index < 26:
            face.landmarks[index, :, 0] += 15 * (index % 2)
    assert set(reference_candidates(face)[0]) <= set(range(20, 26))


def test_every_shot_has_its_own_and_gaps_have_none(track: Track) -> None:
    face = still(track)
    face.shots[10:] = 1
    face.shots[20:] = 2
    face.status[10:20] = FrameStatus.TURNED_AWAY
    face.status[20:29] = FrameStatus.INTERPOLATED
    candidates = reference_candidates(face)
    assert candidates.keys() == {0, 2}
    assert set(candidates[0]) <= set(range(10))
    assert candidates[2] == [29]


def test_a_chosen_frame_is_taken_for_all_shots(track: Track) -> None:
    face = still(track)
    face.shots[10:] = 1
    assert reference_candidates(face, "12") == {0: [12], 1: [12]}
    face.status[12] = FrameStatus.ABSENT
    for choice in ("12", "30"):
        with pytest.raises(InputError, match=f"reference frame {choice}"):
            reference_candidates(face, choice)


def test_the_crops_are_those_of_the_chosen_frames(track: Track, frames: list[np.ndarray]) -> None:
    matrices = crop_transforms(track, CROP)
    (references,) = read_references(probe(FACE), [track], [matrices], CROP.size)
    candidates = reference_candidates(track)[0]
    crops = [warp_crop(frames[index], matrices[index], CROP.size) for index in candidates]
    assert any(np.array_equal(references[0], crop) for crop in crops)
    sharpness = [cv2.Laplacian(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var() for crop in crops]
    assert np.array_equal(references[0], crops[int(np.argmax(sharpness))])


def test_two_faces_have_their_own(track: Track, frames: list[np.ndarray]) -> None:
    other = replace(track, landmarks=track.landmarks + np.array([6, 0, 0], np.float32), face_id=1)
    matrices = [crop_transforms(face, CROP) for face in (track, other)]
    first, second = read_references(probe(FACE), [track, other], matrices, CROP.size, "20")
    assert np.array_equal(first[0], warp_crop(frames[20], matrices[0][20], CROP.size))
    assert np.array_equal(second[0], warp_crop(frames[20], matrices[1][20], CROP.size))
