"""Pictures in, clip files out: what is in them, and that what cannot be used is not."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.hand_made_tracks import EYES, make_track

from visavox.audio.features.mel import mel_spectrogram
from visavox.data.generator.clip_file import load_clip
from visavox.data.preparation.cutting import ClipAudio, ClipCutter
from visavox.data.preparation.frame_grid import nearest_frames
from visavox.data.preparation.settings import QualitySettings
from visavox.data.preparation.stretches import Fault, GridTrack, Stretch
from visavox.errors import InputError
from visavox.face.geometry.motion import motion_of_track
from visavox.types import Frame, Track

LIMITS = QualitySettings(maximum_blur=1.0, maximum_covered=1.0)


def tone(seconds: float) -> ClipAudio:
    waveform = 0.1 * np.sin(np.arange(int(seconds * 16_000)) * 0.1).astype(np.float32)
    return ClipAudio(waveform, mel_spectrogram(waveform).numpy(), 0.0)


def pictures(num_frames: int, size: tuple[int, int] = (360, 288)) -> Iterator[Frame]:
    """A face drawn as a gradient on grey; its brightness tells the number of the frame."""
    for index in range(num_frames):
        image = np.full((size[1], size[0], 3), 100, np.uint8)
        image[60:280, 100:260] = 40 + 2 * index
        yield Frame(image, Fraction(index, 25), index)


def cut(
    folder: Path,
    stretches: list[Stretch],
    num_frames: int = 75,
    sound: ClipAudio | None = None,
    limits: QualitySettings = LIMITS,
    frames: Iterator[Frame] | list[Frame] | None = None,
    rate: Fraction = Fraction(25),
) -> tuple[ClipCutter, list[int], Track]:
    track = make_track(num_frames, rate=rate)
    grid = GridTrack.of(track, nearest_frames(track.times, rate))
    cutter = ClipCutter(96, limits, sound or tone(float(num_frames / rate)), folder, "film")
    advanced: list[int] = []
    frames = pictures(num_frames) if frames is None else frames
    cutter.cut(frames, [(grid, stretch) for stretch in stretches], advanced.append)
    return cutter, advanced, track


def test_a_clip_holds_pictures_landmarks_sound_and_crop(tmp_path: Path) -> None:
    cutter, advanced, track = cut(tmp_path, [Stretch(10, 50, 2)])
    clip = load_clip(tmp_path / "film_000.npz")
    assert clip.num_frames == 40
    assert clip.spec.size == 96
    assert clip.spec.side == pytest.approx(1.8 * 1.25)
    assert clip.frame(0).shape == (96, 96, 3)
    # every picture is the one of its moment
    brightness = [clip.frame(index)[48, 48].mean() for index in range(40)]
    np.testing.assert_allclose(brightness, 40 + 2 * np.arange(10, 50), atol=1.5)
    # the eyes lie where the crop puts them: their distance is 96 / 2.25 pixels
    eyes = clip.landmarks[:, 263, 0] - clip.landmarks[:, 33, 0]
    np.testing.assert_allclose(eyes, 96 / 2.25, rtol=0.01)
    # the sound begins with the first picture, and lasts as long as they do
    assert clip.audio.shape == (40 * 640,)
    expected = tone(3).waveform[10 * 640 : 50 * 640]
    np.testing.assert_allclose(clip.audio / 32768, expected, atol=1 / 32768)
    np.testing.assert_array_equal(clip.rotations, track.rotations[10:50])
    motion = motion_of_track(track)
    np.testing.assert_array_equal(clip.displacements, motion.displacements[10:50])
    np.testing.assert_array_equal(clip.confidence, motion.confidence[10:50])
    assert np.ptp(clip.displacements[:, 62, 1] - clip.displacements[:, 66, 1]) > 0.5  # the mouth opens and shuts
    entry = cutter.clips[0]
    assert (entry.clip_id, entry.start, entry.num_frames, entry.shot, entry.face) == ("film_000", 0.4, 40, 2, 0)
    assert entry.quality["face"] == pytest.approx(1.741 * EYES, abs=1)
    assert len(advanced) == 50  # nothing is decoded after the last picture that is needed


def test_stretches_are_cut_in_one_pass_and_numbered_in_order(tmp_path: Path) -> None:
    cutter, _, _ = cut(tmp_path, [Stretch(40, 75), Stretch(0, 30)])
    assert [(entry.clip_id, entry.start) for entry in cutter.clips] == [("film_000", 0.0), ("film_001", 1.6)]


def test_other_rates_repeat_and_leave_out_pictures(tmp_path: Path) -> None:
    cut(tmp_path, [Stretch(0, 25)], num_frames=30, rate=Fraction(30))
    clip = load_clip(tmp_path / "film_000.npz")
    shown = [round((clip.frame(index)[48, 48].mean() - 40) / 2) for index in range(25)]
    assert shown == nearest_frames([Fraction(index, 30) for index in range(30)], Fraction(30)).tolist()
    cut(tmp_path / "slow", [Stretch(0, 25)], num_frames=20, rate=Fraction(20))
    slow = load_clip(tmp_path / "slow" / "film_000.npz")
    assert len({jpeg.tobytes() for jpeg in slow.jpegs}) == 20


def test_a_covered_mouth_is_cut_out(tmp_path: Path) -> None:
    frames = list(pictures(75))
    for frame in frames:
        frame.image[60:280, 100:260] = (205, 160, 140)
        if 30 <= frame.index < 40:
            frame.image[150:288] = (40, 60, 40)
    cutter, _, _ = cut(tmp_path, [Stretch(0, 75)], frames=frames, limits=QualitySettings(maximum_blur=1.0))
    assert [(entry.start, entry.num_frames) for entry in cutter.clips] == [(0.0, 30), (1.6, 35)]
    assert [(one.start, one.stop, one.fault) for one in cutter.dropped] == [(30, 40, Fault.COVERED)]


def test_blurred_and_silent_clips_are_dropped(tmp_path: Path) -> None:
    cutter, _, _ = cut(tmp_path, [Stretch(0, 75)], limits=QualitySettings(maximum_blur=0.0))
    assert [one.fault for one in cutter.dropped] == [Fault.BLURRED]
    silence = np.zeros(48_000, np.float32)
    cutter, _, _ = cut(tmp_path, [Stretch(0, 75)], sound=ClipAudio(silence, mel_spectrogram(silence).numpy(), 0.0))
    assert [one.fault for one in cutter.dropped] == [Fault.NO_AUDIO]
    assert list(tmp_path.glob("*.npz")) == []


def test_the_lag_moves_the_sound_of_a_clip(tmp_path: Path) -> None:
    click = np.zeros(48_000, np.float32)
    click[::16] = 0.05  # a hum, so that the clip is not silent
    click[int(1.2 * 16_000)] = 1.0
    sound = ClipAudio(click, mel_spectrogram(click).numpy(), -0.2)
    cut(tmp_path, [Stretch(20, 60)], sound=sound)
    audio = load_clip(tmp_path / "film_000.npz").audio
    assert int(np.abs(audio.astype(int)).argmax()) == round((1.0 - 0.8) * 16_000)


def test_the_same_footage_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        cut(tmp_path / name, [Stretch(0, 40)])
    assert (tmp_path / "one/film_000.npz").read_bytes() == (tmp_path / "two/film_000.npz").read_bytes()


def test_pictures_that_end_early_are_an_error_and_leave_no_clip(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ended earlier"):
        cut(tmp_path, [Stretch(0, 75)], frames=pictures(60))
    assert list(tmp_path.glob("*")) == []


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[: len(whole) // 2], lambda whole: b"", lambda whole: b"no clip"]
)
def test_a_damaged_clip_is_named(tmp_path: Path, damage: Callable[..., Any]) -> None:
    cut(tmp_path, [Stretch(0, 30)])
    path = tmp_path / "film_000.npz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match="film_000.npz is not a prepared clip"):
        load_clip(path)
