"""The folder of an avatar: written, read, and refused."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.small_avatar import info_of, make_avatar, make_weights, performance

from visavox.avatar.format.avatar_folder import INFO_FILE, NEEDED, AvatarInfo, read_avatar, write_avatar
from visavox.data.radiance.person_data import PersonData
from visavox.errors import InputError
from visavox.weights.checkpoint import load_model


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_avatar(tmp_path_factory.mktemp("avatar") / "avatar")


@pytest.fixture
def own(avatar: Path, tmp_path: Path) -> Path:
    """A copy without data, to be changed."""
    for name in (*NEEDED, "postnet.safetensors"):
        (tmp_path / name).write_bytes((avatar / name).read_bytes())
    return tmp_path


def test_what_is_written_is_read(avatar: Path) -> None:
    person = PersonData.load(avatar / "data")
    read = read_avatar(avatar)
    assert read.info == info_of(person)
    assert read.camera == person.camera
    assert read.stretches == ((0, 27), (27, 54))
    motion, pose = performance(person)
    assert np.array_equal(read.motion.displacements, motion.displacements)
    assert np.array_equal(read.pose.rotations, pose.rotations)
    assert np.array_equal(read.background, person.background)
    assert read.adapter is not None
    assert not read.head.training
    assert not read.torso.training


def test_head_and_torso_are_stored_in_half_precision(avatar: Path) -> None:
    whole = load_model(avatar / "trained-head.safetensors").state_dict()
    # Pictures are made with the mean of the codes of all frames.
    whole["appearance"] = whole["appearance"].mean(dim=0, keepdim=True)
    for name, stored in read_avatar(avatar).head.state_dict().items():
        assert torch.equal(stored, whole[name].half().float() if whole[name].is_floating_point() else whole[name])


def test_an_avatar_does_without_postnet_data_and_training(own: Path) -> None:
    (own / "postnet.safetensors").unlink()
    assert read_avatar(own).adapter is None


def test_an_avatar_can_be_written_again_and_loses_what_is_not_its_own(avatar: Path, tmp_path: Path) -> None:
    person = PersonData.load(avatar / "data")
    motion, pose = performance(person)
    weights = make_weights(tmp_path, person)
    parts: dict[str, Any] = {"motion": motion, "pose": pose, "background": person.background}
    without = {name: weights[name] for name in ("head", "torso")}
    for given in (weights, without):
        write_avatar(tmp_path / "a", info_of(person), given, **parts)
    assert read_avatar(tmp_path / "a").adapter is None
    with pytest.raises(InputError, match="a Torso-NeRF; what is needed here is a Head-NeRF"):
        write_avatar(tmp_path / "a", info_of(person), {"head": weights["torso"], "torso": weights["torso"]}, **parts)
    with pytest.raises(InputError, match="not a finished one"):
        AvatarInfo.load(tmp_path / "a")


def test_parts_that_do_not_fit_are_refused(avatar: Path, tmp_path: Path) -> None:
    person = PersonData.load(avatar / "data")
    motion, pose = performance(person)
    weights = {name: path for name, path in make_weights(tmp_path, person).items() if name != "postnet"}
    info = info_of(person)
    with pytest.raises(ValueError, match="does not fit"):
        write_avatar(tmp_path / "a", info, weights, motion=motion, pose=pose, background=person.background[1:])
    with pytest.raises(ValueError, match="stretches of 50"):
        write_avatar(
            tmp_path / "a",
            replace(info, stretches=((0, 50),)),
            weights,
            motion=motion,
            pose=pose,
            background=person.background,
        )


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_part_is_named(own: Path, name: str) -> None:
    (own / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing; make it with"):
        read_avatar(own)


@pytest.mark.parametrize("name", [*NEEDED, "postnet.safetensors"])
def test_a_damaged_part_is_named(own: Path, name: str) -> None:
    (own / name).write_bytes(b"\x89nothing")
    with pytest.raises(InputError, match=name):
        read_avatar(own)


def test_a_part_of_another_avatar_is_refused(own: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = make_avatar(tmp_path_factory.mktemp("other") / "a", size=24)
    (own / "background.png").write_bytes((other / "background.png").read_bytes())
    with pytest.raises(InputError, match="background.png is damaged or not what an avatar holds"):
        read_avatar(own)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "install a newer visavox"),
        ({"format": "one"}, "it names no format"),
        ({"colour": 1}, "no 'colour'"),
        ({"stretches": [[0, 20], [30, 54]]}, "do not follow one another"),
        ({"stretches": []}, "no stretch"),
        ({"size": "large"}, "AvatarInfo.size: expected `int`, got `str`"),
    ],
)
def test_a_wrong_avatar_json_is_one_sentence(own: Path, change: dict[str, Any], words: str) -> None:
    stored = json.loads((own / INFO_FILE).read_text())
    (own / INFO_FILE).write_text(json.dumps({**stored, **change}))
    with pytest.raises(InputError, match=words):
        AvatarInfo.load(own)


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist; give the folder of an avatar"):
        AvatarInfo.load(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"avatar\.json.* is missing"):
        AvatarInfo.load(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        AvatarInfo.load(tmp_path / "file")


def test_what_is_known_is_read_without_torch(avatar: Path) -> None:
    code = (
        "import sys; from visavox.avatar.format.avatar_folder import AvatarInfo; "
        f"print(AvatarInfo.load({str(avatar)!r}).size, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["32", "False"]


def test_the_file_keeps_the_names_of_its_format(avatar: Path) -> None:
    stored = json.loads((avatar / INFO_FILE).read_text())
    assert list(stored["source"]) == ["footage", "crop", "frame_size"]
    assert stored["figures"] == AvatarInfo.load(avatar).values
    assert {"videos", "values"}.isdisjoint({*stored, *stored["source"]})
