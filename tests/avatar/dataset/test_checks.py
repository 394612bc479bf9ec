"""What is said of footage that is no use, or of little: each with what to do."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.data.footage import demo_pictures, demo_sound, make_film, zoomed
from tests.narrow import present

from visavox.avatar.dataset.camera import CameraMotion, CropPlan, camera_motion
from visavox.avatar.dataset.checks import (
    OTHER_SCENE,
    Finding,
    check_headers,
    check_images,
    check_tracked,
    refuse_failed,
)
from visavox.avatar.dataset.settings import DataSettings
from visavox.avatar.dataset.signals import Lags, PersonAudio
from visavox.avatar.dataset.tracking import PersonTrack, Thumbnails, VideoTrack, find_videos
from visavox.data.preparation.lag import AppliedLag
from visavox.errors import InputError
from visavox.face.geometry.pose import canonical_face, project
from visavox.types import FrameStatus, Track

SIZE = (360, 288)
STILL = CameraMotion(0.0, 1.0)
AUDIO = PersonAudio((np.ones(16_000, np.float32),), -20.0)
IN_STEP = Lags((0.0,), (AppliedLag(0.0, "measured"),))
SHORT = DataSettings(minimum_seconds=2.0)


def person(frames: int = 5000, yaw: float = 0.0, distance: float = 60.0, cuts: int = 0, absent: int = 0) -> PersonTrack:
    """A track of a canonical face that looks to the side by up to `yaw` degrees."""
    angles = np.radians(yaw) * np.sin(np.arange(frames) / 10)
    zero, one = np.zeros(frames), np.ones(frames)
    rotations = np.stack(
        [
            np.stack([np.cos(angles), zero, np.sin(angles)], axis=-1),
            np.stack([zero, one, zero], axis=-1),
            np.stack([-np.sin(angles), zero, np.cos(angles)], axis=-1),
        ],
        axis=1,
    )
    translations = np.tile([0.0, 0.0, -distance], (frames, 1))
    points = project(canonical_face(), rotations[:1], translations[:1], SIZE)
    landmarks = np.concatenate([points, np.zeros((1, 478, 1))], axis=-1).astype(np.float32)
    status = np.full(frames, FrameStatus.DETECTED, np.uint8)
    status[:absent] = FrameStatus.ABSENT
    stretch = np.minimum(np.arange(frames) * (cuts + 1) // frames, cuts).astype(np.int32)
    return PersonTrack(
        np.broadcast_to(landmarks, (frames, 478, 3)), status, rotations, translations,
        np.zeros(frames, np.int32), stretch, SIZE,
    )  # fmt: skip


def findings(
    track: PersonTrack | None = None,
    beside: np.ndarray | None = None,
    camera: CameraMotion = STILL,
    audio: PersonAudio = AUDIO,
    lags: Lags = IN_STEP,
    settings: DataSettings = SHORT,
) -> dict[str, Finding]:
    track = track or person()
    beside = np.zeros(track.num_frames, bool) if beside is None else beside
    return {one.name: one for one in check_tracked(track, beside, camera, audio, lags, settings)}


def test_good_footage_has_nothing_to_be_said_of() -> None:
    assert {one.level for one in findings().values()} == {"good"}


@pytest.mark.parametrize(
    ("name", "level", "words", "given"),
    [
        ("length", "failed", "give 20 s or more", {"track": person(400), "settings": DataSettings()}),
        ("length", "remark", "3 to 5 minutes", {"track": person(400)}),
        ("length", "remark", "cut out what does not show", {"track": person(9000, absent=5000)}),
        ("camera", "remark", "a stand", {"camera": CameraMotion(0.01, 1.0)}),
        ("camera", "failed", "stabilise", {"camera": CameraMotion(0.2, 1.0)}),
        ("camera", "failed", "one background", {"camera": CameraMotion(None, 50.0)}),
        ("camera", "remark", "see that it did", {"camera": CameraMotion(None, None)}),
        ("cuts", "remark", "2 cuts", {"track": person(cuts=2)}),
        ("faces", "remark", "in 50% of the frames", {"beside": np.arange(5000) % 2 == 0}),
        ("pose", "remark", "profiles are rendered badly", {"track": person(yaw=60)}),
        ("face size", "remark", "go nearer", {"track": person(distance=200)}),
        ("audio", "failed", "no video has audio", {"audio": PersonAudio((np.zeros(0, np.float32),), -120.0)}),
        ("audio", "failed", "audible speech", {"audio": PersonAudio((np.ones(9, np.float32),), -70.0)}),
        (
            "audio",
            "remark",
            "1 of 2 videos have no audio",
            {"audio": PersonAudio((np.ones(9, np.float32), np.zeros(0, np.float32)), -20.0)},
        ),
        ("sync", "remark", "left as it is", {"lags": Lags((0.0,), (AppliedLag(),))}),
        ("sync", "good", "200 ms too late", {"lags": Lags((-0.2,), (AppliedLag(-0.2, "measured"),))}),
    ],
)
def test_every_fault_is_named_with_what_to_do(name: str, level: str, words: str, given: dict[str, Any]) -> None:
    found = findings(**given)
    assert found[name].level == level
    assert words in found[name].sentence
    others = {
        one.level for other, one in found.items() if other != name and not (other == "length" and "track" in given)
    }
    assert others <= {"good"}


def test_failed_checks_end_the_build_unless_forced() -> None:
    failed = list(findings(camera=CameraMotion(0.2, 1.0)).values())
    with pytest.raises(InputError, match="put the camera on a stand"):
        refuse_failed(failed, force=False)
    refuse_failed(failed, force=True)
    refuse_failed(list(findings().values()), force=False)


def test_enlarged_and_blurred_pictures_are_remarked() -> None:
    sharp = demo_pictures()[0][90:220, 120:240]
    levels = {one.name: one.level for one in check_images([sharp], CropPlan(0, 0, 256, 256))}
    assert levels == {"resolution": "good", "blur": "good"}
    found = {one.name: one for one in check_images([cv2.GaussianBlur(sharp, (0, 0), 4)], CropPlan(0, 0, 100, 256))}
    assert found["resolution"].level == found["blur"].level == "remark"
    assert "a smaller --size" in found["resolution"].advice


def thumbnails(images: list[np.ndarray]) -> list[VideoTrack]:
    count = len(images)
    return [VideoTrack(np.arange(count), (), Thumbnails(np.arange(count), np.stack(images)))]


def room(seed: int = 0) -> np.ndarray:
    """A wall with pictures on it, uint8 (160, 240)."""
    generator = np.random.default_rng(seed)
    wall = np.full((160, 240), 120.0)
    for _ in range(40):
        y, x = generator.integers(0, 140), generator.integers(0, 210)
        wall[y : y + 12, x : x + 18] = generator.integers(20, 240)
    return wall.astype(np.uint8)


def test_still_camera() -> None:
    generator = np.random.default_rng(1)
    wall = room()[:128, :160]
    noisy = [np.clip(wall + generator.normal(0, 2, wall.shape), 0, 255).astype(np.uint8) for _ in range(20)]
    motion = camera_motion(thumbnails(noisy), (640, 512))
    assert motion.shift is not None
    assert motion.shift < 0.003
    assert present(motion.difference) < 4


def test_camera_that_moves_is_measured_in_widths() -> None:
    wall = room()
    images = [np.ascontiguousarray(wall[:128, step : step + 160]) for step in range(0, 20, 2)]
    motion = camera_motion(thumbnails(images), (640, 512))
    # Places are counted from the middle one: 9 or 10 of 160 columns to either side.
    assert motion.shift == pytest.approx(9.5 / 160, abs=1.5 / 160)


def test_plain_wall_has_nothing_to_be_measured_by() -> None:
    generator = np.random.default_rng(1)
    images = [np.clip(120 + generator.normal(0, 2, (128, 160)), 0, 255).astype(np.uint8) for _ in range(10)]
    motion = camera_motion(thumbnails(images), (640, 512))
    assert motion.shift is None
    assert present(motion.difference) < 4


def test_face_that_fills_the_picture_hides_the_scene() -> None:
    track = person(1, distance=16)
    points = np.array(track.landmarks)
    whole = Track(
        points, track.status, track.stretch, track.rotations, track.translations, (Fraction(0),), track.frame_size
    )
    images = Thumbnails(np.zeros(1, int), np.zeros((1, 128, 160), np.uint8))
    assert camera_motion([VideoTrack(np.zeros(1, int), (whole,), images)], SIZE) == CameraMotion(None, None)


def test_two_scenes_are_told() -> None:
    images = [room(0)[:128, :160]] * 12 + [room(7)[:128, :160]] * 6
    assert present(camera_motion(thumbnails(images), (640, 512)).difference) > OTHER_SCENE


def test_sizes_that_differ(tmp_path: Path) -> None:
    make_film(tmp_path / "a.mkv", demo_pictures()[:30], demo_sound()[:19200])
    make_film(tmp_path / "b.mkv", [picture[:200] for picture in demo_pictures()[:30]], demo_sound()[:19200])
    with pytest.raises(InputError, match="give the videos of one camera"):
        check_headers(find_videos(tmp_path), SHORT)


def test_footage_without_sound(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mkv", demo_pictures(), None)
    with pytest.raises(InputError, match="has no audio"):
        check_headers(find_videos(film), SHORT)


def test_footage_that_is_too_short(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mkv", demo_pictures(), demo_sound())
    with pytest.raises(InputError, match=r"is 3\.0 s long; give 20 s or more"):
        check_headers(find_videos(film), DataSettings())


def test_too_few_frames_a_second(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mkv", demo_pictures(), demo_sound(), rate=10)
    with pytest.raises(InputError, match="10 frames a second"):
        check_headers(find_videos(film), SHORT)


def test_another_scene_in_the_footage_is_refused(tmp_path: Path) -> None:
    from visavox.avatar.dataset.prepare import prepare_person

    pictures = demo_pictures()
    other = [np.minimum(zoomed(picture).astype(int) + 60, 255).astype(np.uint8) for picture in pictures[:40]]
    make_film(tmp_path / "clips" / "a.mkv", pictures[:40], demo_sound()[: 40 * 640])
    make_film(tmp_path / "clips" / "b.mkv", other, demo_sound()[: 40 * 640])
    with pytest.raises(InputError, match="one fixed camera"):
        prepare_person(tmp_path / "clips", tmp_path / "data", DataSettings(size=128, minimum_seconds=1.0))


def test_picture_in_place_of_a_video(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), demo_pictures()[0])
    with pytest.raises(InputError, match="an image, not a video"):
        find_videos(tmp_path / "face.png")
