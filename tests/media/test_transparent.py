"""Pictures with an alpha channel."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from visavox.errors import InputError
from visavox.media import Encoding, VideoInfo, VideoWriter, probe

LIKE = VideoInfo(path="", width=64, height=48, frame_rate=Fraction(25), time_base=Fraction(1, 25))


def picture(index: int) -> np.ndarray:
    """Red over a green that only the alpha hides; half transparent in the middle."""
    image = np.zeros((48, 64, 4), np.uint8)
    image[..., 0], image[..., 1] = 200, 10 * index
    image[:16, :, 3], image[16:32, :, 3] = 255, 128
    return image


def write(path: Path, encoding: Encoding | None = None) -> Path:
    with VideoWriter(path, like=LIKE, transparent=True, encoding=encoding) as writer:
        for index in range(6):
            writer.write(picture(index), Fraction(index, 25))
    return path


def test_mov_holds_every_number(tmp_path: Path) -> None:
    with av.open(str(write(tmp_path / "out.mov"))) as container:
        frames = [frame.to_ndarray(format="rgba") for frame in container.decode(video=0)]
    assert all(np.array_equal(frame, picture(index)) for index, frame in enumerate(frames))
    assert len(frames) == 6


def test_webm_holds_alpha(tmp_path: Path) -> None:
    path = write(tmp_path / "out.webm")
    decoder = av.CodecContext.create("libvpx-vp9", "r")  # FFmpeg's own decoder leaves the alpha out
    with av.open(str(path)) as container:
        frames = [frame for packet in container.demux(video=0) for frame in decoder.decode(packet)]
    assert len(frames) == 6
    seen = frames[3].reformat(format="rgba").to_ndarray()
    assert np.abs(seen[[4, 24, 40], 30, 3].astype(int) - [255, 128, 0]).max() <= 3
    assert abs(int(seen[4, 30, 0]) - 200) < 8
    assert probe(path).codec == "vp9"


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "-"])
def test_other_containers_are_refused_with_what_to_do(tmp_path: Path, name: str) -> None:
    output = name if name == "-" else tmp_path / name
    with pytest.raises(InputError, match=r"holds no transparent images here; name the output \.mov"):
        VideoWriter(output, like=LIKE, transparent=True)
    assert not list(tmp_path.iterdir())


def test_a_codec_without_alpha_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leave the video codec out, which is VP9"):
        write(tmp_path / "out.webm", Encoding(video_codec="av1"))
    assert not list(tmp_path.iterdir())


def test_frames_must_have_alpha(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mov", like=LIKE, transparent=True)
    with pytest.raises(ValueError, match=r"must be uint8 \(48, 64, 4\)"):
        writer.write(picture(0)[..., :3], Fraction(0))
    writer.abort()
    assert not list(tmp_path.iterdir())
