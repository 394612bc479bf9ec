"""What the benchmarks are made from."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from benchmarks.clips import Clip, find_clips
from benchmarks.material import cut_sound, reverse_video, shift_samples
from benchmarks.speed_material import make_random_weights, make_video

from visavox.demo import FACE
from visavox.errors import InputError
from visavox.media import VideoReader, probe, read_audio
from visavox.models import checkpoint


def write_sound(path: Path, samples: np.ndarray, rate: int = 16000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def test_a_video_backwards_has_the_frames_of_the_video(tmp_path):
    target = tmp_path / "backwards.mp4"
    reverse_video(FACE, target)
    with VideoReader(FACE) as forward, VideoReader(target) as backward:
        first, second = list(forward), list(backward)
    assert len(first) == len(second) == 75
    assert [frame.time for frame in second] == [first[-1].time - frame.time for frame in reversed(first)]
    errors = [
        np.abs(a.image.astype(int) - b.image.astype(int)).mean() for a, b in zip(first, reversed(second), strict=True)
    ]
    assert max(errors) < 1.0
    assert not probe(target).has_audio
    assert [path.name for path in tmp_path.iterdir()] == ["backwards.mp4"]


@pytest.mark.parametrize(("lag", "begins_at"), [("-0.32", 0.32), ("0", 0.0), ("0.08", -0.08)])
def test_late_sound_is_advanced_and_early_sound_delayed(tmp_path, lag, begins_at):
    ramp = np.linspace(0, 0.9, 16000)
    source = write_sound(tmp_path / "in.wav", ramp)
    cut_sound(source, tmp_path / "out.wav", Fraction(lag), Fraction(1))
    expected = np.interp(np.arange(16000) / 16000 + begins_at, np.arange(16000) / 16000, ramp, left=0, right=0)
    assert read_audio(tmp_path / "out.wav") == pytest.approx(expected, abs=2e-4)


def test_sound_is_as_long_as_wanted(tmp_path):
    source = write_sound(tmp_path / "in.wav", np.linspace(0.1, 0.9, 1600))
    for repeat in (False, True):
        cut_sound(source, tmp_path / "out.wav", Fraction(0), Fraction(1, 4), repeat)
        samples = read_audio(tmp_path / "out.wav")
        assert len(samples) == 4000
        assert (samples[1700:] > 0.05).all() == repeat


def test_shifting_keeps_the_length_even_past_the_end():
    samples = np.arange(1, 5)[:, None]
    assert shift_samples(samples, 1)[:, 0].tolist() == [2, 3, 4, 0]
    assert shift_samples(samples, -1)[:, 0].tolist() == [0, 1, 2, 3]
    assert shift_samples(samples, 9)[:, 0].tolist() == [0, 0, 0, 0]
    assert shift_samples(samples, -9)[:, 0].tolist() == [0, 0, 0, 0]


@pytest.fixture
def clip_set(tmp_path) -> Path:
    for name in ("eval/grid_a/one.mpg", "eval/grid_b/two.mp4", "eval/news/three.mp4", "eval/news/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "INDEX.csv").write_text(
        "file,av_lag_s,av_best\neval/grid_a/one.mpg,-0.32,0.749\neval/grid_b/two.mp4,-0.2,0.1\neval/news/three.mp4,,\n"
    )
    return tmp_path / "eval"


def test_clips_are_grouped_by_folder_and_lags_are_believed_when_certain(clip_set):
    assert find_clips(clip_set) == [
        Clip("grid_a/one", clip_set / "grid_a/one.mpg", "grid", Fraction("-0.32")),
        Clip("grid_b/two", clip_set / "grid_b/two.mp4", "grid", Fraction(0)),
        Clip("news/three", clip_set / "news/three.mp4", "news", Fraction(0)),
    ]


def test_a_folder_without_clips_and_a_wrong_table_are_refused(clip_set, tmp_path):
    with pytest.raises(InputError, match="not a folder"):
        find_clips(clip_set / "none")
    (tmp_path / "void").mkdir()
    with pytest.raises(InputError, match="holds no recording"):
        find_clips(tmp_path / "void")
    (tmp_path / "other.csv").write_text("name\nx\n")
    with pytest.raises(InputError, match="no table of lags"):
        find_clips(clip_set, tmp_path / "other.csv")


def test_speed_is_measured_on_videos_of_the_size_and_length_wanted(tmp_path):
    info = probe(make_video(tmp_path / "large.mp4", (320, 180), 4.0))
    assert (info.width, info.height, info.num_frames) == (320, 180, 100)


@pytest.mark.slow
def test_the_published_network_is_measured_with_random_weights(tmp_path):
    network = checkpoint.load_model(make_random_weights("wav2lip-96", tmp_path / "random.safetensors"))
    assert sum(parameter.numel() for parameter in network.parameters()) == 36_298_035
