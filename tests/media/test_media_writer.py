"""What is written: the source's size, times, colours and sound."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.media.media_samples import make_grid_clip, make_sound, make_video, number_of, pattern, tone
from tests.media.test_media_audio import click_time, level

from visavox.errors import InputError
from visavox.media import AudioPlan, Encoding, VideoReader, VideoWriter, probe, probe_audio, read_audio
from visavox.media.output import DIGITAL_SOURCE_TYPE
from visavox.types import Frame

LOSSLESS = Encoding(crf=0, preset="ultrafast")


def copy(source: Path, target: Path | str, audio: AudioPlan | None = None, **how: Any) -> Path:
    with VideoReader(source) as reader, VideoWriter(target, like=reader.info, audio=audio, **how) as writer:
        for frame in reader:
            writer.write(frame.image, frame.time)
    return Path(target)


def frames_of(path: Path) -> list[Frame]:
    with VideoReader(path) as reader:
        return list(reader)


def packets_of(path: Path) -> bytes:
    with av.open(str(path)) as container:
        return b"".join(bytes(packet) for packet in container.demux(audio=0))


def only_file(folder: Path, *names: str) -> bool:
    return sorted(entry.name for entry in folder.iterdir()) == sorted(names)


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".mov", ".webm"])
def test_every_container(tmp_path: Path, extension: str) -> None:
    source = make_video(tmp_path / "face.mp4", num_frames=15, size=(128, 96))
    speech = make_sound(tmp_path / "speech.wav", tone(0.6, 16_000, 1), 16_000)
    result = copy(source, tmp_path / f"out{extension}", AudioPlan(str(speech)))
    info = probe(result)
    assert (info.width, info.height, info.frame_rate) == (128, 96, Fraction(25))
    assert info.codec == ("vp9" if extension == ".webm" else "h264")
    assert probe_audio(result).codec == {".webm": "opus", ".mov": "pcm_s16le", ".mkv": "pcm_s16le"}.get(
        extension, "aac"
    )
    frames = frames_of(result)
    assert [number_of(frame.image) for frame in frames] == list(range(15))
    assert [float(frame.time) for frame in frames] == pytest.approx([i / 25 for i in range(15)], abs=0.0006)
    assert float(info.duration or 0) == pytest.approx(0.6, abs=0.03)
    samples = read_audio(result)
    assert 9600 - 160 < len(samples) <= 9600 + 1024  # to the end of a frame of AAC
    assert level(samples[2000:8000]) == pytest.approx(0.354, rel=0.1)
    assert only_file(tmp_path, "face.mp4", "speech.wav", result.name)


def test_index_comes_first_in_mp4(tmp_path: Path) -> None:
    data = copy(make_video(tmp_path / "face.mp4"), tmp_path / "out.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".mov", ".webm"])
def test_result_says_that_it_is_synthetic(tmp_path: Path, extension: str) -> None:
    result = copy(make_video(tmp_path / "face.mp4", num_frames=2), tmp_path / f"out{extension}")
    with av.open(str(result)) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
    assert tags["digitalsourcetype"] == DIGITAL_SOURCE_TYPE
    assert "visavox" in tags["comment"]
    assert DIGITAL_SOURCE_TYPE in tags["comment"]


@pytest.mark.parametrize("codec", ["h264", "vp9", "av1"])
@pytest.mark.parametrize("crf", [0, 18, 40])
def test_quality_follows_crf(tmp_path: Path, codec: str, crf: int) -> None:
    source = make_video(tmp_path / "face.mkv", codec="ffv1", num_frames=6, size=(128, 96))
    result = copy(source, tmp_path / "out.mkv", encoding=Encoding(crf=crf, video_codec=codec))  # type: ignore[arg-type]
    assert probe(result).codec == codec
    pairs = zip(frames_of(source), frames_of(result), strict=True)
    error = np.mean([np.abs(a.image.astype(int) - b.image).mean() for a, b in pairs])
    assert error < {0: 1.0, 18: 2.5, 40: 12}[crf]


def test_variable_frame_rate_is_kept(tmp_path: Path) -> None:
    stamps = [0, 40, 80, 200, 233, 266, 500, 510, 900]
    source = make_video(tmp_path / "vfr.mkv", stamps=stamps, time_base=Fraction(1, 1000))
    for extension in (".mp4", ".mkv", ".mov", ".webm"):
        frames = frames_of(copy(source, tmp_path / f"out{extension}"))
        assert [frame.time for frame in frames] == [Fraction(stamp, 1000) for stamp in stamps]
        assert [number_of(frame.image) for frame in frames] == list(range(len(stamps)))


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60), Fraction(12)])
def test_frame_rate_is_kept(tmp_path: Path, rate: Fraction) -> None:
    source = make_video(tmp_path / "face.mp4", rate=rate, num_frames=40)
    result = copy(source, tmp_path / "out.mp4")
    info = probe(result)
    assert (info.frame_rate, info.num_frames, info.duration) == (rate, 40, 40 / rate)
    assert [frame.time for frame in frames_of(result)] == [i / rate for i in range(40)]


def test_grid_clip_goes_through(tmp_path: Path) -> None:
    source = make_grid_clip(tmp_path / "clip.mpg")
    result = copy(source, tmp_path / "out.mp4", AudioPlan(str(source)))
    assert [frame.time for frame in frames_of(result)] == [Fraction(i, 25) for i in range(30)]
    assert len(read_audio(result)) == pytest.approx(len(read_audio(source)), abs=500)


def test_rotation_and_pixel_aspect_are_kept_upright(tmp_path: Path) -> None:
    source = make_video(tmp_path / "phone.mp4", rotation=-90, num_frames=3, size=(96, 64), pixel_aspect=Fraction(4, 3))
    for extension in (".mp4", ".mkv", ".mov"):
        info = probe(copy(source, tmp_path / f"out{extension}"))
        assert (info.width, info.height, info.rotation, info.pixel_aspect) == (64, 96, 0, Fraction(3, 4))


@pytest.mark.parametrize(("width", "height"), [(65, 49), (64, 49), (65, 48), (1, 1)])
@pytest.mark.parametrize("extension", [".mp4", ".webm"])
def test_odd_sizes_are_kept(tmp_path: Path, width: int, height: int, extension: str) -> None:
    picture = np.full((height, width, 3), (200, 60, 90), np.uint8)
    like = replace(probe(make_video(tmp_path / "face.mp4", num_frames=2)), path="", width=width, height=height)
    result = tmp_path / f"out{extension}"
    with VideoWriter(result, like=like) as writer:
        for index in range(3):
            writer.write(picture, Fraction(index, 25))
    frames = frames_of(result)
    assert len(frames) == 3
    assert frames[0].image.shape == (height, width, 3)
    assert np.abs(frames[0].image.astype(int) - picture).mean() < 6


def test_odd_size_can_be_cropped_for_old_players(tmp_path: Path) -> None:
    source = make_video(tmp_path / "odd.mkv", codec="ffv1", size=(65, 49), pixel_format="yuv444p", num_frames=2)
    info = probe(copy(source, tmp_path / "out.mp4", encoding=Encoding(pixel_format="yuv420p")))
    assert (info.width, info.height, info.pixel_format) == (64, 48, "yuv420p")


COLORS = [
    ("bt709 limited", (1, 1, 1, 1)),
    ("bt601 limited", (1, 5, 5, 6)),
    ("smpte170m limited", (1, 6, 6, 6)),
    ("bt709 full", (2, 1, 1, 1)),
    ("bt601 full", (2, 5, 5, 6)),
    ("bt2020", (1, 9, 9, 14)),
]


@pytest.mark.parametrize(("name", "tags"), COLORS, ids=[name for name, _ in COLORS])
@pytest.mark.parametrize("extension", [".mp4", ".mkv"])
def test_colors_and_their_tags_survive(
    tmp_path: Path, name: str, tags: tuple[int, int, int, int], extension: str
) -> None:
    source = make_video(
        tmp_path / "face.mkv", num_frames=3, size=(128, 96), tags=tags, options={"crf": "0", "preset": "ultrafast"}
    )
    result = copy(source, tmp_path / f"out{extension}", encoding=LOSSLESS)
    before, after = probe(source), probe(result)
    assert (before.color_range, before.color_space, before.primaries, before.transfer) == tags
    assert after.color_tags == before.color_tags
    for first, second in zip(frames_of(source), frames_of(result), strict=True):
        difference = second.image.astype(float) - first.image
        assert np.abs(difference.mean(axis=(0, 1))).max() < 1.0
    truth = pattern(2, 128, 96).astype(float)
    shift = (frames_of(source)[2].image - truth)[40:, 4:-4].mean(axis=(0, 1))
    assert np.abs(shift).max() < 1.5  # the matrix of the tags was used, not another one


@pytest.mark.parametrize(("codec", "bound"), [("h264", 0.05), ("vp9", 0.1), ("av1", 0.1)])
@pytest.mark.parametrize("axis", [0, 1])
def test_chroma_does_not_move(tmp_path: Path, codec: str, bound: float, axis: int) -> None:
    """The centre of a soft red bar on grey stays where it was, to a fraction of a pixel."""
    place = np.arange(128, dtype=np.float64)
    bar = np.exp(-(((place - 63.5) / 6) ** 2))
    grey = np.full((128, 128, 3), 110.0)
    grey += (bar[None, :, None] if axis else bar[:, None, None]) * np.array([90.0, -45.0, 0.0])  # luma nearly constant
    image = grey.round().astype(np.uint8)
    like = replace(probe(make_video(tmp_path / "face.mp4", num_frames=2)), path="", width=128, height=128)
    result = tmp_path / "out.mp4"
    with VideoWriter(result, like=like, encoding=Encoding(crf=1, video_codec=codec)) as writer:  # type: ignore[arg-type]
        for index in range(3):
            writer.write(image, Fraction(index, 25))
    redness = frames_of(result)[1].image.astype(float) @ [1.0, -1.0, 0.0]
    profile = redness.mean(axis=1 - axis)
    truth = (image.astype(float) @ [1.0, -1.0, 0.0]).mean(axis=1 - axis)
    near = slice(40, 88)
    centres = [np.average(place[near], weights=np.clip(curve[near], 0, None)) for curve in (truth, profile)]
    assert centres[1] == pytest.approx(centres[0], abs=bound)


def test_ten_generations_do_not_drift(tmp_path: Path) -> None:
    first = path = make_video(tmp_path / "0.mkv", codec="ffv1", num_frames=2, size=(128, 96))
    for generation in range(10):
        path = copy(path, tmp_path / f"generation{generation}.mkv", encoding=LOSSLESS)
    shift = frames_of(path)[1].image.astype(float) - frames_of(first)[1].image
    assert np.abs(shift[40:].mean(axis=(0, 1))).max() < 1


def test_photo_becomes_a_tagged_video(tmp_path: Path) -> None:
    from PIL import Image

    photo = tmp_path / "photo.png"
    Image.fromarray(pattern(0, 128, 96)).save(photo)
    result = copy(photo, tmp_path / "out.mp4", encoding=LOSSLESS)
    info = probe(result)
    assert (info.color_space, info.color_range, info.primaries) == (1, 1, 1)
    difference = frames_of(result)[0].image.astype(float) - pattern(0, 128, 96)
    assert np.abs(difference[40:].mean(axis=(0, 1))).max() < 1


@pytest.mark.parametrize(
    ("sound", "extension"),
    [("a.m4a", ".mp4"), ("a.mp3", ".mp4"), ("a.m4a", ".mov"), ("a.flac", ".mkv"), ("a.ogg", ".webm")],
)
def test_untouched_sound_is_carried_packet_by_packet(tmp_path: Path, sound: str, extension: str) -> None:
    rate = 48_000
    speech = make_sound(tmp_path / sound, tone(1.0, rate), rate)
    source = make_video(tmp_path / "face.mp4", num_frames=30)
    result = copy(source, tmp_path / f"out{extension}", AudioPlan(str(speech)))
    assert packets_of(result) == packets_of(speech)
    assert len(read_audio(result)) == pytest.approx(len(read_audio(speech)), abs=600)


def test_copied_sound_stops_with_the_picture(tmp_path: Path) -> None:
    speech = make_sound(tmp_path / "a.m4a", tone(3.0))
    source = make_video(tmp_path / "face.mp4", num_frames=25)
    result = copy(source, tmp_path / "out.mp4", AudioPlan(str(speech)))
    assert 1.0 <= len(read_audio(result)) / 16_000 < 1.05
    assert packets_of(speech).startswith(packets_of(result))


def test_moved_sound_is_encoded(tmp_path: Path) -> None:
    wave = np.zeros((1, 48_000), np.float32)
    wave[0, 24_000:24_024] = 0.9
    speech = make_sound(tmp_path / "a.flac", wave, 48_000)
    source = make_video(tmp_path / "face.mp4", num_frames=25)
    for extension in (".mp4", ".mkv", ".mov", ".webm"):
        plan = AudioPlan(str(speech), offset=Fraction(200, 1000))
        result = copy(source, tmp_path / f"out{extension}", plan)
        assert click_time(read_audio(result)) == pytest.approx(0.7, abs=0.005), extension


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".mov", ".webm", ".flac"])
def test_encoded_and_copied_sound_stay_with_the_picture(tmp_path: Path, extension: str) -> None:
    """A click of the source's own soundtrack stays where it was, though picture and sound started late."""
    wave = np.zeros((1, 48_000), np.float32)
    wave[0, 24_000:24_024] = 0.9
    source = make_video(
        tmp_path / "face.mkv",
        num_frames=25,
        first_stamp=5,
        sound=wave,
        sound_rate=48_000,
        sound_start=Fraction(3, 10),
        sound_codec="libopus" if extension == ".webm" else "aac",
    )
    encoding = Encoding(audio_codec="flac") if extension == ".flac" else Encoding()
    container = ".mkv" if extension == ".flac" else extension
    result = copy(source, tmp_path / f"out{container}", AudioPlan(str(source)), encoding=encoding)
    assert click_time(read_audio(source)) == pytest.approx(0.6, abs=0.01)
    assert click_time(read_audio(result)) == pytest.approx(0.6, abs=0.012)


