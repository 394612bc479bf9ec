"""Motion of a track and back, and the face at rest."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from visavox.demo import FACE
from visavox.errors import InputError
from visavox.face.geometry.landmarks import IBUG_68, RIGID, mouth_opening, to_ibug68
from visavox.face.geometry.motion import (
    canonical_68,
    displacements_of,
    fill_in,
    fit_opening_mode,
    landmarks_of,
    lip_gap,
    motion_of_track,
    resting_face,
    track_confidence,
)
from visavox.face.geometry.pose import canonical_face, focal_length, head_pose, project
from visavox.face.track.tracking import track_video
from visavox.types import FrameStatus, Track

SIZE = (640, 480)
NOSE = range(27, 31)
UPPER, LOWER = 62, 66


@pytest.fixture(scope="module")
def demo_track() -> Track:
    return track_video(FACE)[0]


def seen(face: np.ndarray, rotations: np.ndarray, translations: np.ndarray) -> np.ndarray:
    """What a perfect tracker would see of (T, 478, 3) faces, depth scaled like the picture at the face's distance."""
    flat = project(face, rotations, translations, SIZE)
    turned = face @ rotations.swapaxes(1, 2)
    rigid = turned[:, list(RIGID), 2].mean(axis=1, keepdims=True)
    distance = -(rigid + translations[:, 2:])
    depth = -(turned[..., 2] - rigid) * focal_length(SIZE) / distance
    return np.concatenate([flat, depth[..., None]], axis=-1)


def nodding(num_frames: int) -> tuple[np.ndarray, np.ndarray]:
    from scipy.spatial.transform import Rotation

    swing = np.sin(np.arange(num_frames) / 7)
    rotations = Rotation.from_euler("YXZ", np.outer(swing, [25, 10, 5]), degrees=True).as_matrix()
    return rotations, np.array([0, 0, -60]) + np.outer(swing, [3, 1, 8])


def track_of(
    landmarks: np.ndarray, rotations: np.ndarray, translations: np.ndarray, status: np.ndarray | None = None
) -> Track:
    count = len(landmarks)
    return Track(
        landmarks.astype(np.float32),
        np.full(count, FrameStatus.DETECTED, np.uint8) if status is None else status,
        np.zeros(count, np.int32),
        rotations.astype(np.float32),
        translations.astype(np.float32),
        tuple(Fraction(index, 25) for index in range(count)),
        SIZE,
    )


def test_a_talking_head_that_nods_gives_back_what_it_was_made_of() -> None:
    rotations, translations = nodding(30)
    draw = np.random.default_rng(0)
    face = canonical_face() + draw.normal(0, 0.3, (30, 478, 3))
    face[:, list(RIGID)] = canonical_face()[list(RIGID)]
    found = displacements_of(seen(face, rotations, translations), rotations, translations, SIZE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, (face - canonical_face())[:, list(IBUG_68)], atol=1e-5)


def test_pose_is_taken_away() -> None:
    rotations, translations = nodding(40)
    face = np.repeat(canonical_face()[None].astype(np.float64), 40, axis=0)
    face[:, 14, 1] -= np.linspace(0, 1, 40)
    landmarks = seen(face, rotations, translations)
    found, moved = head_pose(landmarks, SIZE)
    motion = motion_of_track(track_of(landmarks, found, moved))
    lower = motion.displacements[:, LOWER]
    np.testing.assert_allclose(lower[:, 1], -np.linspace(0, 1, 40), atol=0.01)
    np.testing.assert_allclose(np.delete(motion.displacements, LOWER, axis=1), 0, atol=0.01)
    np.testing.assert_allclose(motion.expression.mean(axis=0), 0, atol=1e-5)


def test_the_way_back_ends_at_the_tracked_pixels(demo_track: Track) -> None:
    motion = motion_of_track(demo_track)
    back = landmarks_of(motion.displacements, demo_track.rotations, demo_track.translations, demo_track.frame_size)
    error = np.linalg.norm(back - to_ibug68(demo_track.landmarks)[..., :2], axis=-1)
    assert error.max() < 0.001
    assert motion.rate == 25
    assert motion.num_frames == demo_track.num_frames
    assert motion.confidence.min() > 0.8


def test_motion_opens_and_shuts_as_the_tracked_mouth_does(demo_track: Track) -> None:
    points = canonical_68() + motion_of_track(demo_track).displacements
    opening = np.linalg.norm(points[:, LOWER, :2] - points[:, UPPER, :2], axis=-1)
    tracked = mouth_opening(demo_track.landmarks)
    assert np.corrcoef(opening, tracked)[0, 1] > 0.995
    assert np.ptp(opening) == pytest.approx(8.9 * np.ptp(tracked), rel=0.15)


