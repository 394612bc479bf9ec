"""Lists in the format of Wav2Lip's evaluation, and one helpful line where they do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.errors import InputError
from visavox.evaluation.protocol.pair_list import Corpus, read_pairs

LRS2 = "6349793037997935601/00062", "6359541754766405254/00020"
LRS3 = "UAj1hsXp18c/00018", "Li4S1yyrsTI/00022"


def corpus_with(root: Path, *names: str) -> Path:
    for name in names:
        path = root / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def write_list(folder: Path, text: str) -> Path:
    path = folder / "list.txt"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    ("corpus", "names", "files"),
    [
        ("lrs2", LRS2, LRS2),
        ("lrs2", LRS2, [f"main/{name}" for name in LRS2]),
        ("lrs2", [f"main/{name}" for name in LRS2], [f"main/{name}" for name in LRS2]),
        ("lrs3", LRS3, LRS3),
        ("lrs3", LRS3, [f"test/{name}" for name in LRS3]),
        ("lrw", ("ABOUT_00001", "POINT_00046"), ("ABOUT/test/ABOUT_00001", "POINT/test/POINT_00046")),
        ("lrw", ("ABOUT_00001", "POINT_00046"), ("ABOUT_00001", "POINT_00046")),
        ("lrw", ("AN/test/AN_00001", "AN/test/AN_00002"), ("AN/test/AN_00001", "AN/test/AN_00002")),
        ("folder", ("a/b", "c.mp4"), ("a/b", "c")),
    ],
)  # fmt: skip
def test_names_are_found_where_the_corpus_has_them(
    tmp_path: Path, corpus: Corpus, names: list[str] | tuple[str, str], files: list[str] | tuple[str, str]
) -> None:
    root = corpus_with(tmp_path / "root", *files)
    (pair,) = read_pairs(write_list(tmp_path, " ".join(names)), root, corpus)
    assert (pair.audio, pair.video) == tuple(root / f"{file}.mp4" for file in files)
    assert (pair.audio_name, pair.video_name) == tuple(names)
    assert not pair.is_own_audio


def test_empty_lines_ends_of_lines_and_other_endings(tmp_path: Path) -> None:
    root = corpus_with(tmp_path / "root", "a", "b")
    (root / "speech.wav").write_bytes(b"x")
    pairs = read_pairs(write_list(tmp_path, "\ufeffa b\r\n\r\n  b\tb  \nspeech.wav a"), root, "folder")
    assert [(pair.line, pair.audio.name, pair.video.name, pair.is_own_audio) for pair in pairs] == [
        (1, "a.mp4", "b.mp4", False),
        (3, "b.mp4", "b.mp4", True),
        (4, "speech.wav", "a.mp4", False),
    ]


def test_what_is_made_of_a_pair_keeps_its_name_when_the_list_grows(tmp_path: Path) -> None:
    root = corpus_with(tmp_path / "root", "a", "b")
    (before,) = read_pairs(write_list(tmp_path, "a b"), root, "folder")
    other, after = read_pairs(write_list(tmp_path, "b a\na b"), root, "folder")
    assert before.key == after.key != other.key


@pytest.mark.parametrize(
    ("corpus", "text", "words"),
    [
        ("folder", "a b\na", r"list.txt, line 2: 1 words in 'a'; write two, `AUDIO VIDEO`"),
        ("folder", "a b b", "line 1: 3 words"),
        ("folder", "a b\n\nb none", r"line 3: there is no .*none or .*none.mp4; check the list"),
        ("lrs2", "a b", r"line 1: 'a' is not of the form \[main/\]ID/NUMBER; other sets are --protocol folder"),
        ("lrs3", f"{LRS3[0]} {LRS3[1]}", "there is no .*00018.mp4 or .*test/UAj1hsXp18c/00018.mp4"),
        ("lrw", "ABOUT/test/POINT_00001 b", "not of the form WORD_NUMBER"),
        ("folder", "\n \n", "lists no pair"),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, corpus: Corpus, text: str, words: str) -> None:
    root = corpus_with(tmp_path / "root", "a", "b")
    with pytest.raises(InputError, match=words):
        read_pairs(write_list(tmp_path, text), root, corpus)


def test_a_missing_list_or_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        read_pairs(write_list(tmp_path, "a b"), tmp_path / "none", "folder")
    with pytest.raises(InputError, match="cannot be read"):
        read_pairs(tmp_path / "none.txt", tmp_path, "folder")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(InputError, match="cannot be read"):
        read_pairs(tmp_path / "binary.txt", tmp_path, "folder")
    with pytest.raises(InputError, match="allowed are lrs2, lrs3, lrw, folder"):
        read_pairs(tmp_path / "binary.txt", tmp_path, "grid")  # type: ignore[arg-type]
