"""What the benchmarks are made from."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from benchmarks.clips import Clip, find_clips
from benchmarks.speed.material import make_random_weights, make_video

from visavox.errors import InputError
from visavox.media import probe
from visavox.weights import checkpoint


@pytest.fixture
def clip_set(tmp_path: Path) -> Path:
    for name in ("eval/grid_a/one.mpg", "eval/grid_b/two.mp4", "eval/news/three.mp4", "eval/news/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "INDEX.csv").write_text(
        "file,av_lag_s,av_best\neval/grid_a/one.mpg,-0.32,0.749\neval/grid_b/two.mp4,-0.2,0.1\neval/news/three.mp4,,\n"
    )
    return tmp_path / "eval"


def test_clips_are_grouped_by_folder_and_lags_are_believed_when_certain(clip_set: Path) -> None:
    assert find_clips(clip_set) == [
        Clip("grid_a/one", clip_set / "grid_a/one.mpg", "grid", Fraction("-0.32")),
        Clip("grid_b/two", clip_set / "grid_b/two.mp4", "grid", Fraction(0)),
        Clip("news/three", clip_set / "news/three.mp4", "news", Fraction(0)),
    ]


def test_a_folder_without_clips_and_a_wrong_table_are_refused(clip_set: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder"):
        find_clips(clip_set / "none")
    (tmp_path / "void").mkdir()
    with pytest.raises(InputError, match="holds no recording"):
        find_clips(tmp_path / "void")
    (tmp_path / "other.csv").write_text("name\nx\n")
    with pytest.raises(InputError, match="no table of lags"):
        find_clips(clip_set, tmp_path / "other.csv")


def test_speed_is_measured_on_videos_of_the_size_and_length_wanted(tmp_path: Path) -> None:
    info = probe(make_video(tmp_path / "large.mp4", (320, 180), 4.0))
    assert (info.width, info.height, info.num_frames) == (320, 180, 100)


@pytest.mark.slow
def test_the_published_network_is_measured_with_random_weights(tmp_path: Path) -> None:
    network = checkpoint.load_model(make_random_weights("wav2lip-96", tmp_path / "random.safetensors"))
    assert sum(parameter.numel() for parameter in network.parameters()) == 36_298_035
