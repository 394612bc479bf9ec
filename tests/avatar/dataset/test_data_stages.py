"""What is done is not done again; what was begun goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visavox.runtime.array_file import GrowingArrays
from visavox.runtime.resumable import ResumableSteps, key_of

SHAPES = {"a.npy": ((4, 3), np.uint8), "sub/b.npy": ((4,), np.float32)}


class Work:
    """Counts how often it is done, and makes a file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.times = folder, 0

    def __call__(self) -> dict[str, int]:
        self.times += 1
        (self.folder / "made").write_text(str(self.times))
        return {"times": self.times}


def test_stage_is_done_once(tmp_path: Path) -> None:
    work = Work(tmp_path)
    for _ in range(2):
        stages = ResumableSteps(tmp_path / "stages.json", tmp_path)
        assert stages.run("one", "key", ["made"], work) == {"times": 1}
    assert work.times == 1
    assert stages.values("one") == {"times": 1}


def test_stage_is_done_anew_with_another_key_or_without_its_file(tmp_path: Path) -> None:
    work = Work(tmp_path)
    stages = ResumableSteps(tmp_path / "stages.json", tmp_path)
    stages.run("one", "key", ["made"], work)
    stages.run("one", "other", ["made"], work)
    (tmp_path / "made").unlink()
    stages.run("one", "other", ["made"], work)
    assert work.times == 3


def test_stage_that_fails_leaves_no_old_result(tmp_path: Path) -> None:
    stages = ResumableSteps(tmp_path / "stages.json", tmp_path)
    stages.run("one", "key", ["made"], Work(tmp_path))

    def fail() -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - any
        stages.run("one", "other", ["made"], fail)
    assert not (tmp_path / "made").exists()


def test_damaged_record_is_as_none(tmp_path: Path) -> None:
    (tmp_path / "stages.json").write_text("[1, 2")
    work = Work(tmp_path)
    ResumableSteps(tmp_path / "stages.json", tmp_path).run("one", "key", ["made"], work)
    assert work.times == 1


def test_keys_tell_settings_apart() -> None:
    assert key_of(1, {"a": 2, "b": 3}) == key_of(1, {"b": 3, "a": 2})
    assert key_of(1, {"a": 2}) != key_of(1, {"a": 3})


def test_arrays_appear_when_they_are_whole(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    store = GrowingArrays(tmp_path, SHAPES, "key")
    store["a.npy"][:] = 7
    store.note(4)
    assert not (tmp_path / "a.npy").exists()
    store.finish()
    assert (np.load(tmp_path / "a.npy") == 7).all()
    assert (np.load(tmp_path / "sub" / "b.npy") == 0).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "sub"]


def test_arrays_go_on_with_the_same_key_only(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    store = GrowingArrays(tmp_path, SHAPES, "key")
    store["a.npy"][:2] = 7
    store.note(2)
    del store
    again = GrowingArrays(tmp_path, SHAPES, "key")
    assert again.done == 2
    assert (again["a.npy"][:2] == 7).all()
    del again
    other = GrowingArrays(tmp_path, SHAPES, "other")
    assert other.done == 0
    assert (other["a.npy"][:] == 0).all()
