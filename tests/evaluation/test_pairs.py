"""Pairs from folders and lists, and one helpful line where they do not fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.errors import InputError
from visavox.evaluation.pairs import EvaluationPair, find_pairs


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("b/two", "a/one", "three"):
        touch(tmp_path / "dubbed" / f"{name}.mp4")
        touch(tmp_path / "truth" / f"{name}.MPG")
    touch(tmp_path / "dubbed" / "notes.txt")
    touch(tmp_path / "truth" / "unused.mp4")
    return tmp_path / "dubbed", tmp_path / "truth"


def test_folders_match_by_name_and_subfolders_are_groups(folders: tuple[Path, Path]) -> None:
    dubbed, truth = folders
    pairs = find_pairs(dubbed, truth)
    assert [(pair.group, pair.dubbed.name, pair.truth.name) for pair in pairs] == [
        ("a", "one.mp4", "one.MPG"),
        ("b", "two.mp4", "two.MPG"),
        ("", "three.mp4", "three.MPG"),
    ]


def test_sounds_and_sources_match_too(folders: tuple[Path, Path], tmp_path: Path) -> None:
    for name in ("b/two", "a/one", "three"):
        touch(tmp_path / "sound" / f"{name}.wav")
    pairs = find_pairs(*folders, audio=tmp_path / "sound", source=folders[1])
    assert pairs[0] == EvaluationPair(
        folders[0] / "a/one.mp4", folders[1] / "a/one.MPG", "a", tmp_path / "sound/a/one.wav", folders[1] / "a/one.MPG"
    )


def test_lists_name_everything_relative_to_themselves(folders: tuple[Path, Path], tmp_path: Path) -> None:
    csv, jsonl = tmp_path / "list.csv", tmp_path / "list.jsonl"
    row = {"dubbed": "dubbed/three.mp4", "truth": "truth/three.MPG", "group": "g"}
    csv.write_text("dubbed,truth,group,audio\ndubbed/three.mp4,truth/three.MPG,g,\n", encoding="utf-8-sig")
    jsonl.write_text(json.dumps(row) + "\n\n")
    expected = EvaluationPair(tmp_path / "dubbed/three.mp4", tmp_path / "truth/three.MPG", "g")
    assert find_pairs(csv, None) == [expected]
    assert find_pairs(jsonl, None) == [expected]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "dubbed,truth\n", "lists no video"),
        ("a.csv", "dubbed,true\nx.mp4,y.mp4\n", "unknown column 'true'"),
        ("a.csv", "dubbed,truth\nx.mp4,\n", "row 1: needs both"),
        ("a.csv", "dubbed,truth\nx.mp4,y.mp4\n", "does not exist"),
        ("a.jsonl", "{\n", "line 1: not JSON"),
        ("a.jsonl", "[1]\n", "one object a line"),
    ],
)
def test_bad_lists_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        find_pairs(tmp_path / name, None)


def test_bad_pairs_are_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    dubbed, truth = folders
    with pytest.raises(InputError, match="--truth"):
        find_pairs(dubbed, None)
    with pytest.raises(InputError, match="does not exist"):
        find_pairs(dubbed / "none.mp4", truth)
    with pytest.raises(InputError, match="not one of each"):
        find_pairs(dubbed / "three.mp4", truth)
    with pytest.raises(InputError, match=r"no file named a/one\.\*"):
        find_pairs(dubbed, touch(tmp_path / "other/three.mp4").parent)
    touch(truth / "three.mkv")
    with pytest.raises(InputError, match="same name"):
        find_pairs(dubbed, truth)
    (tmp_path / "void").mkdir()
    with pytest.raises(InputError, match="holds no video"):
        find_pairs(tmp_path / "void", truth.parent / "void")
