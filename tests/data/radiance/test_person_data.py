"""Opening a person's data set, whole and broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.data.radiance.person_data import FILES, PersonCamera, PersonData
from visavox.errors import InputError
from visavox.face.geometry.pose import canonical_face, focal_length, project

FRAMES, SIDE = 6, 16


def write_person(folder: Path, **changes: Any) -> Path:
    """Write a small data set of noise; `changes` replace arrays by file name without its ending, or drop them."""
    generator = np.random.default_rng(0)
    head = generator.integers(0, 128, (FRAMES, SIDE, SIDE)).astype(np.uint8)
    arrays = {
        "frames": generator.integers(0, 256, (FRAMES, SIDE, SIDE, 3)).astype(np.uint8),
        "head_mask": head,
        "torso_mask": 127 - head,
        "background": generator.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8),
        "torso": generator.integers(0, 256, (FRAMES, SIDE, SIDE, 4)).astype(np.uint8),
        "speech": generator.integers(-99, 99, FRAMES * 640).astype(np.int16),
    }
    motion = {
        "displacements": generator.normal(size=(FRAMES, 68, 3)).astype(np.float32),
        "confidence": np.ones(FRAMES, np.float32),
        "rotations": np.tile(np.eye(3, dtype=np.float32), (FRAMES, 1, 1)),
        "translations": np.tile(np.array([0, 0, -60], np.float32), (FRAMES, 1)),
        "usable": np.array([1, 1, 0, 1, 1, 1], bool),
    }
    texts = {
        "camera": {"focal_length": 20.0, "principal_point": [7.5, 7.5], "size": SIDE, "near": 40.0, "far": 90.0},
        "split": {"train": [[0, 3], [3, 4]], "test": [[4, 6]]},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", changes.get(name, array))
    np.savez(folder / "motion.npz", **{name: changes.get(name, array) for name, array in motion.items()})
    for name, content in texts.items():
        (folder / f"{name}.json").write_text(json.dumps(changes.get(name, content)))
    return folder


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    data = PersonData.load(write_person(tmp_path))
    assert data.num_frames == FRAMES
    assert data.size == SIDE
    assert isinstance(data.frames, np.memmap)
    assert not data.frames.flags.writeable
    assert data.camera.principal_point == (7.5, 7.5)
    assert data.split == {"train": ((0, 3), (3, 4)), "test": ((4, 6),)}
    assert data.indices("train").tolist() == [0, 1, 3]
    assert data.indices("test").tolist() == [4, 5]


def test_neutral_is_the_mean_of_what_is_learned_from(tmp_path: Path) -> None:
    data = PersonData.load(write_person(tmp_path))
    assert data.motion.neutral == pytest.approx(data.displacements[[0, 1, 3]].mean(axis=0))
    assert data.motion.rate == 25


@pytest.mark.parametrize("name", FILES)
def test_missing_file(tmp_path: Path, name: str) -> None:
    (write_person(tmp_path) / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing; run `visavox avatar build` again"):
        PersonData.load(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_damaged_file(tmp_path: Path, name: str) -> None:
    (write_person(tmp_path) / name).write_bytes(b"nothing of use")
    with pytest.raises(InputError, match="is damaged or not what"):
        PersonData.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"head_mask": np.zeros((FRAMES, SIDE, SIDE), np.float32)}, "head_mask is float32"),
        ({"torso": np.zeros((FRAMES - 1, SIDE, SIDE, 4), np.uint8)}, "torso is uint8"),
        ({"speech": np.zeros(FRAMES * 640 - 1, np.int16)}, "speech is int16"),
        ({"displacements": np.full((FRAMES, 68, 3), np.nan, np.float32)}, "not finite"),
        ({"usable": np.zeros(FRAMES, bool)}, "no frame of it is usable"),
        ({"split": {"train": [[0, 5]], "test": [[4, 6]]}}, "the interval 4 to 6"),
        ({"split": {"train": [[0, 4]], "test": [[4, 7]]}}, "the interval 4 to 7"),
        (
            {"camera": {"focal_length": 9, "principal_point": [0, 0], "size": 8, "near": 1, "far": 2}},
            "frames is uint8",
        ),
    ],
)
def test_parts_that_do_not_fit(tmp_path: Path, changes: dict[str, dict[str, Any] | np.ndarray], words: str) -> None:
    write_person(tmp_path, **changes)
    with pytest.raises(InputError, match=words):
        PersonData.load(tmp_path)


@pytest.mark.parametrize(
    "change", [{"near": 90}, {"focal_length": 0}, {"principal_point": [1]}, {"principal_point": None}]
)
def test_impossible_camera(tmp_path: Path, change: dict[str, Any]) -> None:
    camera = {"focal_length": 20.0, "principal_point": [7.5, 7.5], "size": SIDE, "near": 40.0, "far": 90.0} | change
    write_person(tmp_path, camera=camera)
    with pytest.raises(InputError, match=r"camera\.json is damaged"):
        PersonData.load(tmp_path)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        PersonData.load(tmp_path / "nowhere")


def test_camera_projects_as_the_pose_does() -> None:
    camera = PersonCamera(focal_length((360, 288)), (179.5, 143.5), 288, 30.0, 90.0)
    turn = np.array([[[0.96, 0, 0.28], [0, 1, 0], [-0.28, 0, 0.96]]], np.float32)
    place = np.array([[2, -1, -55]], np.float32)
    assert camera.project(canonical_face(), turn, place) == pytest.approx(
        project(canonical_face(), turn, place, (360, 288))
    )
