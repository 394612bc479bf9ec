"""Reading sound from anything, and mixing it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.media.media_samples import make_grid_clip, make_sound, make_video, tone

from visavox.errors import InputError
from visavox.media import AudioPlan, SampleReader, probe_audio, read_audio, read_samples
from visavox.media.audio_track import Mixer


def loudest_frequency(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / rate)[spectrum.argmax()])


def level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


@pytest.mark.parametrize("extension", [".wav", ".flac", ".mp3", ".m4a", ".ogg"])
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_of_every_kind(tmp_path: Path, extension: str, channels: int) -> None:
    rate = 48_000 if extension == ".ogg" else 44_100
    path = make_sound(tmp_path / f"speech{extension}", tone(1.5, rate, channels), rate)
    samples = read_audio(path)
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert len(samples) == pytest.approx(1.5 * 16_000, abs=0.06 * 16_000)
    middle = samples[4000:20_000]
    assert loudest_frequency(middle, 16_000) == pytest.approx(440, abs=2)
    assert level(middle) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 32_000, 48_000, 96_000])
def test_every_rate_keeps_length_and_pitch(tmp_path: Path, rate: int) -> None:
    path = make_sound(tmp_path / "speech.wav", tone(1.0, rate, 1), rate)
    assert probe_audio(path).rate == rate
    samples = read_audio(path)
    assert len(samples) == pytest.approx(16_000, abs=1)
    assert loudest_frequency(samples, 16_000) == pytest.approx(440, abs=2)


def test_sound_at_its_own_rate_is_bit_exact(tmp_path: Path) -> None:
    wave = tone(0.5, 16_000, 1)
    stored = read_audio(make_sound(tmp_path / "speech.wav", wave, 16_000))
    assert len(stored) == 8_000
    assert np.abs(stored - wave[0]).max() < 1.01 / 32768


@pytest.mark.parametrize("channels", [4, 6])
def test_many_channels_are_mixed_down(tmp_path: Path, channels: int) -> None:
    path = make_sound(tmp_path / "surround.wav", tone(0.5, 48_000, channels), 48_000)
    assert probe_audio(path).channels == channels
    assert level(read_audio(path)) > 0.1
    assert read_samples(path, 48_000, 2).shape == (24_000, 2)


def test_sound_of_a_video(tmp_path: Path) -> None:
    samples = read_audio(make_grid_clip(tmp_path / "clip.mpg"))
    assert loudest_frequency(samples, 16_000) == pytest.approx(440, abs=2)
    assert len(samples) == pytest.approx(1.2 * 16_000, abs=0.06 * 16_000)


def click_time(samples: np.ndarray, rate: int = 16_000) -> float:
    return int(np.abs(samples).argmax()) / rate


@pytest.mark.parametrize("start", [Fraction(0), Fraction(1, 2), Fraction(-1, 5)])
@pytest.mark.parametrize("extension", [".mkv", ".mp4", ".ts"])
def test_sound_counts_from_the_first_picture(tmp_path: Path, start: Fraction, extension: str) -> None:
    """A click that is heard with frame 25 stays there, wherever picture and sound begin in the file."""
    first_frame = 10  # 0.4 s
    wave = np.zeros((1, 48_000 * 2), np.float32)
    begin = Fraction(first_frame, 25) + start
    at = round((1 - start) * 48_000)
    wave[0, at : at + 24] = 0.9
    path = make_video(
        tmp_path / f"click{extension}",
        num_frames=40,
        first_stamp=first_frame,
        sound=wave,
        sound_rate=48_000,
        sound_start=begin,
        sound_codec="aac" if extension != ".mkv" else "pcm_s16le",
    )
    assert click_time(read_audio(path)) == pytest.approx(1.0, abs=0.01)


def test_pieces_are_the_whole(tmp_path: Path) -> None:
    path = make_sound(tmp_path / "speech.flac", tone(1.3, 44_100, 2), 44_100)
    whole = read_samples(path, 16_000, 2)
    reader = SampleReader(path, 16_000, 2)
    pieces = [reader.read(777) for _ in range(30)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert len(pieces[-1]) == 0


@pytest.mark.parametrize(("what", "words"), [("silent.mp4", "has no sound"), ("picture.png", "has no sound")])
def test_no_sound_is_said(tmp_path: Path, what: str, words: str) -> None:
    path = tmp_path / what
    if what.endswith("png"):
        from PIL import Image

        Image.new("RGB", (8, 8)).save(path)
    else:
        make_video(path, num_frames=2)
    with pytest.raises(InputError, match=words):
        read_audio(path)


def test_sound_without_length_is_said(tmp_path: Path) -> None:
    path = make_sound(tmp_path / "nothing.wav", tone(0.01, 16_000, 1), 16_000)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"data") + 4] + bytes(4))
    with pytest.raises(InputError, match="no length"):
        read_audio(path)


def test_hole_in_the_sound_is_silence(tmp_path: Path) -> None:
    import av

    path = tmp_path / "hole.mkv"
    wave = tone(0.5, 16_000, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for begin in (0, 16_000):
            frame = av.AudioFrame.from_ndarray((wave * 32767).astype(np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16_000, begin, Fraction(1, 16_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    samples = read_audio(path)
    assert len(samples) == 24_000
    assert level(samples[8_100:15_900]) == 0
    assert level(samples[16_100:23_900]) > 0.3


def render(plan: AudioPlan, seconds: float, rate: int = 16_000, step: int = 1000) -> np.ndarray:
    mixer = Mixer(plan, rate, 1)
    return np.concatenate([mixer.read(step) for _ in range(round(seconds * rate / step))])[:, 0]


@pytest.fixture
def speech(tmp_path: Path) -> str:
    """One second of 440 Hz."""
    return str(make_sound(tmp_path / "speech.wav", tone(1.0, 16_000, 1, 440), 16_000))


@pytest.fixture
def original(tmp_path: Path) -> str:
    """A video with three seconds of 1000 Hz."""
    wave = tone(3.0, 16_000, 1, 1000)
    return str(make_video(tmp_path / "original.mkv", num_frames=75, sound=wave, sound_rate=16_000, sound_codec="flac"))


def test_speech_alone_ends_in_silence(speech: str) -> None:
    heard = render(AudioPlan(speech), 2)
    assert level(heard[:16_000]) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)
    assert level(heard[16_000:]) == 0


@pytest.mark.parametrize("milliseconds", [250, -250])
def test_offset_moves_the_speech(speech: str, milliseconds: int) -> None:
    straight = render(AudioPlan(speech), 2)
    moved = render(AudioPlan(speech, offset=Fraction(milliseconds, 1000)), 2)
    if milliseconds > 0:
        assert level(moved[:4000]) == 0
        np.testing.assert_allclose(moved[4000:20_000], straight[:16_000], atol=1e-6)
    else:
        np.testing.assert_allclose(moved[:12_000], straight[4000:16_000], atol=1e-6)
        assert level(moved[12_000:]) == 0


def part_of(samples: np.ndarray, hertz: float) -> float:
    """Amplitude of one frequency."""
    phase = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / 16_000)
    return float(2 * np.abs(np.mean(samples * phase)))


def test_original_under_and_after_the_speech(speech: str, original: str) -> None:
    plan = AudioPlan(speech, original=original, mix_level=-20, tail_original=True)
    heard = render(plan, 2.5)
    assert part_of(heard[1600:14_400], 440) == pytest.approx(0.5, rel=0.02)
    assert part_of(heard[1600:14_400], 1000) == pytest.approx(0.05, rel=0.05)
    assert part_of(heard[17_600:38_400], 1000) == pytest.approx(0.5, rel=0.02)
    assert part_of(heard[17_600:38_400], 440) < 0.01
    np.testing.assert_array_equal(heard, render(plan, 2.5, step=250))


def test_original_only_after_the_speech(speech: str, original: str) -> None:
    heard = render(AudioPlan(speech, original=original, tail_original=True), 2.5)
    assert part_of(heard[1600:14_400], 1000) < 0.001
    assert part_of(heard[17_600:38_400], 1000) == pytest.approx(0.5, rel=0.02)


def test_length_cuts_everything(speech: str, original: str) -> None:
    heard = render(AudioPlan(speech, length=Fraction(3, 2), original=original, tail_original=True), 2.5)
    assert level(heard[20_000:24_000]) > 0.1
    assert level(heard[24_000:]) == 0


def test_plans_that_make_no_sense_are_refused(speech: str) -> None:
    with pytest.raises(InputError, match="no original"):
        AudioPlan(speech, mix_level=-10)
    with pytest.raises(InputError, match="length"):
        AudioPlan(speech, length=Fraction(0))
