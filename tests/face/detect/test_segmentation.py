"""The person against the background, by the network and by masks made elsewhere."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from visavox.errors import InputError
from visavox.face.detect.segmentation import Place, open_segmenter

PLACE = Place("clip", 12, (20, 10, 60, 50))


def write(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), mask)


def test_network_finds_the_speaker(speaker: list[np.ndarray]) -> None:
    image = speaker[0]
    with open_segmenter() as segmenter:
        mask = segmenter.segment(image, Place("face", 0, (0, 0, image.shape[1], image.shape[0])))
    assert mask is not None
    assert mask.head is None
    assert mask.person.shape == image.shape[:2]
    assert mask.person.dtype == np.float32
    assert 0 <= mask.person.min() <= mask.person.max() <= 1
    assert mask.person[150, 180] > 0.95  # the face
    assert mask.person[280, 180] > 0.95  # the chest
    assert mask.person[:20].max() < 0.05  # the wall
    assert 0.15 < mask.person.mean() < 0.6


def test_network_says_nothing_on_standard_error_of_the_command_line(
    speaker: list[np.ndarray], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visavox.runtime.native_libraries._owned", True)
    with open_segmenter() as segmenter:
        segmenter.segment(speaker[0], PLACE)
    assert capfd.readouterr().err == ""


def test_grey_mask_is_the_person_cut_out_like_the_picture(tmp_path: Path) -> None:
    mask = np.zeros((80, 100), np.uint8)
    mask[10:30, 20:40] = 255
    mask[30:50, 20:40] = 51
    write(tmp_path / "clip" / "000012.png", mask)
    with open_segmenter(tmp_path) as segmenter:
        found = segmenter.segment(np.zeros((40, 40, 3), np.uint8), PLACE)
    assert found is not None
    assert found.head is None
    assert found.person[:20, :20].min() == 1
    assert found.person[20:, :20] == pytest.approx(0.2)
    assert found.person[:, 20:].max() == 0


def test_colour_mask_tells_head_and_torso(tmp_path: Path) -> None:
    mask = np.zeros((80, 100, 3), np.uint8)
    mask[10:30, ..., 2] = 255  # red, as OpenCV writes it
    mask[30:50, ..., 1] = 255
    write(tmp_path / "000012.png", mask)
    with open_segmenter(tmp_path) as segmenter:
        found = segmenter.segment(np.zeros((40, 40, 3), np.uint8), PLACE)
    assert found is not None
    assert found.head is not None
    assert found.person.min() == 1
    assert found.head[:20].min() == 1
    assert found.head[20:].max() == 0


def test_folder_of_the_video_goes_before_the_common_one(tmp_path: Path) -> None:
    write(tmp_path / "000012.png", np.zeros((80, 100), np.uint8))
    write(tmp_path / "clip" / "000012.png", np.full((80, 100), 255, np.uint8))
    with open_segmenter(tmp_path) as segmenter:
        found = segmenter.segment(np.zeros((40, 40, 3), np.uint8), PLACE)
    assert found is not None
    assert found.person.min() == 1


def test_missing_and_damaged_masks_are_unknown(tmp_path: Path) -> None:
    with open_segmenter(tmp_path) as segmenter:
        assert segmenter.segment(np.zeros((40, 40, 3), np.uint8), PLACE) is None
        (tmp_path / "000012.png").write_bytes(b"no picture")
        assert segmenter.segment(np.zeros((40, 40, 3), np.uint8), PLACE) is None


def test_mask_smaller_than_the_frame(tmp_path: Path) -> None:
    write(tmp_path / "000012.png", np.zeros((40, 40), np.uint8))
    with open_segmenter(tmp_path) as segmenter, pytest.raises(InputError, match="smaller than its frame"):
        segmenter.segment(np.zeros((40, 40, 3), np.uint8), PLACE)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        open_segmenter(tmp_path / "nowhere")
