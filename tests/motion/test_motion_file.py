"""The file of a motion."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.narrow import present

from visavox.errors import InputError
from visavox.motion.motion_file import load_motion, load_performance, save_motion
from visavox.types import HeadPose, Motion


@pytest.fixture
def motion() -> Motion:
    draw = np.random.default_rng(0)
    displacements = draw.normal(size=(7, 68, 3)).astype(np.float32)
    return Motion(
        displacements, draw.uniform(size=7).astype(np.float32), displacements.mean(axis=0), Fraction(30000, 1001)
    )


@pytest.fixture
def pose() -> HeadPose:
    rotations = np.tile(np.eye(3, dtype=np.float32), (7, 1, 1))
    return HeadPose(rotations, np.full((7, 3), -60, np.float32), (360, 288))


def test_what_is_saved_is_loaded(tmp_path: Path, motion: Motion, pose: HeadPose) -> None:
    save_motion(motion, tmp_path / "plain.npz")
    save_motion(motion, tmp_path / "performed.npz", pose=pose)
    for loaded in (load_motion(tmp_path / "plain.npz"), load_motion(tmp_path / "performed.npz")):
        for name in ("displacements", "confidence", "neutral"):
            np.testing.assert_array_equal(getattr(loaded, name), getattr(motion, name))
        assert loaded.rate == Fraction(30000, 1001)
    assert load_performance(tmp_path / "plain.npz")[1] is None
    loaded_pose = present(load_performance(tmp_path / "performed.npz")[1])
    np.testing.assert_array_equal(loaded_pose.rotations, pose.rotations)
    np.testing.assert_array_equal(loaded_pose.translations, pose.translations)
    assert loaded_pose.frame_size == (360, 288)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["performed.npz", "plain.npz"]


def test_a_pose_of_another_length_is_a_mistake(tmp_path: Path, motion: Motion, pose: HeadPose) -> None:
    with pytest.raises(ValueError, match="7 frames does not belong to a motion of 6"):
        save_motion(replace(motion, displacements=motion.displacements[:6]), tmp_path / "m.npz", pose=pose)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_is_said(tmp_path: Path, motion: Motion) -> None:
    path = tmp_path / "m.npz"
    with pytest.raises(InputError, match=r"m\.npz does not exist; make it again with `visavox motion"):
        load_motion(path)
    with pytest.raises(InputError, match="is a folder"):
        load_motion(tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        save_motion(motion, tmp_path / "nowhere" / "m.npz")
    path.write_bytes(b"no motion")
    with pytest.raises(InputError, match="is not a motion file"):
        load_motion(path)
    np.savez(path, something=np.zeros(3))
    with pytest.raises(InputError, match="is not a motion file; make"):
        load_motion(path)
    save_motion(motion, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        load_motion(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"visavox_motion": np.array(2)}, "format 2, this version reads 1"),
        ({"displacements": np.zeros((7, 67, 3), np.float32)}, "displacements is float32"),
        ({"displacements": np.full((7, 68, 3), np.nan, np.float32)}, "not finite"),
        ({"rate": np.array([0, 1])}, "no rate"),
        ({"neutral": np.zeros((68, 3))}, "neutral is float64"),
    ],
)
def test_wrong_contents_are_said(tmp_path: Path, motion: Motion, change: dict[str, np.ndarray], said: str) -> None:
    save_motion(motion, tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz") as arrays:
        contents = dict(arrays) | change
    np.savez(tmp_path / "m.npz", **contents)
    with pytest.raises(InputError, match=said):
        load_motion(tmp_path / "m.npz")
