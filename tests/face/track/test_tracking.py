"""Faces followed through a video, and tracks kept for the next job on it."""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from visavox.demo import FACE
from visavox.errors import InputError
from visavox.face.geometry.landmarks import mouth_opening
from visavox.face.track.selection import check_selection, select_tracks, track_in_box
from visavox.face.track.track_building import StatusSettings, build_track, fill_gaps, is_turned_away
from visavox.face.track.track_file import load_tracks, save_tracks
from visavox.face.track.tracker import RegionTracker
from visavox.face.track.tracking import TrackingSettings, cached_tracks, track_frames, track_video
from visavox.runtime.cache import cache_folder, fetch_to_cache
from visavox.types import Frame, FrameStatus, Track

RATE = 25


def track(
    tracker: RegionTracker, pictures: list[np.ndarray], times: list[Fraction] | None = None, **settings: Any
) -> list[Track]:
    frames = [
        Frame(picture, Fraction(index, RATE) if times is None else times[index], index)
        for index, picture in enumerate(pictures)
    ]
    size = (pictures[0].shape[1], pictures[0].shape[0])
    return track_frames(frames, tracker, frame_size=size, settings=TrackingSettings(**settings))


def pattern(track: Track) -> str:
    """The status of each frame as one letter."""
    return "".join(".DIT"[value] for value in track.status)


def test_the_bundled_clip_is_one_face_in_every_frame() -> None:
    (found,) = track_video(FACE)
    assert pattern(found) == "D" * 75
    assert found.frame_size == (360, 288)
    assert found.times[:3] == (Fraction(0), Fraction(1, 25), Fraction(2, 25))
    assert found.shots.tolist() == [0] * 75
    assert found.landmarks.shape == (75, 478, 3)
    assert np.isfinite(found.rotations).all()
    assert np.isfinite(found.translations).all()
    # "bin blue at ...": the lips meet for b several times and part in between.
    openings = mouth_opening(found.landmarks)
    assert openings.min() < 0.01
    assert openings.max() > 0.1


def test_a_still_face_hardly_jitters(tracker: RegionTracker, speaker: list[np.ndarray]) -> None:
    noise = np.random.default_rng(0)
    pictures = [np.clip(speaker[0] + noise.normal(0, 3, speaker[0].shape), 0, 255).astype(np.uint8) for _ in range(12)]
    (found,) = track(tracker, pictures)
    jitter = found.landmarks[..., :2].std(axis=0)
    assert jitter.mean() < 0.35  # pixels, of a face of 105
    assert mouth_opening(found.landmarks).std() < 0.006


def test_the_same_video_gives_the_same_track(tracker: RegionTracker, speaker: list[np.ndarray]) -> None:
    first, second = (track(tracker, speaker[:6])[0] for _ in range(2))
    np.testing.assert_array_equal(first.landmarks, second.landmarks)


def test_two_faces_side_by_side_keep_their_numbers(
    tracker: RegionTracker, speaker: list[np.ndarray], portrait: np.ndarray
) -> None:
    pictures = [
        np.hstack([picture, np.ascontiguousarray(portrait[:288, 60 - step : 420 - step])])
        for step, picture in enumerate(speaker[:12])
    ]
    tracks = track(tracker, pictures)
    assert [pattern(found) for found in tracks] == ["D" * 12] * 2
    assert [found.face_id for found in tracks] == [0, 1]
    left, right = tracks  # the larger face is on the left
    assert np.nanmax(left.boxes[:, 2]) < 360 < np.nanmin(right.boxes[:, 0])
    assert np.diff(right.boxes[:, 0]).mean() == pytest.approx(1, abs=0.2)
    for which, expected in {"largest": left, "leftmost": left, "rightmost": right, "0": left, "1": right}.items():
        assert select_tracks(tracks, which) == [expected]
    assert select_tracks(tracks, "all") == tracks
    with pytest.raises(InputError, match="no face 7"):
        select_tracks(tracks, "7")


