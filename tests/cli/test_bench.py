"""`visavox bench avatar`: what it says, not how fast it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tests.small_avatar import make_avatar

from visavox.avatar.speak.speed import load_subject
from visavox.cli.main import main
from visavox.models.radiance.rays import scaled


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_avatar(tmp_path_factory.mktemp("avatar") / "avatar")


def test_an_avatar(avatar: Path, capsys: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads()
    assert (
        main(["bench", "avatar", str(avatar), "--size", "32", "48", "--frames", "3", "--threads", "1", "--json"]) == 0
    )
    said = json.loads(capsys.readouterr().out)
    assert said["machine"].keys() == {"processor", "cores", "threads", "torch", "device", "precision", "compiled"}
    assert said["machine"]["threads"] == 1
    assert said["machine"]["compiled"] is False
    assert said["machine"]["torch"] == torch.__version__
    assert said["machine"]["precision"] in ("float32", "bfloat16")
    assert torch.get_num_threads() == threads
    small, large = said["speeds"]
    assert (small["size"], large["size"], small["frames"]) == (32, 48, 3)
    for one in said["speeds"]:
        assert 0 < one["slow"] <= one["frames_a_second"] <= one["fast"]
        assert one["head_share"] + one["torso_share"] == pytest.approx(1)
        assert one["samples_a_ray"] > 0
    assert 1.5 * small["rays"] < large["rays"] <= 48 * 48


def test_a_head_from_a_file(avatar: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, torso = (str(avatar / f"{name}.safetensors") for name in ("head", "torso"))
    assert main(["bench", "avatar", head, "--size", "32", "--frames", "2"]) == 0
    first = capsys.readouterr().out.splitlines()
    assert len(first) == 3
    assert first[1].split()[-2:] == ["100%", "0%"]
    assert f"torch {torch.__version__}" in first[2]
    assert main(["bench", "avatar", head, "--torso", torso, "--size", "32", "--frames", "2"]) == 0
    assert first[0] == capsys.readouterr().out.splitlines()[0]


def test_frames_lie_evenly_over_the_performance(avatar: Path) -> None:
    subject = load_subject(avatar, frames=4)
    assert subject.windows.shape[0] == len(subject.rotations) == 4
    assert not torch.equal(subject.rotations[0], subject.rotations[-1])
    camera = scaled(subject.camera, 64)
    assert camera.size == (64, 64)
    assert camera.focal_length == pytest.approx(subject.camera.focal_length * 64 / subject.camera.size[0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing cannot be measured; what can be is avatar"),
        (["dub"], "'dub' cannot be measured"),
        (["avatar", "nobody"], "nobody"),
        (["avatar", "{avatar}", "--size", "4"], "the size 4 is not allowed; give 16 to 2048 pixels"),
        (["avatar", "{avatar}", "--frames", "0"], "0 frames are to be drawn"),
        (["avatar", "{avatar}", "--threads", "0"], "--threads is 0"),
        (["avatar", "{avatar}", "--torso", "torso.safetensors"], "has its own torso"),
        (["avatar", "{avatar}", "--compile"], "--compile was given, and the device is cpu"),
        (["avatar", "{avatar}/torso.safetensors"], "Head-NeRF"),
    ],
)
def test_what_cannot_be_measured(
    avatar: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["bench", *(word.format(avatar=avatar) for word in arguments)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
