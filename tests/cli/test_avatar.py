"""`visavox avatar`: the command, its answers and its refusals."""

from __future__ import annotations

import json

import pytest

from visavox.avatar.settings import DataSettings
from visavox.cli.main import main
from visavox.data.person_data import PersonData
from visavox.demo import FACE, SPEECH
from visavox.errors import InputError

OPTIONS = ["--size", "128", "--minimum-seconds", "2"]


@pytest.fixture(scope="module")
def avatar(tmp_path_factory):
    folder = tmp_path_factory.mktemp("avatar") / "avatar"
    assert main(["avatar", "build", str(FACE), "-o", str(folder), *OPTIONS, "-q"]) == 0
    return folder


def test_build_leaves_a_data_set(avatar):
    assert PersonData.load(avatar / "data").num_frames == 75
    assert (avatar / "data" / "report.html").is_file()


def test_build_says_what_was_found_and_what_is_not_there_yet(avatar, capsys):
    assert main(["avatar", "build", str(FACE), "-o", str(avatar), *OPTIONS]) == 0
    out, err = capsys.readouterr()
    assert "frames are usable" in out
    assert "report.html" in out
    assert "3 to 5 minutes" in out
    assert "the avatar cannot speak yet" in err


def test_info(avatar, capsys):
    assert main(["avatar", "info", str(avatar)]) == 0
    assert "frames are usable" in capsys.readouterr().out
    assert main(["avatar", "info", str(avatar), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"]["all"] == 75


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build", "nowhere.mp4", "-o", "OUT"], "does not exist"),
        (["build", str(SPEECH), "-o", "OUT"], "speech.flac"),
        (["build", str(FACE), "-o", "OUT"], "give 20 s or more"),
        (["build", str(FACE), "-o", "OUT", "--size", "100"], "give 128, 256 or 512"),
        (["build", str(FACE), "-o", "OUT", "--masks", "nowhere", *OPTIONS], "nowhere is no folder"),
        (["build", str(FACE), "-o", str(FACE), *OPTIONS], "is a file"),
        (["info", "OUT"], "is not an avatar"),
    ],
)
def test_bad_input_is_one_line(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["avatar", *arguments]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert not (tmp_path / "OUT").exists()


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
def test_settings_that_mean_nothing(change):
    with pytest.raises(InputError, match="give"):
        DataSettings(**change)
