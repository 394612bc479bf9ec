"""The avatar that comes with visavox: small, named, nobody's folders in it, and it speaks."""

import wave
from pathlib import Path

import numpy as np
import pytest
from tests.narrow import present

import visavox
from visavox.avatar.format.avatar_folder import DEMO_AVATAR, find_avatar, list_avatars, read_avatar
from visavox.media import probe
from visavox.media.reader import VideoReader


@pytest.fixture(scope="module")
def folder() -> Path:
    return find_avatar(DEMO_AVATAR)


def test_it_is_there_small_and_named(folder: Path) -> None:
    assert list_avatars() == [DEMO_AVATAR]
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 12e6
    info = read_avatar(folder).info
    assert "CC BY 4.0" in info.attribution
    assert "research" in info.licence
    assert all("/" not in video.path and "\\" not in video.path for video in present(info.source).videos)
    assert info.values["psnr_head"] >= 28


def test_it_speaks_before_its_own_scene(folder: Path, tmp_path: Path) -> None:
    sound, output = tmp_path / "hum.wav", tmp_path / "out.mp4"
    times = np.arange(8000) / 16_000
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((8000 * np.sin(2 * np.pi * 160 * times)).astype("<i2").tobytes())
    visavox.Avatar.load(DEMO_AVATAR).speak(sound, output, blink="none")
    info = probe(output)
    assert (info.width, info.height, info.has_audio) == (128, 128, True)
    with VideoReader(output) as frames:
        pictures = np.stack([frame.image for frame in frames]).astype(float)
    assert len(pictures) == 13
    scene = read_avatar(folder).background
    corners = np.abs(pictures[:, 8:24, 8:24] - scene[8:24, 8:24]).mean()
    middle = np.abs(pictures[:, 48:80, 56:72] - scene[48:80, 56:72]).mean()
    assert corners < 4 < 20 < middle  # the scene where he is not, and he where he is