def test_sound_at_rates_that_aac_lacks(tmp_path: Path) -> None:
    source = make_video(tmp_path / "face.mp4", num_frames=25)
    for rate in (10_000, 37_800, 192_000):
        speech = make_sound(tmp_path / f"{rate}.wav", tone(0.9, rate, 1), rate)
        result = copy(source, tmp_path / f"{rate}.mp4", AudioPlan(str(speech)))
        assert probe_audio(result).rate == 48_000
        assert len(read_audio(result)) / 16_000 == pytest.approx(1.0, abs=0.06)


def test_copy_that_the_container_cannot_hold_is_refused_at_once(tmp_path: Path) -> None:
    source = make_video(tmp_path / "face.mp4", num_frames=5)
    speech = make_sound(tmp_path / "a.mp3", tone(0.5))
    with pytest.raises(InputError, match=r"\.webm cannot hold the mp3"):
        copy(source, tmp_path / "out.webm", AudioPlan(str(speech)), encoding=Encoding(audio_codec="copy"))
    plan = AudioPlan(str(speech), offset=Fraction(1))
    with pytest.raises(InputError, match="cannot be copied"):
        copy(source, tmp_path / "out.mp4", plan, encoding=Encoding(audio_codec="copy"))
    with pytest.raises(InputError, match=r"cannot hold H\.264"):
        copy(source, tmp_path / "out.webm", encoding=Encoding(video_codec="h264"))
    with pytest.raises(InputError, match="has no sound"):
        copy(source, tmp_path / "out.mp4", AudioPlan(str(source)))
    assert only_file(tmp_path, "face.mp4", "a.mp3")
