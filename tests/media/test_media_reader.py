"""Reading every kind of video that people have."""

from __future__ import annotations

import logging
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from tests.media.media_samples import make_grid_clip, make_video, number_of, pattern, tone

from visavox.media import VideoReader, probe
from visavox.types import Frame


def read_all(path: Path) -> tuple[list[Frame], VideoReader]:
    with VideoReader(path) as reader:
        return list(reader), reader


FORMATS = [
    ("h264.mp4", {"codec": "libx264"}),
    ("h264.mkv", {"codec": "libx264"}),
    ("h264.mov", {"codec": "libx264"}),
    ("h264.ts", {"codec": "libx264"}),
    ("h264.avi", {"codec": "libx264", "options": {"bf": "0"}}),
    ("h264.flv", {"codec": "libx264", "rate": 25}),
    ("hevc.mp4", {"codec": "libx265", "options": {"x265-params": "log-level=error"}}),
    ("vp9.webm", {"codec": "libvpx-vp9", "options": {"cpu-used": "8", "deadline": "realtime"}}),
    ("av1.mp4", {"codec": "libsvtav1", "options": {"preset": "12"}}),
    ("mpeg2.mpg", {"codec": "mpeg2video", "container_format": "mpeg"}),
    ("mjpeg.avi", {"codec": "mjpeg", "pixel_format": "yuvj420p", "options": {"q:v": "2"}}),
    ("mjpeg.mov", {"codec": "mjpeg", "pixel_format": "yuvj420p"}),
    ("mpeg4.mp4", {"codec": "mpeg4", "options": {"b": "2000000"}}),
    ("prores.mov", {"codec": "prores_ks", "pixel_format": "yuv422p10le"}),
    ("ffv1.mkv", {"codec": "ffv1"}),
    ("rgb.mkv", {"codec": "libx264rgb", "pixel_format": "rgb24"}),
    ("anim.gif", {"codec": "gif", "pixel_format": "rgb8"}),
    ("anim.apng", {"codec": "apng", "pixel_format": "rgb24"}),
    ("anim.webp", {"codec": "libwebp_anim", "pixel_format": "yuv420p"}),
]


@pytest.mark.parametrize(("name", "how"), FORMATS, ids=[name for name, _ in FORMATS])
def test_every_format_gives_all_frames_in_order(tmp_path: Path, name: str, how: dict[str, Any]) -> None:
    path = make_video(tmp_path / name, size=(128, 96), num_frames=12, **how)
    info = probe(path)
    frames, reader = read_all(path)
    assert (info.width, info.height) == (128, 96)
    assert [number_of(frame.image) for frame in frames] == list(range(12))
    assert [frame.index for frame in frames] == list(range(12))
    assert frames[0].time == 0
    assert [float(frame.time) for frame in frames] == pytest.approx([i / 25 for i in range(12)], abs=0.011)
    assert not reader.truncated
    assert abs(info.frame_rate - 25) < Fraction(1, 2)
    assert not info.variable_frame_rate
    assert frames[3].image.dtype == np.uint8
    error = np.abs(frames[3].image.astype(int) - pattern(3, 128, 96))[50:].mean()
    assert error < (30 if "gif" in name else 6)


def test_grid_clip(tmp_path: Path) -> None:
    path = make_grid_clip(tmp_path / "bbaf2n.mpg")
    info = probe(path)
    frames, _ = read_all(path)
    assert (info.codec, info.frame_rate, info.has_audio) == ("mpeg1video", Fraction(25), True)
    assert info.start_time > 0  # program streams start with the delay of their buffer
    assert [number_of(frame.image) for frame in frames] == list(range(30))
    assert [frame.time for frame in frames] == [Fraction(i, 25) for i in range(30)]


