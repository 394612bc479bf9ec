"""The frames of the footage, to and fro."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.small_avatar import info_of
from tests.small_person import make_person

from visavox.avatar import source_frames
from visavox.avatar.avatar_folder import AvatarSource, SourceCrop, SourceVideo
from visavox.avatar.source_frames import find_stretch, play, to_and_fro
from visavox.data.person_data import PersonData
from visavox.errors import InputError
from visavox.media import Encoding, VideoInfo, VideoWriter


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
def info(tmp_path_factory):
    """Footage of a video of 12 frames and one of 50, the second cut in two."""
    folder = tmp_path_factory.mktemp("footage")
    videos = (SourceVideo("a.mkv", 12), SourceVideo("b.mkv", 50))
    write_numbers(folder / "a.mkv", 12)
    write_numbers(folder / "b.mkv", 50)
    person = PersonData.load(make_person(folder / "data"))
    source = AvatarSource(videos, SourceCrop(0, 0, 32), (48, 36))
    return folder, replace(info_of(person), stretches=((0, 12), (12, 30), (30, 54)), source=source)


def test_the_longest_stretch_with_a_face_is_found(info):
    folder, known = info
    seen = np.ones(54, bool)
    stretch = find_stretch(known, seen, folder, None)
    assert (stretch.first, stretch.num_frames, stretch.offset) == (30, 24, 18)
    seen[40] = False
    stretch = find_stretch(known, seen, folder, None)
    assert (stretch.first, stretch.num_frames, stretch.offset) == (12, 18, 0)


def test_frames_are_played_to_and_fro(info):
    folder, known = info
    stretch = find_stretch(known, np.ones(54, bool), folder, None)
    seen = [number_of(image) for image in play(stretch, 60)]
    assert seen == [*range(18, 42), *range(40, 17, -1), *range(19, 32)]
    assert [number_of(image) for image in play(stretch, 3)] == [18, 19, 20]


def test_memory_is_bounded(info, monkeypatch):
    folder, known = info
    stretch = find_stretch(known, np.ones(54, bool), folder, None)
    whole = list(play(stretch, 60))
    monkeypatch.setattr(source_frames, "_MEMORY", 0)
    pieces = list(play(stretch, 60))
    assert all(np.array_equal(one, other) for one, other in zip(whole, pieces, strict=True))


def test_another_rate_gives_the_nearest_frames(tmp_path, info):
    _, known = info
    write_numbers(tmp_path / "b.mkv", 60, rate=50)
    source = AvatarSource((SourceVideo("b.mkv", 30),), known.source.crop, (48, 36))
    stretch = find_stretch(replace(known, stretches=((0, 30),), source=source), np.ones(30, bool), tmp_path, None)
    assert [number_of(image) for image in play(stretch, 5)] == [0, 2, 4, 6, 8]


def test_footage_may_have_moved(info, tmp_path):
    folder, known = info
    seen = np.ones(54, bool)
    with pytest.raises(InputError, match=r"no longer there: .*b\.mkv is missing; give the folder .*--paste FOLDER"):
        find_stretch(known, seen, tmp_path, None)
    assert find_stretch(known, seen, tmp_path, folder).offset == 18
    assert find_stretch(known, seen, tmp_path, folder / "b.mkv").offset == 18


def test_other_footage_is_refused(info, tmp_path):
    folder, known = info
    seen = np.ones(54, bool)
    with pytest.raises(InputError, match="does not say what footage"):
        find_stretch(replace(known, source=None), seen, folder, None)
    with pytest.raises(InputError, match="has 48 x 36 pixels and the footage of the avatar had 64 x 36"):
        find_stretch(replace(known, source=replace(known.source, frame_size=(64, 36))), seen, folder, None)
    stretch = find_stretch(known, seen, folder, folder / "a.mkv")
    with pytest.raises(InputError, match="has 12 frames, fewer than"):
        next(play(stretch, 24))
    with pytest.raises(InputError, match="never shows its face"):
        find_stretch(known, ~seen, folder, None)


def test_neighbours_are_neighbours():
    order = to_and_fro(5, 40)
    assert (np.abs(np.diff(order)) == 1).all()
    assert set(order) == set(range(5))
    assert (to_and_fro(1, 4) == 0).all()
