"""Recordings played backwards, and their sound."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from visavox.demo import FACE
from visavox.evaluation.backwards import cut_audio, cut_video, reverse_video, shift_samples
from visavox.media import VideoReader, probe, read_audio


def write_sound(path: Path, samples: np.ndarray, rate: int = 16000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def test_a_video_backwards_has_the_frames_of_the_video(tmp_path: Path) -> None:
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
def test_late_sound_is_advanced_and_early_sound_delayed(tmp_path: Path, lag: str, begins_at: float) -> None:
    ramp = np.linspace(0, 0.9, 16000)
    source = write_sound(tmp_path / "in.wav", ramp)
    cut_audio(source, tmp_path / "out.wav", Fraction(lag), Fraction(1))
    expected = np.interp(np.arange(16000) / 16000 + begins_at, np.arange(16000) / 16000, ramp, left=0, right=0)
    assert read_audio(tmp_path / "out.wav") == pytest.approx(expected, abs=2e-4)


def test_sound_is_as_long_as_wanted(tmp_path: Path) -> None:
    source = write_sound(tmp_path / "in.wav", np.linspace(0.1, 0.9, 1600))
    for repeat in (False, True):
        cut_audio(source, tmp_path / "out.wav", Fraction(0), Fraction(1, 4), repeat)
        samples = read_audio(tmp_path / "out.wav")
        assert len(samples) == 4000
        assert (samples[1700:] > 0.05).all() == repeat


def test_shifting_keeps_the_length_even_past_the_end() -> None:
    samples = np.arange(1, 5)[:, None]
    assert shift_samples(samples, 1)[:, 0].tolist() == [2, 3, 4, 0]
    assert shift_samples(samples, -1)[:, 0].tolist() == [0, 1, 2, 3]
    assert shift_samples(samples, 9)[:, 0].tolist() == [0, 0, 0, 0]
    assert shift_samples(samples, -9)[:, 0].tolist() == [0, 0, 0, 0]


def test_a_stretch_forwards_and_backwards(tmp_path: Path) -> None:
    begin, end = Fraction(1), Fraction(2)
    cut_video(FACE, tmp_path / "forwards.mp4", begin, end)
    reverse_video(FACE, tmp_path / "backwards.mp4", begin, end)
    with VideoReader(FACE) as whole, VideoReader(tmp_path / "forwards.mp4") as one:
        wanted, forwards = [frame.image.astype(int) for frame in whole][25:50], list(one)
    with VideoReader(tmp_path / "backwards.mp4") as other:
        backwards = list(other)
    assert [frame.time for frame in forwards] == [frame.time for frame in backwards]
    assert forwards[0].time == 0
    assert len(forwards) == len(backwards) == 25
    for frames in (forwards, reversed(backwards)):
        errors = [np.abs(frame.image - true).mean() for frame, true in zip(frames, wanted, strict=True)]
        assert max(errors) < 1.0


def test_the_sound_of_a_stretch_begins_where_the_stretch_does(tmp_path: Path) -> None:
    source = write_sound(tmp_path / "in.wav", np.linspace(0, 0.9, 16000))
    cut_audio(source, tmp_path / "out.wav", Fraction("-0.1"), Fraction(1, 2), start=Fraction(1, 4))
    samples = read_audio(tmp_path / "out.wav")
    assert len(samples) == 8000
    assert samples[0] == pytest.approx(0.9 * 0.35, abs=1e-3)