@pytest.mark.parametrize(("counterclockwise", "clockwise"), [(90, 270), (-90, 90), (180, 180)])
def test_rotated_video_comes_upright(tmp_path: Path, counterclockwise: int, clockwise: int) -> None:
    path = make_video(
        tmp_path / "phone.mp4", rotation=counterclockwise, num_frames=3, pixel_aspect=Fraction(4, 3), size=(96, 64)
    )
    info = probe(path)
    frames, _ = read_all(path)
    expected = np.rot90(pattern(1, 96, 64), counterclockwise // 90)
    assert info.rotation == clockwise
    assert (info.height, info.width) == expected.shape[:2]
    assert info.pixel_aspect == (Fraction(4, 3) if clockwise == 180 else Fraction(3, 4))
    assert frames[1].image.shape == expected.shape
    assert np.abs(frames[1].image.astype(int) - expected).mean() < 4


def test_mirrored_video_comes_upright(tmp_path: Path) -> None:
    path = make_video(tmp_path / "selfie.mp4", hflip=True, num_frames=2)
    frames, _ = read_all(path)
    assert np.abs(frames[1].image.astype(int) - pattern(1)[:, ::-1]).mean() < 4


def test_variable_frame_rate_keeps_the_timestamps(tmp_path: Path) -> None:
    stamps = [0, 40, 80, 200, 233, 266, 500, 510, 900]
    for name in ("vfr.mp4", "vfr.mkv"):
        path = make_video(tmp_path / name, stamps=stamps, time_base=Fraction(1, 1000))
        frames, reader = read_all(path)
        assert reader.info.variable_frame_rate
        assert [frame.time for frame in frames] == [Fraction(stamp, 1000) for stamp in stamps]
        assert reader.info.frame_rate == pytest.approx(8 / 0.9, rel=0.01)


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60), Fraction(12)])
@pytest.mark.parametrize("extension", [".mp4", ".mkv"])
def test_constant_rates_are_recognised(tmp_path: Path, rate: Fraction, extension: str) -> None:
    info = probe(make_video(tmp_path / f"rate{extension}", rate=rate, num_frames=50))
    assert info.frame_rate == rate
    assert not info.variable_frame_rate


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv", "late.ts"])
def test_first_timestamp_that_is_not_zero(tmp_path: Path, name: str) -> None:
    path = make_video(tmp_path / name, first_stamp=50)
    frames, reader = read_all(path)
    if not name.endswith(".mp4"):
        assert reader.info.start_time >= 2
    assert frames[0].time == 0
    assert [number_of(frame.image) for frame in frames] == list(range(20))
    assert float(frames[-1].time) == pytest.approx(19 / 25, abs=0.001)


@pytest.mark.parametrize(
    ("codec", "pixel_format", "name"),
    [
        ("libx265", "yuv420p10le", "ten.mp4"),
        ("libx264", "yuv420p10le", "ten.mkv"),
        ("libx264", "yuv444p", "full.mp4"),
        ("libx264", "yuv422p", "half.mp4"),
        ("ffv1", "gray", "grey.mkv"),
    ],
)
def test_other_depths_and_samplings(tmp_path: Path, codec: str, pixel_format: str, name: str) -> None:
    options = {"x265-params": "log-level=error"} if codec == "libx265" else {}
    path = make_video(tmp_path / name, codec=codec, pixel_format=pixel_format, options=options, num_frames=4)
    frames, reader = read_all(path)
    assert reader.info.pixel_format.startswith(pixel_format)
    picture = frames[2].image.astype(int)
    expected = pattern(2).astype(int)
    if pixel_format == "gray":
        expected = np.repeat((expected @ [0.299, 0.587, 0.114])[..., None], 3, axis=2)
    assert np.abs(picture - expected).mean() < 6


def test_odd_size(tmp_path: Path) -> None:
    path = make_video(tmp_path / "odd.mkv", codec="ffv1", size=(65, 49), pixel_format="yuv444p", num_frames=2)
    frames, reader = read_all(path)
    assert (reader.info.width, reader.info.height) == (65, 49)
    assert frames[0].image.shape == (49, 65, 3)


@pytest.mark.parametrize(
    "name", ['it\'s a "take" 2.mp4', "лицо・顔 👄.mp4", "a.b.c..mp4", "50%03d 100%.mp4", "-dash:colon.mp4"]
)
def test_paths_with_anything_in_them(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "some folder.d"
    folder.mkdir()
    path = make_video(tmp_path / "plain.mp4", num_frames=3).rename(folder / name)
    frames, _ = read_all(path)
    assert len(frames) == 3


def test_content_counts_and_not_the_extension(tmp_path: Path) -> None:
    path = make_video(tmp_path / "plain.mkv", num_frames=3).rename(tmp_path / "video.wav")
    assert len(read_all(path)[0]) == 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photo_is_upright_by_exif(tmp_path: Path, orientation: int) -> None:
    upright = pattern(5, 96, 64)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif, quality=95, subsampling=0)
    frames, reader = read_all(path)
    assert reader.info.is_still
    assert (reader.info.width, reader.info.height) == (96, 64)
    assert len(frames) == 1
    assert np.abs(frames[0].image.astype(int) - upright).mean() < 3


