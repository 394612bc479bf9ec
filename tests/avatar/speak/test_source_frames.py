"""Frames of the source videos: played by a plan, checked, and morphed into one another."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.narrow import present
from tests.small_avatar import info_of
from tests.small_person import make_person

from visavox.avatar.format.avatar_folder import AvatarInfo, AvatarSource, SourceCrop, SourceVideo
from visavox.avatar.speak import source_frames
from visavox.avatar.speak.source_frames import SourceVideos, morph
from visavox.avatar.speak.source_plan import Segment, SourcePlan, fade_shares
from visavox.data.radiance.person_data import PersonData
from visavox.errors import InputError
from visavox.media import Encoding, VideoInfo, VideoWriter
from visavox.media.segment import SegmentReader


def write_numbers(path: Path, count: int, rate: int = 25) -> Path:
    """A video whose pictures are 4 grey levels brighter each."""
    like = VideoInfo(path="", width=48, height=36, frame_rate=Fraction(rate), time_base=Fraction(1, rate))
    with VideoWriter(path, like=like, encoding=Encoding(crf=0), synthetic=False) as writer:
        for index in range(count):
            writer.write(np.full((36, 48, 3), 4 * index, np.uint8), Fraction(index, rate))
    return path


def number_of(image: np.ndarray) -> int:
    return round(float(image.mean()) / 4)


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, AvatarInfo]:
    """Footage of a video of 12 frames and one of 50, the second cut in two."""
    folder = tmp_path_factory.mktemp("footage")
    videos = (SourceVideo("a.mkv", 12), SourceVideo("b.mkv", 50))
    write_numbers(folder / "a.mkv", 12)
    write_numbers(folder / "b.mkv", 50)
    person = PersonData.load(make_person(folder / "data"))
    source = AvatarSource(videos, SourceCrop(0, 0, 32), (48, 36))
    return folder, replace(info_of(person), stretches=((0, 12), (12, 30), (30, 54)), source=source)


def segment(first: int, step: int, count: int, fade: int = 0, stretch: int = 0) -> Segment:
    return Segment(stretch, first, step, count, fade)


def source_plan_of(*segments: Segment) -> SourcePlan:
    """A course by its legs, which are all that frames are read by."""
    nothing = np.zeros(0)
    return SourcePlan(segments, nothing, nothing, nothing)


def footage_of(
    info: tuple[Path, AvatarInfo], place: Path | None = None, seen: np.ndarray | None = None
) -> SourceVideos:
    folder, known = info
    return SourceVideos(known, np.ones(54, bool) if seen is None else seen, folder, place)


def test_stretches_are_those_in_which_the_face_is_seen(info: tuple[Path, AvatarInfo]) -> None:
    seen = np.ones(54, bool)
    seen[40] = False
    assert footage_of(info, seen=seen).stretches == [(0, 12), (12, 30), (30, 40), (41, 54)]
    assert not footage_of(info).is_one_video


def test_frames_of_several_videos_follow_one_another_in_both_directions(info: tuple[Path, AvatarInfo]) -> None:
    course = source_plan_of(segment(30, 1, 5), segment(9, -1, 4), segment(40, 0, 3))
    seen = [number_of(image) for image in footage_of(info).play(course)]
    assert seen == [18, 19, 20, 21, 22, 9, 8, 7, 6, 28, 28, 28]


def test_neighbours_fade_into_each_other(info: tuple[Path, AvatarInfo]) -> None:
    course = source_plan_of(segment(20, 1, 10), segment(2, 1, 10, fade=4))
    images = list(footage_of(info).play(course))
    assert len(images) == 16
    seen = [image.mean() / 4 for image in images]
    assert np.allclose(seen[:6], range(8, 14), atol=0.3)
    assert np.allclose(seen[10:], range(6, 12), atol=0.3)
    wanted = [(1 - share) * (14 + k) + share * (2 + k) for k, share in enumerate(fade_shares(4))]
    assert np.allclose(seen[6:10], wanted, atol=0.3)


def test_two_videos_are_open_at_most_and_none_is_left_open(
    info: tuple[Path, AvatarInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_now, most = [], []

    class Counted(SegmentReader):
        def __enter__(self) -> SegmentReader:
            open_now.append(self)
            most.append(len(open_now))
            return super().__enter__()

        def __exit__(self, *error: Any) -> None:
            open_now.remove(self)
            super().__exit__(*error)

    monkeypatch.setattr(source_frames, "SegmentReader", Counted)
    course = source_plan_of(
        segment(0, 1, 9), segment(20, 1, 9, fade=3), segment(11, -1, 9, fade=3), segment(50, -1, 9, fade=3)
    )
    assert len(list(footage_of(info).play(course))) == 27
    assert max(most) == 2
    assert not open_now
    playing = footage_of(info).play(course)
    for _ in range(7):
        next(playing)
    assert len(open_now) == 2
    playing.close()
    assert not open_now


def test_memory_is_bounded(info: tuple[Path, AvatarInfo], monkeypatch: pytest.MonkeyPatch) -> None:
    course = source_plan_of(segment(30, 1, 20), segment(49, -1, 20))
    whole = list(footage_of(info).play(course))
    monkeypatch.setattr(source_frames, "_MEMORY", 0)
    pieces = list(footage_of(info).play(course))
    assert all(np.array_equal(one, other) for one, other in zip(whole, pieces, strict=True))


def only(info: tuple[Path, AvatarInfo], video: SourceVideo) -> tuple[Path, AvatarInfo]:
    """The same footage, of one video alone."""
    folder, known = info
    source = replace(present(known.source), videos=(video,))
    return folder, replace(known, stretches=((0, video.num_frames),), source=source)


def test_another_rate_gives_the_nearest_frames(tmp_path: Path, info: tuple[Path, AvatarInfo]) -> None:
    write_numbers(tmp_path / "b.mkv", 60, rate=50)
    footage = SourceVideos(only(info, SourceVideo("b.mkv", 30))[1], np.ones(30, bool), tmp_path, None)
    assert [number_of(image) for image in footage.play(source_plan_of(segment(0, 1, 5)))] == [0, 2, 4, 6, 8]


def test_footage_may_have_moved(info: tuple[Path, AvatarInfo], tmp_path: Path) -> None:
    folder, known = info
    course, both = source_plan_of(segment(30, 1, 5)), source_plan_of(segment(30, 1, 5), segment(0, 1, 5))
    with pytest.raises(InputError, match=r"no longer there: .*b\.mkv is missing; give the folder .*--paste FOLDER"):
        footage_of((tmp_path, known)).check(course)
    assert footage_of((tmp_path, known), folder).check(both).path == str(folder / "b.mkv")
    (tmp_path / "b.mkv").write_bytes((folder / "b.mkv").read_bytes())
    assert footage_of((tmp_path, known)).check(course).width == 48
    with pytest.raises(InputError, match=r"no longer there: .*a\.mkv is missing"):
        footage_of((tmp_path, known)).check(both)


def test_one_of_several_videos_may_be_given(info: tuple[Path, AvatarInfo], tmp_path: Path) -> None:
    folder, _ = info
    footage = footage_of(info, folder / "b.mkv")
    assert footage.stretches == [(12, 30), (30, 54)]
    assert footage.is_one_video
    assert number_of(next(footage.play(source_plan_of(segment(30, 1, 2))))) == 18
    (tmp_path / "c.mkv").write_bytes((folder / "a.mkv").read_bytes())
    with pytest.raises(InputError, match="none of the videos that the avatar was learned from; give their folder"):
        footage_of(info, tmp_path / "c.mkv")


def test_other_footage_is_refused(info: tuple[Path, AvatarInfo]) -> None:
    folder, known = info
    source = present(known.source)
    with pytest.raises(InputError, match="does not say what video"):
        footage_of((folder, replace(known, source=None)))
    wide = replace(known, source=replace(source, frame_size=(64, 36)))
    with pytest.raises(InputError, match="has 48 x 36 pixels and the video of the avatar had 64 x 36"):
        footage_of((folder, wide)).check(source_plan_of(segment(0, 1, 5)))
    long = SourceVideos(only(info, SourceVideo("a.mkv", 30))[1], np.ones(30, bool), folder, None)
    assert len(list(long.play(source_plan_of(segment(0, 1, 12))))) == 12
    with pytest.raises(InputError, match="has 12 frames, fewer than"):
        long.locate(source_plan_of(segment(0, 1, 13)))
    with pytest.raises(InputError, match="never shows its face"):
        footage_of(info, seen=np.zeros(54, bool))
    with pytest.raises(InputError, match="has 50 frames and its performance more"):
        footage_of((folder, replace(known, source=replace(source, videos=source.videos[1:]))))


def a_scene(x: float, y: float = 60.0, size: tuple[int, int] = (120, 160)) -> np.ndarray:
    """A still, coloured scene with a spotted disk in it."""
    height, width = size
    rng = np.random.default_rng(0)
    scene = cv2.GaussianBlur(rng.uniform(0, 160, (height, width, 3)), (0, 0), 5)
    spots = cv2.GaussianBlur(rng.uniform(-400, 600, (81, 81, 3)), (0, 0), 3)
    disk = cv2.GaussianBlur((np.hypot(*np.mgrid[-40:41, -40:41]) < 30).astype(float), (0, 0), 1)[..., None]
    moved = np.array([[1, 0, x - 40], [0, 1, y - 40]], float)
    share = cv2.warpAffine(disk, moved, (width, height))[..., None]
    mixed: np.ndarray = (1 - share) * scene + share * cv2.warpAffine(120 + spots, moved, (width, height))
    return mixed.clip(0, 255).astype(np.uint8)


def test_the_ends_are_the_pictures() -> None:
    first, second = a_scene(70), a_scene(78)
    assert np.abs(morph(first, second, 0).astype(int) - first).max() <= 1
    assert np.abs(morph(first, second, 1).astype(int) - second).mean() < 2


def test_half_way_what_moved_is_half_way_and_is_not_seen_twice() -> None:
    first, second, truth = a_scene(70), a_scene(80), a_scene(75).astype(int)
    made = morph(first, second, 0.5)
    assert made.shape == first.shape
    assert made.dtype == np.uint8
    faded = cv2.addWeighted(first, 0.5, second, 0.5, 0)
    inside = np.s_[40:80, 60:90]
    assert np.abs(made.astype(int) - truth)[inside].mean() < 0.4 * np.abs(faded.astype(int) - truth)[inside].mean()
    assert np.abs(made.astype(int) - first)[:20].mean() < 2  # the scene stays where it is


def test_what_only_changes_fades() -> None:
    first = np.full((40, 60, 3), 100, np.uint8)
    assert (morph(first, np.full_like(first, 140), 0.25) == 110).all()


def test_large_pictures_are_followed_in_small_ones() -> None:
    first, second = (cv2.resize(a_scene(x), (960, 720), interpolation=cv2.INTER_CUBIC) for x in (70, 76))
    truth = cv2.resize(a_scene(73), (960, 720), interpolation=cv2.INTER_CUBIC).astype(int)
    made, faded = morph(first, second, 0.5).astype(int), cv2.addWeighted(first, 0.5, second, 0.5, 0).astype(int)
    inside = np.s_[240:480, 360:525]
    assert np.abs(made - truth)[inside].mean() < 0.5 * np.abs(faded - truth)[inside].mean()
