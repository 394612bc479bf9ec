"""Side by side: who is where, when and how loud."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.evaluation.conftest import DEMO, write_video

from visavox.cli.compare import main
from visavox.errors import InputError
from visavox.evaluation import compare
from visavox.evaluation.comparison import ComparisonSettings
from visavox.evaluation.face_tiles import draw_label
from visavox.media import VideoReader, probe, read_audio


def plain_video(
    path: Path, level: int, num_frames: int, rate: int, size: tuple[int, int] = (64, 48), sound: Path | None = None
) -> Path:
    """Write pictures of one brightness that grows by one a frame."""
    images = (np.full((size[1], size[0], 3), level + index, np.uint8) for index in range(num_frames))
    return write_video(path, images, rate=rate, sound=sound)


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    return [
        plain_video(tmp_path / "first one.mp4", 30, 10, 25),
        plain_video(tmp_path / "second.mp4", 130, 30, 50, (96, 96), sound=DEMO),
    ]


def levels(path: Path, x: int, y: int) -> list[int]:
    """Brightness of a place in every frame."""
    with VideoReader(path) as reader:
        return [int(frame.image[y, x].mean()) for frame in reader]


def test_each_video_keeps_its_time_and_a_shorter_one_stays_on_its_last_frame(two: list[Path], tmp_path: Path) -> None:
    result = compare(two, tmp_path / "both.mp4", settings=ComparisonSettings(show_labels=False))
    info = probe(result)
    assert (info.width, info.height, info.frame_rate) == (128 + 96, 96, Fraction(50))
    slow, fast = levels(result, 60, 48), levels(result, 200, 48)
    assert len(fast) == 30
    assert np.abs(np.array(fast) - (130 + np.arange(30))).max() <= 3
    assert np.abs(np.array(slow) - (30 + np.minimum(np.arange(30) // 2, 9))).max() <= 3


def test_sound_comes_from_the_video_that_is_named(two: list[Path], tmp_path: Path) -> None:
    assert not probe(compare(two, tmp_path / "silent.mp4")).has_audio
    heard = compare(two, tmp_path / "heard.mp4", settings=ComparisonSettings(audio_from=2))
    expected = read_audio(two[1])
    sound = read_audio(heard)
    length = min(len(sound), len(expected), 9000)
    assert np.corrcoef(sound[:length], expected[:length])[0, 1] > 0.98


def test_rows_labels_and_heights(two: list[Path], tmp_path: Path) -> None:
    settings = ComparisonSettings(height=64, columns=2, labels=("A", "B", "C"))
    result = compare([*two, two[0]], tmp_path / "grid.mkv", settings=settings)
    info = probe(result)
    assert (info.width, info.height) == (86 + 64, 128)
    with VideoReader(result) as reader:
        image = next(iter(reader)).image
    assert image[:12, :10].min() < 25  # the black strip of the label ...
    assert image[:12, :14].max() > 150  # ... and the letter on it
    assert image[100:, 100:].max() < 25  # nobody in the last place


def test_a_picture_stands_beside_a_video(two: list[Path], tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.full((32, 32, 3), 200, np.uint8))
    result = compare([photo, two[0]], tmp_path / "still.mp4", settings=ComparisonSettings(show_labels=False))
    assert [abs(level - 200) <= 3 for level in levels(result, 5, 20)] == [True] * 10


def test_a_label_fits_its_video() -> None:
    label = draw_label("a name that is much longer than the video is wide", 80, 16)
    assert label.shape[0] == 16
    assert label.shape[1] <= 80
    assert draw_label("Ünïcode Ελληνικά", 400, 20).max() == 255


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (ComparisonSettings(audio_from=3), "allowed are 1 to 2"),
        (ComparisonSettings(labels=("one",)), "1 labels given for 2 videos"),
        (ComparisonSettings(height=4), "16 to 4320"),
        (ComparisonSettings(columns=0), "columns"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_the_work(
    two: list[Path], tmp_path: Path, settings: ComparisonSettings, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        compare(two, tmp_path / "out.mp4", settings=settings)
    assert not (tmp_path / "out.mp4").exists()


def test_the_command_writes_the_file_and_says_where(
    two: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.mp4"
    assert main([str(two[0]), str(two[1]), "-o", str(output), "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(output)
    assert output.exists()
    with pytest.raises(InputError, match="overwrite"):
        main([str(two[0]), str(two[1]), "-o", str(output)])
    with pytest.raises(InputError, match="two or more"):
        main([str(two[0]), "-o", str(tmp_path / "one.mp4")])
