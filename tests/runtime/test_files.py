"""Files appear under their name whole or not at all, and are told apart by digests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from visavox.runtime.files import (
    LONGEST_NAME,
    PartialFile,
    is_leftover,
    leftovers,
    sha256_of,
    short_digest,
    write_whole,
)


@pytest.mark.parametrize("content", ["näme\n", "näme\n".encode(), lambda file: file.write("näme\n".encode())])
def test_text_bytes_and_writers(tmp_path: Path, content: Callable[..., Any] | bytes | str) -> None:
    path = tmp_path / "one.txt"
    write_whole(path, content)
    assert path.read_bytes() == "näme\n".encode()
    assert os.listdir(tmp_path) == ["one.txt"]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    write_whole(path, "before")

    def fail(file: IO[bytes]) -> None:
        file.write(b"half")
        raise KeyError("no")

    with pytest.raises(KeyError):
        write_whole(path, fail)
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["one.txt"]


def test_a_link_stays_a_link_and_rights_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "one.txt", tmp_path / "link.txt"
    path.write_text("before")
    path.chmod(0o640)
    link.symlink_to(path)
    write_whole(link, "after")
    assert link.is_symlink()
    assert path.read_text() == "after"
    assert path.stat().st_mode & 0o777 == 0o640


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * (LONGEST_NAME - 4) + ".txt")
    write_whole(path, "x")
    assert path.read_text() == "x"


def test_leftovers_of_a_killed_process(tmp_path: Path) -> None:
    left = PartialFile(tmp_path / "clip.npz")
    left.path.write_bytes(b"half")
    for name in (".older.json.123.part", ".hidden", "song.part", ".partial.npz"):
        (tmp_path / name).touch()
    assert {path.name for path in leftovers(tmp_path)} == {left.path.name, ".older.json.123.part"}
    assert is_leftover(".last.ckpt.part")


def test_digests(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"1" * 3_000_000)
    two.write_bytes(b"2")
    assert sha256_of(one) == hashlib.sha256(one.read_bytes()).hexdigest()
    assert sha256_of(one, two) == hashlib.sha256(one.read_bytes() + b"2").hexdigest()
    assert short_digest(two) == hashlib.sha256(b"2").hexdigest()[:16]
