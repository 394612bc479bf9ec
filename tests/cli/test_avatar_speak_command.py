"""`visavox avatar speak` and `visavox avatar demo`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.small_avatar import make_avatar

from visavox.avatar.format import avatar_folder
from visavox.avatar.format.avatar_folder import find_avatar, list_avatars
from visavox.cli.main import main
from visavox.demo import SPEECH
from visavox.media import probe, read_audio


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of shipped avatars with one in it."""
    folder = tmp_path_factory.mktemp("shipped")
    make_avatar(folder / "grid-s1")
    return folder


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    import wave

    samples = read_audio(SPEECH)[16_000:19_200]
    with wave.open(str(tmp_path / "speech.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return tmp_path / "speech.wav"


def test_speak_prints_what_was_made(
    shipped: Path, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.mp4"
    assert main(["avatar", "speak", str(shipped / "grid-s1"), str(sound), "-o", str(output), "--blink", "none"]) == 0
    assert "5 frames of 32 x 32, 0 blinks" in capsys.readouterr().err
    assert probe(output).width == 32
    arguments = ["--overwrite", "--json", "--seed", "3", "--temperature", "0", "--size", "64"]
    assert main(["avatar", "speak", str(shipped / "grid-s1"), str(sound), "-o", str(output), *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["width"] == 64


def test_paste_is_an_option_with_and_without_a_folder(
    shipped: Path, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["avatar", "speak", str(shipped / "grid-s1"), str(sound), "-o", str(tmp_path / "out.mp4"), "--paste"]
    assert main(command) == 2
    assert f"{shipped / 'grid-s1' / 'footage.mp4'} is missing" in capsys.readouterr().err
    assert main([*command, str(tmp_path)]) == 2
    assert f"{tmp_path / 'footage.mp4'} is missing" in capsys.readouterr().err


def test_the_demo_speaks_with_the_shipped_avatar(
    shipped: Path, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(avatar_folder.list_avatars, "__defaults__", (shipped,))
    monkeypatch.setattr(avatar_folder.find_avatar, "__defaults__", (shipped,))
    monkeypatch.setattr("visavox.demo.SPEECH", sound)
    output = tmp_path / "new" / "demo.mp4"
    assert main(["avatar", "demo", "-o", str(output), "-q"]) == 0
    out = capsys.readouterr().out
    assert "visavox avatar speak grid-s1" in out
    assert str(output.resolve()) in out
    assert "somebody (CC BY 4.0)" in out
    assert probe(output).width == 32


def test_avatars_are_found_by_name(shipped: Path, tmp_path: Path) -> None:
    assert list_avatars(shipped) == ["grid-s1"]
    assert find_avatar("grid-s1", shipped) == shipped / "grid-s1"
    assert find_avatar(tmp_path, shipped) == tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["speak", "nowhere", "SOUND", "-o", "out.mp4"], "there is no avatar nowhere; give the folder of one"),
        (["speak", ".", "SOUND", "-o", "out.mp4"], "avatar.json"),
        (["speak", "AVATAR", "SOUND", "-o", "out.mp4", "--size", "70000"], "from 64 to 128"),
        (["speak", "AVATAR", "SOUND", "-o", "out.txt"], "allowed are .mp4"),
        (["speak", "AVATAR", "SOUND", "-o", "out.mkv", "--background", "transparent"], "name the output .mov"),
        (["speak", "AVATAR", "SOUND", "-o", "out.mp4", "--temperature", "5"], "give 0 (most likely) to 2"),
        (["speak", "AVATAR", "SOUND", "-o", "-", "--json"], "both write to standard output"),
        (["speak", "AVATAR", "SOUND"], "-o"),
    ],
)
def test_bad_input_is_one_line(
    shipped: Path,
    sound: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"AVATAR": str(shipped / "grid-s1"), "SOUND": str(sound)}
    assert main(["avatar", *(names.get(word, word) for word in arguments)]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["speech.wav"]


def test_without_a_shipped_avatar_the_demo_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(avatar_folder.list_avatars, "__defaults__", (tmp_path,))
    assert main(["avatar", "demo", "-o", str(tmp_path / "out.mp4")]) == 2
    assert "comes without the avatar grid-s1; make one with" in capsys.readouterr().err
