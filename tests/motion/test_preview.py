"""The drawn face and its video."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.motion.hand_made_motion import open_mouth, shut_eyes, still

from visavox.demo import SPEECH
from visavox.errors import InputError
from visavox.media import VideoReader, probe
from visavox.motion.preview import EYE, MOUTH, FaceView, PreviewSettings, write_preview
from visavox.types import HeadPose


def share_of(image: np.ndarray, color: tuple[int, int, int], tolerance: int = 24) -> float:
    return float((np.abs(image.astype(int) - color).max(axis=-1) < tolerance).mean())


def test_an_open_mouth_is_dark_inside_and_shut_eyes_show_no_white() -> None:
    motion = open_mouth(still(3), [0, 0.6, 1.5])
    shut_eyes(motion, [0, 0, 1.0])
    view = FaceView(motion, settings=PreviewSettings(height=256))
    shut, half, wide = (view.image(index) for index in range(3))
    assert shut.shape == (256, 256, 3)
    assert shut.dtype == np.uint8
    assert share_of(shut, MOUTH) < 0.004 < share_of(half, MOUTH) < 0.75 * share_of(wide, MOUTH)
    assert share_of(shut, EYE, 4) > 0.0006 > 3 * share_of(wide, EYE, 4)


def test_the_face_is_in_the_middle_and_fills_the_image() -> None:
    image = FaceView(still(1), settings=PreviewSettings(height=200, points=False)).image(0)
    face = (image != image[0, 0]).any(axis=-1)
    rows, columns = np.flatnonzero(face.any(axis=1)), np.flatnonzero(face.any(axis=0))
    assert rows[0] + rows[-1] == pytest.approx(199, abs=4)
    assert columns[0] + columns[-1] == pytest.approx(199, abs=4)
    assert len(rows) == pytest.approx(0.78 * 200, abs=6)


def test_with_a_pose_the_head_is_where_it_was() -> None:
    motion = still(2)
    translations = np.array([[-12, 0, -60], [12, 0, -60]], np.float32)
    pose = HeadPose(np.tile(np.eye(3, dtype=np.float32), (2, 1, 1)), translations, (720, 480))
    view = FaceView(motion, pose=pose, settings=PreviewSettings(height=240))
    left, right = ((view.image(index) != view.image(0)[0, 0]).any(axis=-1) for index in range(2))
    assert left.shape == (240, 360)
    assert np.flatnonzero(left.any(axis=0)).mean() == pytest.approx(
        179.5 - 66, abs=6
    )  # the temples are farther away than the eyes
    assert np.flatnonzero(right.any(axis=0)).mean() == pytest.approx(179.5 + 66, abs=6)


def test_a_preview_has_the_length_of_the_motion_and_the_sound(tmp_path: Path) -> None:
    output = tmp_path / "p.mp4"
    write_preview(
        open_mouth(still(30), np.linspace(0, 1, 30)), output, audio=SPEECH, settings=PreviewSettings(height=128)
    )
    info = probe(output)
    assert (info.width, info.height, info.frame_rate, info.num_frames, info.has_audio) == (
        128,
        128,
        Fraction(25),
        30,
        True,
    )
    with VideoReader(output) as reader:
        pictures = [frame.image for frame in reader]
    assert share_of(pictures[-1], MOUTH, 40) > 4 * share_of(pictures[0], MOUTH, 40)
    write_preview(still(3), tmp_path / "silent.mp4", settings=PreviewSettings(height=128))
    assert not probe(tmp_path / "silent.mp4").has_audio


def test_sizes_that_cannot_be_are_refused() -> None:
    for height in (63, 101, 5000):
        with pytest.raises(InputError, match="give (an even number|64 to 4320 pixels)"):
            PreviewSettings(height=height)
