"""`visavox avatar`: the command, its answers and its refusals."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.acting_progress import AfterStep
from tests.avatar.building import small_recipes

from visavox.avatar.dataset.settings import DataSettings
from visavox.cli import common
from visavox.cli.main import main
from visavox.data.radiance.person_data import PersonData
from visavox.demo import FACE, SPEECH
from visavox.errors import InputError
from visavox.progress import CancelToken

__all__ = ["small_recipes"]
pytestmark = pytest.mark.usefixtures("small_recipes")

OPTIONS = ["--minimum-seconds", "2"]


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An avatar whose data set is there."""
    folder = tmp_path_factory.mktemp("avatar") / "avatar"
    assert main(["avatar", "build", str(FACE), "-o", str(folder), *OPTIONS, "--until", "data", "-q"]) == 0
    return folder


def test_build_until_data_leaves_a_data_set_and_says_that_it_is_not_all(
    avatar: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert PersonData.load(avatar / "data").size == 128
    assert (avatar / "data" / "report.html").is_file()
    assert main(["avatar", "build", str(FACE), "-o", str(avatar), *OPTIONS, "--until", "data"]) == 0
    out, err = capsys.readouterr()
    assert "frames are usable" in out
    assert "report.html" in out
    assert "3 to 5 minutes" in out
    assert "cannot speak yet; the same command without --until goes on" in err
    assert main(["avatar", "info", str(avatar)]) == 0
    assert "the avatar is not finished" in capsys.readouterr().out
    assert main(["avatar", "info", str(avatar), "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    assert known["avatar"] is None
    assert known["data"]["frames"]["all"] == 75


def test_ctrl_c_saves_and_the_same_command_goes_on(
    avatar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = shutil.copytree(avatar, tmp_path / "avatar")
    command = ["avatar", "build", str(FACE), "-o", str(own), *OPTIONS, "--licence", "CC0", "--attribution", "her"]

    def with_ctrl_c(_: object, cancel: CancelToken) -> AfterStep:
        return AfterStep(3, lambda: os.kill(os.getpid(), signal.SIGINT), cancel=cancel)

    with monkeypatch.context() as patch:
        patch.setattr(common, "Progress", with_ctrl_c)
        assert main(command) == 130
    assert f"{own} is not finished; the same command goes on where it stopped" in capsys.readouterr().err
    # It came in the last step but one, so the head is done; what comes after it has not begun.
    assert (own / "training" / "head" / "last.ckpt").is_file()
    assert not (own / "training" / "torso").exists()
    assert main([*command, "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    assert known["avatar"]["licence"] == "CC0"
    assert known["avatar"]["attribution"] == "her"
    shutil.rmtree(own / "data")
    shutil.rmtree(own / "training")
    assert main(["avatar", "info", str(own)]) == 0
    said = capsys.readouterr().out
    for words in ("128 pixels, preset cpu", "PSNR of the head, dB", "4 held-out frames", "CC0", "her", "MB"):
        assert words in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build", "nowhere.mp4", "-o", "OUT"], "does not exist"),
        (["build", str(SPEECH), "-o", "OUT"], "speech.flac"),
        (["build", str(FACE), "-o", "OUT"], "give 20 s or more"),
        (["build", str(FACE), "-o", "OUT", "--size", "100"], "give 128, 256 or 512"),
        (["build", str(FACE), "-o", "OUT", "--size", "256"], "leave --size out, or give --preset small"),
        (["build", str(FACE), "-o", "OUT", "--masks", "nowhere", *OPTIONS], "nowhere is no folder"),
        (["build", str(FACE), "-o", "OUT", "--dataset", "nowhere", *OPTIONS], "is not a prepared data set"),
        (["build", str(FACE), "-o", str(FACE), *OPTIONS], "is a file"),
        (["build", str(FACE), "-o", "OUT", "--preset", "huge"], "huge"),
        (["info", "OUT"], "there is no avatar OUT; give the folder of one"),
        (["info", str(FACE)], "is a file"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["avatar", *arguments]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert not (tmp_path / "OUT").exists()


def test_a_damaged_description_is_named(avatar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = shutil.copytree(avatar, tmp_path / "avatar")
    (own / "data" / "data.json").write_text("{")
    assert main(["avatar", "info", str(own)]) == 2
    assert "data.json cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        {"size": 100},
        {"margin": 1},
        {"minimum_seconds": 0},
        {"test_share": 0},
        {"test_share": 0.6},
        {"pose_smoothing": -1},
    ],
)
def test_settings_that_mean_nothing(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="give"):
        DataSettings(**change)