def test_trembling_of_the_whole_face_does_not_reach_the_motion(demo_track: Track) -> None:
    """The frame's own pose takes it away: the nose stands still to a third of a millimetre, where it trembles by 1."""
    draw = np.random.default_rng(1)
    landmarks = demo_track.landmarks.copy()
    landmarks[..., :2] += draw.normal(0, 1.0, (demo_track.num_frames, 1, 2))
    rotations, translations = head_pose(landmarks, demo_track.frame_size)
    shaken = motion_of_track(
        replace(demo_track, landmarks=landmarks, rotations=rotations, translations=translations)
    ).displacements
    steps = np.diff(shaken[:, NOSE], n=2, axis=0) / np.sqrt(6)
    assert steps[..., :2].std() < 0.033
    np.testing.assert_allclose(shaken, motion_of_track(demo_track).displacements, atol=0.08)


def test_frames_without_the_face_are_filled_in_and_not_trusted(demo_track: Track) -> None:
    lost = replace(demo_track, landmarks=demo_track.landmarks.copy(), status=demo_track.status.copy())
    lost.rotations, lost.translations = demo_track.rotations.copy(), demo_track.translations.copy()
    for start, stop in ((0, 5), (20, 23)):
        lost.landmarks[start:stop] = np.nan
        lost.rotations[start:stop] = np.nan
        lost.translations[start:stop] = np.nan
        lost.status[start:stop] = FrameStatus.ABSENT
    lost.status[40] = FrameStatus.INTERPOLATED
    motion = motion_of_track(lost)
    assert np.isfinite(motion.displacements).all()
    np.testing.assert_array_equal(motion.displacements[:5], np.repeat(motion.displacements[5:6], 5, axis=0))
    middle = (motion.displacements[19] + motion.displacements[23]) / 2
    np.testing.assert_allclose(motion.displacements[21], middle, atol=1e-6)
    assert np.flatnonzero(motion.confidence == 0).tolist() == [0, 1, 2, 3, 4, 20, 21, 22, 40]


def test_a_head_that_turns_away_is_trusted_less() -> None:
    rotations, _ = nodding(12)
    track = track_of(np.zeros((12, 478, 3)), rotations, np.tile([0, 0, -60.0], (12, 1)))
    confidence = track_confidence(track)
    assert confidence[0] == pytest.approx(1)
    assert confidence[11] == pytest.approx(rotations[11, 2, 2], abs=1e-6)
    assert (np.diff(confidence) < 0).all()


def test_a_track_without_a_face_is_refused() -> None:
    nothing = np.full((4, 478, 3), np.nan)
    track = track_of(nothing, np.full((4, 3, 3), np.nan), np.full((4, 3), np.nan), np.zeros(4, np.uint8))
    with pytest.raises(InputError, match="none of the frames"):
        motion_of_track(track)


def test_filling_in_keeps_what_is_known() -> None:
    values = np.arange(12, dtype=np.float32).reshape(6, 2) ** 2
    filled = fill_in(values, np.array([1, 2, 5]))
    np.testing.assert_array_equal(filled[[1, 2, 5]], values[[1, 2, 5]])
    np.testing.assert_array_equal(filled[0], values[1])
    np.testing.assert_allclose(filled[3], values[2] + (values[5] - values[2]) / 3, rtol=1e-6)


def footage(seed: int = 0, frames: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Displacements of a face whose jaw follows its lips, and the mode by which it opens."""
    rng = np.random.default_rng(seed)
    mode = np.zeros((68, 3))
    mode[62, 1], mode[66, 1], mode[8, 1], mode[8, 2] = 0.25, -0.75, -0.6, -0.2
    identity = rng.normal(size=(68, 3)) * 0.2
    identity -= mode * lip_gap(identity)
    return (identity + rng.uniform(0.0, 1.5, frames)[:, None, None] * mode).astype(np.float32), mode


def test_the_mode_is_found_whoever_it_is() -> None:
    clips = [footage(seed)[0] for seed in range(3)]
    fitted = fit_opening_mode(clips)
    np.testing.assert_allclose(fitted, footage()[1], atol=1e-5)
    assert fitted[62, 1] - fitted[66, 1] == pytest.approx(1.0, abs=1e-5)


def test_the_rest_is_shut_and_the_gap_stays_absolute() -> None:
    displacements, mode = footage()
    rest = resting_face(displacements, mode)
    assert float(lip_gap(rest)) == pytest.approx(0.0, abs=1e-5)
    motion = displacements - rest
    np.testing.assert_allclose(motion[:, 62, 1] - motion[:, 66, 1], lip_gap(displacements), atol=1e-5)


def test_a_speaker_who_never_shuts_their_mouth_has_the_same_rest() -> None:
    displacements, mode = footage()
    wide = displacements[lip_gap(displacements) > 0.7]
    np.testing.assert_allclose(resting_face(wide, mode), resting_face(displacements, mode), atol=1e-4)


def test_a_still_face_teaches_no_opening() -> None:
    still, _ = footage()
    with pytest.raises(InputError, match="do not move"):
        fit_opening_mode([np.repeat(still[:1], 20, axis=0)])
