"""The frames of every shipped generator and avatar are those that were recorded, within one level.

Where other pixels are wanted (new weights, another mask): `python tools/golden.py record`, and say so in the commit.
"""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from tools.golden import CLIPS, FOLDER, Clip, difference, given_track, kept_frames, make_videos, read_planes
from tools.run_in_float32 import hide_reduced_precision

DEFAULT = CLIPS[0]
NARROW = replace(DEFAULT, name="narrow", command=(*DEFAULT.command, "--expressiveness", "0.75"))


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    given = given_track(FOLDER)
    make_videos(folder, [*CLIPS, NARROW], {**given, NARROW.name: given["motion-dub"]})
    return folder


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_frames_are_those_recorded(clip: Clip, videos: Path) -> None:
    found = difference(clip, kept_frames(videos, clip), FOLDER)
    assert found.allowed, str(found)


def test_a_mouth_that_moves_less_is_not_equal(videos: Path) -> None:
    found = difference(DEFAULT, kept_frames(videos, NARROW), FOLDER)
    assert not found.allowed
    assert found.largest >= 20


def test_a_few_pixels_two_levels_off_and_all_pixels_one_level_off_are_not_equal(videos: Path) -> None:
    frames = kept_frames(videos, DEFAULT)
    spot = frames.copy()
    spot[200, 180] = spot[200, 180] ^ 2
    assert not difference(DEFAULT, spot, FOLDER).allowed
    assert not difference(DEFAULT, frames ^ 1, FOLDER).allowed


def test_each_clip_is_another(videos: Path) -> None:
    dubbed = [kept_frames(videos, clip) for clip in CLIPS[:3]]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not difference(CLIPS[one], dubbed[other], FOLDER).allowed


def test_autocast_keeps_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.autocast, "__init__", torch.autocast.__init__)  # put back after the test
    monkeypatch.setattr(torch.cpu, "get_capabilities", torch.cpu.get_capabilities)
    ones = torch.ones(2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (ones @ ones).dtype == torch.bfloat16
    hide_reduced_precision()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (ones @ ones).dtype == torch.float32
    assert not any("bf16" in name for name in torch.cpu.get_capabilities())


def test_a_lossy_video_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "lossy.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((96, 64), np.uint8), format="yuv420p")))
        file.mux(stream.encode())
    with pytest.raises(RuntimeError, match="golden frames need a lossless video"):
        list(read_planes(tmp_path / "lossy.mp4"))
