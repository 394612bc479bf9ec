"""Every bad input and every bad output path is said in one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.media.media_samples import make_sound, make_video, tone

from visavox.errors import InputError
from visavox.media import Encoding, VideoReader, check_output, probe, read_audio


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


BAD_VIDEOS: dict[str, tuple[Callable[[Path], Path | str], str]] = {
    "missing": (lambda folder: folder / "nothing.mp4", "no such file"),
    "address": (lambda folder: "https://example.org/face.mp4", "download the file first"),
    "directory": (lambda folder: folder, "is a directory"),
    "empty": (lambda folder: write(folder / "a.mp4", b""), "is empty"),
    "no name": (lambda folder: "", "path of an input is empty"),
    "text": (lambda folder: write(folder / "a.mp4", b"this is no video\n" * 50), "is a text file"),
    "text in UTF-8": (lambda folder: write(folder / "a.mp4", "это не видео\n".encode() * 900), "is a text file"),
    "web page": (lambda folder: write(folder / "a.mp4", b"<!DOCTYPE html><html>"), "is a web page"),
    "pointer": (lambda folder: write(folder / "a.mp4", b"version https://git-lfs.github.com/spec/v1"), "Git LFS"),
    "playlist": (lambda folder: write(folder / "a.m3u8", b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"), "is a text file"),
    "noise": (lambda folder: write(folder / "a.mp4", bytes(range(256)) * 40), "not a video"),
    "zeros": (lambda folder: write(folder / "a.mp4", bytes(5000)), "not a video"),
    "broken picture": (lambda folder: write(folder / "a.jpg", b"\xff\xd8\xff\xe0" + bytes(50)), "damaged image"),
    "sound": (lambda folder: make_sound(folder / "a.mp3", tone(0.5)), "has sound but no video"),
    "no index": (lambda folder: cut(make_video(folder / "a.mp4", num_frames=30)), "without its index"),
    "device": (lambda folder: "/dev/null", "is a device"),
    "zero byte in the name": (lambda folder: "a\0b.mp4", "cannot be read"),
}


def cut(path: Path) -> Path:
    return write(path, path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("case", BAD_VIDEOS)
def test_bad_video(tmp_path: Path, case: str) -> None:
    make, words = BAD_VIDEOS[case]
    path = make(tmp_path)
    for read in (probe, VideoReader):
        with pytest.raises(InputError, match=words) as caught:
            read(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value) or "\0" in str(path)


@pytest.mark.parametrize("case", [case for case in BAD_VIDEOS if case not in ("sound", "broken picture")])
def test_bad_sound(tmp_path: Path, case: str) -> None:
    make, words = BAD_VIDEOS[case]
    with pytest.raises(InputError, match=words):
        read_audio(make(tmp_path))


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    import av
    from PIL import Image

    cover = tmp_path / "cover.png"
    Image.new("RGB", (32, 32)).save(cover)
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as container, av.open(str(cover)) as picture:
        sound = container.add_stream("libmp3lame", rate=44_100, layout="mono")
        art = container.add_stream_from_template(picture.streams.video[0])
        container.start_encoding()
        packet = next(packet for packet in picture.demux() if packet.size)
        packet.stream = art
        container.mux(packet)
        frame = av.AudioFrame.from_ndarray(tone(0.5, channels=1), format="fltp", layout="mono")
        frame.sample_rate = 44_100
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    assert len(read_audio(path)) > 4000
    with pytest.raises(InputError, match="has sound but no video"):
        probe(path)


def test_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = make_video(tmp_path / "mine.mp4", num_frames=2)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(InputError, match="permission denied"):
        probe(path)


def test_good_output_paths(tmp_path: Path) -> None:
    face = make_video(tmp_path / "face.mp4", num_frames=2)
    for name in ("out.mp4", "OUT.MP4", 'a b\'s "c".mkv', "видео.mov", "a.b.webm"):
        check_output(tmp_path / name, [face])
    check_output("-", ["-"])
    check_output(tmp_path / "track.npz", [face], extensions=[".npz"])
    other = make_video(tmp_path / "old.mp4", num_frames=2)
    check_output(other, [face], overwrite=True)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "empty"),
        (".", "directory"),
        ("out.wmv", "allowed are .mp4, .mkv, .mov, .webm"),
        ("out", "no extension"),
        ("nowhere/out.mp4", "does not exist"),
        ("face.mp4", "is the input"),
        ("../{folder}/face.mp4", "is the input"),
        ("link.mp4", "is the input"),
        ("hard.mp4", "is the input"),
        ("old.mp4", "exists already"),
        ("old.mp4/out.mp4", "not a directory"),
        ("x" * 252 + ".mp4", "too long"),
        ("pipe.mp4", "not an ordinary file"),
    ],
)
def test_bad_output_paths(tmp_path: Path, name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    face = make_video(tmp_path / "face.mp4", num_frames=2)
    make_video(tmp_path / "old.mp4", num_frames=2)
    (tmp_path / "link.mp4").symlink_to(face)
    os.link(face, tmp_path / "hard.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    overwrite = words == "is the input"
    with pytest.raises(InputError, match=words):
        check_output(name.format(folder=tmp_path.name), ["face.mp4"], overwrite)


def test_folder_that_may_not_be_written() -> None:
    folder = Path("/proc")  # read-only even for the superuser
    if not folder.is_dir():
        pytest.skip("no /proc here")
    with pytest.raises(InputError, match="cannot be written"):
        check_output(folder / "out.mp4")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"crf": 52}, "crf is 52"),
        ({"crf": -1}, "crf is -1"),
        ({"preset": "quick"}, "'quick'"),
        ({"video_codec": "divx"}, "'divx'"),
        ({"audio_codec": "mp3"}, "'mp3'"),
        ({"audio_bit_rate": 1}, "bit rate"),
    ],
)
def test_bad_encoding(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Encoding(**settings)
