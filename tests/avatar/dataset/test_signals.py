"""Crop and camera, pose, speech and split, on numbers that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tests.avatar.dataset.test_checks import person
from tests.data.footage import demo_pictures, demo_sound, make_film

from visavox.avatar.dataset.camera import CropPlan, crop_camera, plan_crop
from visavox.avatar.dataset.prepare import split_in_time
from visavox.avatar.dataset.signals import Lags, PersonAudio, measure_lags, smooth_pose, write_speech
from visavox.avatar.dataset.tracking import PersonTrack, find_videos, person_track, read_frames, stretches, track_videos
from visavox.data.preparation.lag import AppliedLag
from visavox.face.geometry.pose import canonical_face, project
from visavox.progress import QUIET


def test_crop_is_a_square_of_the_frame_with_the_face_in_it() -> None:
    track = person(10)
    plan = plan_crop(track, 128, 2.3)
    x0, y0, x1, y1 = plan.box
    assert x1 - x0 == y1 - y0 == plan.side
    assert 0 <= x0 < x1 <= 360
    assert 0 <= y0 < y1 <= 288
    points = plan.to_crop(track.landmarks[0])
    assert (points[:, :2] > 16).all()
    assert (points[:, :2] < 112).all()


def test_crop_of_a_small_face_is_small() -> None:
    assert plan_crop(person(10, distance=150), 128, 2.3).side < plan_crop(person(10, distance=80), 128, 2.3).side < 288


def test_camera_shows_points_where_the_crop_has_them() -> None:
    track = person(10, distance=90)
    plan = plan_crop(track, 256, 2.3)
    camera = crop_camera(plan, track)
    turn = Rotation.from_euler("xyz", [[10, 20, 5]], degrees=True).as_matrix()
    place = np.array([[2.0, -1.0, -90.0]])
    in_frame = project(canonical_face(), turn, place, track.frame_size)
    assert camera.project(canonical_face(), turn, place) == pytest.approx(plan.to_crop(in_frame), abs=1e-9)
    assert camera.near < 90 - 8
    assert camera.far > 90 + 20


def test_pixel_centres_map_as_the_picture_is_scaled() -> None:
    plan = CropPlan(x=40, y=20, side=256, size=128)
    ramp = np.tile(np.arange(360, dtype=np.float32), (288, 1))
    shrunk = plan.shrink(plan.cut(ramp))
    # A pixel of a ramp holds its own place.
    assert shrunk[10, 30] == pytest.approx(
        np.interp(30, plan.to_crop(np.stack([np.arange(360.0)] * 2, -1))[:, 0], np.arange(360))
    )


def test_smoothed_pose_is_nearer_to_the_truth() -> None:
    generator = np.random.default_rng(0)
    time = np.arange(200) / 25
    angles = np.stack([10 * np.sin(time), 5 * np.cos(0.7 * time), 3 * np.sin(0.5 * time)], axis=-1)
    true = Rotation.from_euler("yxz", angles, degrees=True)
    noise = Rotation.from_rotvec(np.radians(generator.normal(0, 0.6, (200, 3))))
    places = np.stack([time, np.sin(time), -60 + np.cos(time)], axis=-1)
    rough = places + generator.normal(0, 0.2, places.shape)
    known = generator.random(200) > 0.1
    turns, shifts = smooth_pose((noise * true).as_matrix(), rough, known, np.zeros(200, int), 2.0)
    error = np.degrees((Rotation.from_matrix(turns) * true.inv()).magnitude())
    assert error.mean() < 0.6
    assert error.max() < 2
    assert np.abs(shifts - places).mean() < 0.1


def test_pose_is_not_smoothed_over_a_joint() -> None:
    turns = np.tile(np.eye(3), (20, 1, 1))
    turns[10:] = Rotation.from_euler("y", 40, degrees=True).as_matrix()
    stretch = np.repeat([0, 1], 10)
    smooth, _ = smooth_pose(turns, np.zeros((20, 3)), np.ones(20, bool), stretch, 3.0)
    assert smooth == pytest.approx(turns, abs=1e-6)


def test_no_smoothing_keeps_the_pose_and_fills_gaps() -> None:
    turns = Rotation.from_rotvec(np.linspace(0, 20, 11)[:, None] * [0, 1, 0], degrees=True).as_matrix()
    known = np.ones(11, bool)
    known[5] = False
    broken = np.where(known[:, None, None], turns, np.nan)
    smooth, _ = smooth_pose(broken, np.zeros((11, 3)), known, np.zeros(11, int), 0.0)
    assert smooth == pytest.approx(turns, abs=1e-3)


def test_split_keeps_the_last_part_and_crosses_no_joint() -> None:
    stretch = np.repeat([0, 1, 2], [40, 30, 30])
    assert split_in_time(stretch, 0.1) == {"train": [[0, 40], [40, 70], [70, 90]], "test": [[90, 100]]}


def test_split_falls_on_a_joint_that_is_near() -> None:
    assert split_in_time(np.repeat([0, 1], [89, 11]), 0.1) == {"train": [[0, 89]], "test": [[89, 100]]}


def test_split_of_very_little_has_both_parts() -> None:
    assert split_in_time(np.zeros(2, int), 0.01) == {"train": [[0, 1]], "test": [[1, 2]]}


def test_stretches() -> None:
    assert stretches(np.array([3, 3, 5, 5, 5, 3])) == [(0, 2), (2, 5), (5, 6)]
    assert stretches(np.array([], int)) == []


def test_speech_is_moved_by_the_lag(tmp_path: Path) -> None:
    track = person(50)
    waveform = np.zeros(50 * 640, np.float32)
    waveform[10_000:10_100] = 0.5
    write_speech(tmp_path / "speech.npy", PersonAudio((waveform,), -10.0), Lags((-0.1,), ()), track)
    speech = np.load(tmp_path / "speech.npy")
    assert speech.shape == (32_000,)
    assert speech.dtype == np.int16
    assert np.flatnonzero(speech)[[0, -1]].tolist() == [8400, 8499]


def test_videos_without_sound_are_silent(tmp_path: Path) -> None:
    write_speech(tmp_path / "speech.npy", PersonAudio((np.zeros(0, np.float32),), -120.0), Lags((0.0,), ()), person(10))
    assert not np.load(tmp_path / "speech.npy").any()


def test_short_videos_tell_their_lag_together(tmp_path: Path) -> None:
    pictures, sound = demo_pictures(), demo_sound()
    late = np.concatenate([np.zeros(4000, np.float32), sound])
    for number in range(3):
        first = 25 * number
        make_film(tmp_path / f"{number}.mkv", pictures[first : first + 25], late[640 * first : 640 * (first + 25)])
    footage, videos = track_videos(find_videos(tmp_path), tmp_path / "work", QUIET)
    track = person_track(videos, footage.frame_size)
    waveforms = tuple(late[640 * 25 * number : 640 * 25 * (number + 1)] for number in range(3))
    lags = measure_lags(PersonAudio(waveforms, -10.0), track)
    assert len(lags.measured) == 1
    assert len(set(lags.seconds)) == 1
    if lags.is_sure:
        assert lags.seconds[0] == pytest.approx(-0.25, abs=0.06)
    else:
        assert lags.seconds[0] == 0


def test_silence_tells_no_lag() -> None:
    lags = measure_lags(PersonAudio((np.zeros(0, np.float32),), -120.0), person(100))
    assert lags.measured == (AppliedLag(),)
    assert not lags.is_sure


def test_faster_video_is_brought_to_25_frames(tmp_path: Path) -> None:
    pictures = [picture for picture in demo_pictures()[:30] for _ in (0, 1)]
    film = make_film(tmp_path / "fast.mkv", pictures, demo_sound()[:19200], rate=50)
    footage, videos = track_videos(find_videos(film), tmp_path / "work", QUIET)
    track = person_track(videos, footage.frame_size)
    assert track.num_frames == 30
    read = list(read_frames(film, videos[0].selected))
    assert [point for point, _ in read] == list(range(30))
    for point, image in read[::7]:
        assert np.abs(image.astype(int) - demo_pictures()[point]).mean() < 4


def test_person_track_counts_stretches_over_videos_and_cuts(tmp_path: Path) -> None:
    pictures, sound = demo_pictures(), demo_sound()
    other = [255 - picture[:, ::-1] for picture in pictures[:20]]
    make_film(tmp_path / "a.mkv", [*pictures[:20], *other], sound[: 40 * 640])
    make_film(tmp_path / "b.mkv", pictures[:20], sound[: 20 * 640])
    footage, videos = track_videos(find_videos(tmp_path), tmp_path / "work", QUIET)
    track: PersonTrack = person_track(videos, footage.frame_size)
    assert stretches(track.video) == [(0, 40), (40, 60)]
    assert stretches(track.stretch) == [(0, 20), (20, 40), (40, 60)]
