from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.errors import InputError
from visavox.face.geometry.pose import canonical_face, head_pose
from visavox.face.track.track_file import check_track_fits, load_track, load_tracks, save_track, save_tracks
from visavox.types import FrameStatus, Track


def make_track(num_frames: int = 40, face_id: int = 0, width: int = 1280) -> Track:
    """A face that wanders, with a gap, on whole 64ths of a pixel."""
    draw = np.random.default_rng(face_id)
    wander = np.cumsum(draw.normal(0, 2, (num_frames, 1, 3)), axis=0)
    landmarks = canonical_face() * [20, -20, -20] + [500, 300, 0] + wander + draw.normal(0, 0.1, (num_frames, 478, 3))
    landmarks = (np.round(landmarks * 64) / 64).astype(np.float32)
    status = np.full(num_frames, FrameStatus.DETECTED, np.uint8)
    status[3] = FrameStatus.INTERPOLATED
    status[4] = FrameStatus.TURNED_AWAY
    status[10:15] = FrameStatus.ABSENT
    landmarks[10:15] = np.nan
    rotations, translations = head_pose(landmarks, (width, 720))
    times = tuple(Fraction(1001 * index, 30000) for index in range(num_frames))
    shots = (np.arange(num_frames) >= 20).astype(np.int32)
    return Track(landmarks, status, shots, rotations, translations, times, (width, 720), face_id)


def assert_same(first: Track, second: Track) -> None:
    for name in ("landmarks", "status", "shots", "rotations", "translations"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        assert getattr(first, name).dtype == getattr(second, name).dtype
    assert (first.times, first.frame_size, first.face_id) == (second.times, second.frame_size, second.face_id)


def test_a_track_comes_back_exactly(tmp_path: Path) -> None:
    track = make_track()
    save_track(track, tmp_path / "a b'c.npz")
    assert_same(load_track(tmp_path / "a b'c.npz"), track)
    assert [path.name for path in tmp_path.iterdir()] == ["a b'c.npz"]


def test_landmarks_of_other_precision_come_back_to_a_128th(tmp_path: Path) -> None:
    track = make_track()
    track.landmarks += np.float32(0.0051)
    save_track(track, tmp_path / "t.npz")
    assert np.nanmax(np.abs(load_track(tmp_path / "t.npz").landmarks - track.landmarks)) <= 1 / 128 + 1e-4


def test_very_large_faces_fit(tmp_path: Path) -> None:
    track = make_track()
    track.landmarks *= 8
    save_track(track, tmp_path / "t.npz")
    assert_same(load_track(tmp_path / "t.npz"), track)


def test_the_file_is_small(tmp_path: Path) -> None:
    track = make_track(500)
    save_track(track, tmp_path / "t.npz")
    assert (tmp_path / "t.npz").stat().st_size < 500 * 1800  # against 5736 bytes a frame in memory


def test_several_tracks_in_one_file(tmp_path: Path) -> None:
    tracks = [make_track(face_id=0), make_track(face_id=1)]
    save_tracks(tracks, tmp_path / "t.npz")
    for found, track in zip(load_tracks(tmp_path / "t.npz"), tracks, strict=True):
        assert_same(found, track)
    with pytest.raises(InputError, match="2 tracks"):
        load_track(tmp_path / "t.npz")
    save_tracks([], tmp_path / "none.npz")
    assert load_tracks(tmp_path / "none.npz") == []


def test_files_that_are_no_tracks_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", a=np.arange(3))
    np.save(tmp_path / "array.npy", np.arange(3))
    np.savez(tmp_path / "pickle.npz", visavox_track=np.array([{"evil": 1}], dtype=object))
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "folder.npz").mkdir()
    for name in ("other.npz", "array.npy", "pickle.npz", "text.npz", "empty.npz", "folder.npz", "missing.npz"):
        with pytest.raises(InputError, match=rf"{name}.*visavox track"):
            load_track(tmp_path / name)


def test_damaged_files_are_refused_wherever_they_are_damaged(tmp_path: Path) -> None:
    save_track(make_track(8), tmp_path / "t.npz")
    whole = (tmp_path / "t.npz").read_bytes()
    for length in (10, len(whole) // 3, len(whole) - 30):
        (tmp_path / "short.npz").write_bytes(whole[:length])
        with pytest.raises(InputError, match="damaged"):
            load_track(tmp_path / "short.npz")
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    (tmp_path / "flipped.npz").write_bytes(flipped)
    with pytest.raises(InputError, match="damaged"):
        load_track(tmp_path / "flipped.npz")


def rewrite(path: Path, **changes: Any) -> None:
    with np.load(path) as arrays:
        kept = {name: arrays[name] for name in arrays.files}
    np.savez(path, **(kept | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"visavox_track": np.array([99, 1])}, "format 99"),
        ({"0.shots": np.zeros(3, np.int32)}, "shots"),
        ({"0.status": np.full(8, 9, np.uint8)}, "status"),
        ({"0.landmark_steps": np.zeros((8, 68, 3), np.int16)}, "landmark_steps"),
        ({"0.times": np.zeros((8, 2), np.int64)}, "damaged"),
        ({"0.rotations": np.zeros((8, 3, 3), np.int32)}, "rotations"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, changes: dict[str, np.ndarray], message: str) -> None:
    path = tmp_path / "t.npz"
    save_track(make_track(8), path)
    rewrite(path, **changes)
    with pytest.raises(InputError, match=message):
        load_track(path)


def test_a_folder_that_does_not_exist_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder"):
        save_track(make_track(8), tmp_path / "no" / "t.npz")


def test_nothing_is_left_when_a_track_cannot_be_written(tmp_path: Path) -> None:
    track = make_track(8)
    track.landmarks[0] = np.nan  # but its status says that it was seen
    with pytest.raises(ValueError, match="not finite"):
        save_track(track, tmp_path / "t.npz")
    assert list(tmp_path.iterdir()) == []


def test_a_track_of_another_video_is_told(tmp_path: Path) -> None:
    track = make_track(8)
    check_track_fits(track, frame_size=(1280, 720), num_frames=8, video="v.mp4")
    check_track_fits(track, frame_size=(1280, 720), num_frames=None, video="v.mp4")
    with pytest.raises(InputError, match="1280 x 720 pixels, v.mp4 has 640 x 480"):
        check_track_fits(track, frame_size=(640, 480), num_frames=8, video="v.mp4")
    with pytest.raises(InputError, match="8 frames, v.mp4 has 9"):
        check_track_fits(replace(track), frame_size=(1280, 720), num_frames=9, video="v.mp4")