def test_a_cut_ends_one_face_and_the_other_comes_back(
    tracker: RegionTracker, speaker: list[np.ndarray], portrait_frame: np.ndarray
) -> None:
    pictures = [*speaker[:8], *[portrait_frame] * 8, *speaker[8:16]]
    first, second = track(tracker, pictures)
    assert pattern(first) == "D" * 8 + "." * 8 + "D" * 8
    assert pattern(second) == "." * 8 + "D" * 8 + "." * 8
    assert first.shots.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert np.isnan(first.landmarks[8:16]).all()
    assert np.isnan(first.rotations[8:16]).all()


def test_a_face_leaves_the_picture_and_returns(
    tracker: RegionTracker, speaker: list[np.ndarray], place: Callable[..., tuple[np.ndarray, np.ndarray]]
) -> None:
    centers = [*range(320, 740, 35), *range(740, 320, -35)]
    pictures = [place(speaker[0], (x, 240))[0] for x in centers]
    (found,) = track(tracker, pictures)
    states = pattern(found)
    assert states.startswith("DDDD")
    assert states.endswith("DDDD")
    assert states.strip("D") == "." * 7  # wholly outside, and never made up at the border
    middle = found.landmarks[..., 0].mean(axis=1)
    seen = found.status == FrameStatus.DETECTED
    # While it is wholly inside, the face is where it was put.
    inside = seen & (np.array(centers) < 560)
    offsets = middle[inside] - np.array(centers)[inside]
    assert np.ptp(offsets) < 2.5


def test_short_gaps_are_filled_and_long_ones_are_not(
    tracker: RegionTracker, speaker: list[np.ndarray], place: Callable[..., tuple[np.ndarray, np.ndarray]]
) -> None:
    def hidden(x: int) -> np.ndarray:
        picture = place(speaker[0], (x, 240), 0.7)[0]
        picture[190:300, x - 45 : x + 45] = 70
        return picture

    xs = [300 + 3 * step for step in range(24)]
    gone = {*range(6, 10), *range(14, 21)}
    pictures = [hidden(x) if step in gone else place(speaker[0], (x, 240), 0.7)[0] for step, x in enumerate(xs)]
    (found,) = track(tracker, pictures)
    assert found.shots[-1] == 0
    assert pattern(found) == "D" * 6 + "I" * 4 + "D" * 4 + "." * 7 + "D" * 3
    middle = found.landmarks[:14, :, 0].mean(axis=1)
    np.testing.assert_allclose(np.diff(middle), 3, atol=0.8)
    (unfilled,) = track(tracker, pictures[:14], status=StatusSettings(max_gap=0.0))
    assert pattern(unfilled) == "D" * 6 + "." * 4 + "D" * 4