@pytest.mark.parametrize("extension", ["png", "webp", "bmp", "tiff"])
def test_stills(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"photo.{extension}"
    options: dict[str, Any] = {"lossless": True} if extension == "webp" else {}
    Image.fromarray(pattern(5)).save(path, **options)
    frames, reader = read_all(path)
    assert reader.info.is_still
    assert reader.info.codec == extension
    np.testing.assert_array_equal(frames[0].image, pattern(5))


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "LA", "I;16", "CMYK", "1"])
def test_stills_of_every_mode(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("photo.jpg" if mode == "CMYK" else "photo.png")
    grey = Image.fromarray(np.full((48, 64), 200, np.uint8))
    if mode == "I;16":
        Image.fromarray(np.full((48, 64), 200 * 257, np.uint16)).save(path)
    elif mode == "P":
        grey.quantize(8).save(path)
    else:
        grey.convert("RGBA" if mode in ("RGBA", "LA") else "RGB").convert(mode).save(path)
    frames, _ = read_all(path)
    expected = 200
    assert frames[0].image.shape == (48, 64, 3)
    if mode != "1":  # dithered
        assert np.abs(frames[0].image.astype(int) - expected).max() <= 3


def test_transparent_picture_lies_on_white(tmp_path: Path) -> None:
    picture = np.zeros((48, 64, 4), np.uint8)
    picture[:, 32:] = (200, 10, 10, 255)
    path = tmp_path / "cut.png"
    Image.fromarray(picture).save(path)
    frames, _ = read_all(path)
    assert (frames[0].image[:, :32] == 255).all()
    assert (frames[0].image[:, 32:] == (200, 10, 10)).all()


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    broken = path.with_name("broken" + path.suffix)
    broken.write_bytes(data[: int(len(data) * share)])
    return broken


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.avi", "clip.webm"])
def test_truncated_file_is_read_up_to_the_break(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    how: dict[str, Any] = {"options": {"g": "10", "crf": "10"}}
    if name.endswith(".mp4"):
        how["container_options"] = {"movflags": "faststart"}
    if name.endswith(".webm"):
        how = {"codec": "libvpx-vp9", "options": {"cpu-used": "8", "deadline": "realtime", "b": "2000000"}}
    if name.endswith(".avi"):
        how["options"]["bf"] = "0"
    whole = make_video(tmp_path / name, num_frames=100, **how)
    with caplog.at_level(logging.WARNING, "visavox"):
        frames, reader = read_all(cut(whole, 0.6))
    assert reader.truncated
    assert "breaks off" in caplog.text
    assert 20 < len(frames) < 90
    assert [number_of(frame.image) for frame in frames] == list(range(len(frames)))
    assert not read_all(whole)[1].truncated


def test_truncated_video_with_sound(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "clip.mkv", num_frames=100, sound=tone(4.0), sound_codec="aac", options={"crf": "10"})
    frames, reader = read_all(cut(whole, 0.7))
    assert reader.truncated
    assert frames
    assert not read_all(whole)[1].truncated


def test_damage_in_the_middle_costs_only_what_is_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = make_video(tmp_path / "clip.mkv", codec="mjpeg", pixel_format="yuvj420p", num_frames=40)
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    start = data.index(bytes(packets[20])[:200])
    data[start : start + 100] = bytes(100)
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING, "visavox"):
        frames, reader = read_all(path)
    assert not reader.truncated
    assert len(frames) >= 38
    assert frames[-1].time == Fraction(39, 25)


def test_sound_that_outlasts_the_picture_is_no_break(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", num_frames=10, sound=tone(3.0))
    assert not read_all(path)[1].truncated


def test_start_skips_but_counts(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", num_frames=30)
    with VideoReader(path, start=Fraction(1, 2)) as reader:
        frames = list(reader)
    assert [frame.index for frame in frames] == list(range(13, 30))
    assert frames[0].time == Fraction(13, 25)
    assert number_of(frames[0].image) == 13


def test_leaving_early_stops_the_thread(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", num_frames=100)
    with VideoReader(path) as reader:
        assert next(reader).index == 0
        assert any(thread.name == "visavox-decode" for thread in threading.enumerate())
    assert not any(thread.name == "visavox-decode" for thread in threading.enumerate())


def test_size_that_changes_in_the_middle_is_brought_to_that_of_the_start(tmp_path: Path) -> None:
    parts = [
        make_video(tmp_path / f"{width}.ts", size=(width, width * 3 // 4), num_frames=10).read_bytes()
        for width in (128, 64)
    ]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(parts))
    frames, _ = read_all(joined)
    times = [frame.time for frame in frames]
    assert {frame.image.shape for frame in frames} == {(96, 128, 3)}
    assert len(frames) == 20
    assert times == sorted(set(times))
    assert times[-1] < 2