def moving_face(num_frames: int, seen: list[int], shift: float = 10.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Landmarks around (200, 200) that move to the right, known in the frames of `seen`."""
    landmarks = np.zeros((num_frames, 478, 3), np.float32)
    landmarks[..., :2] = np.random.default_rng(0).uniform(150, 250, (478, 2))
    landmarks[..., 0] += shift * np.arange(num_frames)[:, None]
    status = np.isin(np.arange(num_frames), seen).astype(np.uint8)
    known = landmarks.copy()
    known[status == 0] = np.nan
    return landmarks, known, status


def test_gaps_are_measured_in_seconds() -> None:
    times = (Fraction(0), Fraction(1, 10), Fraction(2, 10), Fraction(4, 10))
    for longest, filled in ((0.41, True), (0.39, False)):
        _, known, status = moving_face(4, [0, 3])
        fill_gaps(known, status, shots=np.zeros(4), times=times, frame_size=(640, 480), max_gap=longest)
        assert (status[1:3] == FrameStatus.INTERPOLATED).all() == filled
        if filled:  # by the time of the frame, not its number
            np.testing.assert_allclose(known[:, 0, 0] - known[0, 0, 0], [0, 7.5, 15, 30], atol=1e-3)


@pytest.mark.parametrize(
    ("shots", "shift", "size"),
    [([0, 0, 1], 10.0, (640, 480)), ([0, 0, 0], 90.0, (640, 480)), ([0, 0, 0], 10.0, (640, 252))],
    ids=["over a cut", "over a jump", "at the border"],
)
def test_no_gap_is_filled(shots: list[int], shift: float, size: tuple[int, int]) -> None:
    _, known, status = moving_face(3, [0, 2], shift)
    times = (Fraction(0), Fraction(1, 25), Fraction(2, 25))
    fill_gaps(known, status, shots=np.array(shots), times=times, frame_size=size, max_gap=1.0)
    assert status.tolist() == [1, 0, 1]
    assert np.isnan(known[1]).all()


def test_a_head_turns_away_and_back_without_flicker() -> None:
    yaw = np.radians([0, 30, 54, 56, 54, 51, 49, 54, 80, 53])
    rotations = np.zeros((10, 3, 3))
    rotations[:, 1, 1] = 1
    rotations[:, 0, 0] = rotations[:, 2, 2] = np.cos(yaw)
    rotations[:, 0, 2], rotations[:, 2, 0] = np.sin(yaw), -np.sin(yaw)
    rotations[9] = np.nan
    away = is_turned_away(rotations, np.zeros(10), StatusSettings(max_yaw=55, hysteresis=5))
    assert away.tolist() == [False, False, False, True, True, True, False, False, True, False]


def test_turned_away_frames_keep_their_landmarks(tracker: RegionTracker, portrait: np.ndarray) -> None:
    pictures = [np.ascontiguousarray(portrait[:288, 60:420])] * 4
    (found,) = track(tracker, pictures, status=StatusSettings(max_pitch=0.5, max_yaw=0.5))
    assert pattern(found) == "TTTT"
    assert not found.usable.any()
    assert np.isfinite(found.landmarks).all()


def test_a_glimpse_of_a_face_is_dropped(
    tracker: RegionTracker, speaker: list[np.ndarray], portrait_frame: np.ndarray
) -> None:
    pictures = [np.hstack([picture, np.full_like(picture, 60)]) for picture in speaker[:12]]
    pictures[0][:, 360:] = portrait_frame
    assert len(track(tracker, pictures)) == 1
    assert len(track(tracker, pictures, min_duration=0.0)) == 2


def test_landmarks_are_whole_64ths_of_a_pixel(tracker: RegionTracker, speaker: list[np.ndarray]) -> None:
    (found,) = track(tracker, speaker[:2])
    np.testing.assert_array_equal(found.landmarks * 64, np.round(found.landmarks * 64))


def test_a_picture_is_a_video_of_one_frame(tmp_path: Path, portrait: np.ndarray) -> None:
    path = tmp_path / "портрет 'x'.png"
    path.write_bytes(cv2.imencode(".png", portrait[..., ::-1])[1].tobytes())
    (found,) = track_video(path)
    assert pattern(found) == "D"
    assert found.frame_size == (512, 512)
    box = found.boxes[0]
    assert 150 < box[0] < 200
    assert 250 < box[2] < 300


def test_a_video_without_a_face_has_no_tracks(tracker: RegionTracker) -> None:
    assert track(tracker, [np.full((96, 128, 3), 90, np.uint8)] * 3) == []
    assert select_tracks([], "largest") == []


def test_a_face_is_followed_by_its_box(tmp_path: Path, speaker: list[np.ndarray], portrait_frame: np.ndarray) -> None:
    path = tmp_path / "two.png"
    path.write_bytes(cv2.imencode(".png", np.hstack([speaker[0], portrait_frame])[..., ::-1])[1].tobytes())
    assert track_in_box(path, (460, 20, 600, 200)).boxes[0, 0] > 360
    assert track_in_box(path, (100, 60, 260, 270)).boxes[0, 2] < 360
    with pytest.raises(InputError, match="no face was found in the box 0,0,90,90"):
        track_in_box(path, (0, 0, 90, 90))


@pytest.mark.parametrize(
    ("box", "message"),
    [((10, 10, 5, 200), "no room for a face"), ((0, 0, 400, 200), "360 x 288"), ((-5, 0, 100, 100), "beyond")],
)
def test_boxes_that_cannot_be_are_refused_before_anything_is_tracked(
    box: tuple[int, int, int, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        track_video(FACE, face_box=box)


@pytest.mark.parametrize("which", ["biggest", "", "-1", "1.5"])
def test_unknown_names_of_faces_are_refused(which: str) -> None:
    with pytest.raises(InputError, match="largest"):
        check_selection(which)


@pytest.mark.parametrize("wrong", [{"max_gap": -1.0}, {"max_yaw": 0.0}, {"max_pitch": 200.0}, {"hysteresis": -1.0}])
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        replace(StatusSettings(), **wrong)


def test_a_track_without_sightings_is_empty() -> None:
    times = (Fraction(0), Fraction(1, 25), Fraction(2, 25))
    rebuilt = build_track([], shots=np.zeros(3, np.int32), times=times, frame_size=(64, 48), settings=StatusSettings())
    assert pattern(rebuilt) == "..."
    assert np.isnan(rebuilt.boxes).all()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VISAVOX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_environment_names_the_folder(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == own_cache
    monkeypatch.delenv("VISAVOX_CACHE")
    assert cache_folder().name == "visavox"


def test_a_file_is_fetched_once_and_checked(tmp_path: Path, own_cache: Path) -> None:
    source = tmp_path / "published.bin"
    source.write_bytes(b"networks")
    right = hashlib.sha256(b"networks").hexdigest()
    url = source.as_uri()
    with pytest.raises(InputError, match="SHA-256 differs"):
        fetch_to_cache("file.bin", url, "0" * 64, "the networks")
    assert not own_cache.exists()
    assert fetch_to_cache("file.bin", url, right, "the networks").read_bytes() == b"networks"
    source.unlink()
    assert fetch_to_cache("file.bin", url, right, "the networks").read_bytes() == b"networks"
    (own_cache / "file.bin").write_bytes(b"<html>")
    with pytest.raises(InputError, match="delete it"):
        fetch_to_cache("file.bin", url, right, "the networks")


def test_what_cannot_be_fetched_is_told_how_to_get(tmp_path: Path, own_cache: Path) -> None:
    url = (tmp_path / "nowhere.bin").as_uri()
    with pytest.raises(InputError) as raised:
        fetch_to_cache("file.bin", url, "0" * 64, "the networks")
    assert url in str(raised.value)
    assert str(own_cache / "file.bin") in str(raised.value)


def test_tracks_are_made_once(tmp_path: Path, own_cache: Path, speaker: list[np.ndarray]) -> None:
    picture = tmp_path / "face.png"
    picture.write_bytes(cv2.imencode(".png", speaker[0][..., ::-1])[1].tobytes())
    (first,) = cached_tracks(picture)
    (kept,) = (own_cache / "tracks").iterdir()
    # Mark what is kept: a second call that gives the mark has read it.
    (stored,) = load_tracks(kept)
    stored.face_id = 7
    save_tracks([stored], kept)
    moved = tmp_path / "another name.png"
    picture.rename(moved)
    (again,) = cached_tracks(moved)
    assert again.face_id == 7
    np.testing.assert_array_equal(again.landmarks, first.landmarks)
    kept.write_bytes(b"damaged")
    assert cached_tracks(moved)[0].face_id == 0
    assert len(load_tracks(kept)) == 1


def test_a_cache_that_cannot_be_written_costs_only_time(
    tmp_path: Path, own_cache: Path, speaker: list[np.ndarray], caplog: pytest.LogCaptureFixture
) -> None:
    own_cache.write_text("a file where the folder should be")
    picture = tmp_path / "face.png"
    picture.write_bytes(cv2.imencode(".png", speaker[0][..., ::-1])[1].tobytes())
    assert len(cached_tracks(picture)) == 1
    assert "not kept" in caplog.text


def test_the_identity_depends_on_file_and_settings(tmp_path: Path) -> None:
    from visavox.face.track.tracking import _identity

    video = tmp_path / "clip.mpg"
    shutil.copy(FACE, video)
    plain = _identity(str(video), None, TrackingSettings())
    assert plain == _identity(str(video), None, TrackingSettings())
    others = {_identity(str(video), (0, 0, 99, 99), TrackingSettings())}
    others.add(_identity(str(video), None, TrackingSettings(min_duration=1.0)))
    os.utime(video, ns=(1, 1))
    others.add(_identity(str(video), None, TrackingSettings()))
    assert len(others | {plain}) == 4


def test_a_video_that_is_missing_is_said_as_ever(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        cached_tracks(tmp_path / "missing.mp4")
