"""A stage that keeps a workspace goes on in it, and with another key begins anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from visavox.runtime.resumable import ResumableSteps


class Ended(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., dict[str, str] | None]:
    """Runs a stage that makes one step a call until it has made three."""

    def run(key: str, *, ends: bool = False) -> dict[str, str] | None:
        (tmp_path / "root").mkdir(exist_ok=True)
        steps = tmp_path / "root" / "run" / "steps"

        def work() -> dict[str, str] | None:
            steps.parent.mkdir(exist_ok=True)
            steps.write_text((steps.read_text() if steps.is_file() else "") + key)
            (steps.parent / "best").write_text(key)
            if ends:
                raise Ended
            return {"steps": steps.read_text()}

        stages = ResumableSteps(tmp_path / "stages.json", tmp_path / "root")
        result: dict[str, str] | None = stages.run("learn", key, ["run/best"], work, workspace="run")
        return result

    return run


def test_it_goes_on_after_the_end_of_the_process(job: Callable[..., dict[str, str] | None]) -> None:
    for _ in range(2):
        with pytest.raises(Ended):
            job("a", ends=True)
    assert job("a") == {"steps": "aaa"}
    assert job("a") == {"steps": "aaa"}


def test_another_key_begins_anew(job: Callable[..., dict[str, str] | None]) -> None:
    with pytest.raises(Ended):
        job("a", ends=True)
    assert job("b") == {"steps": "b"}
    assert job("a") == {"steps": "a"}


def test_what_was_made_and_is_gone_is_made_anew(job: Callable[..., dict[str, str] | None], tmp_path: Path) -> None:
    job("a")
    (tmp_path / "root" / "run" / "best").unlink()
    assert job("a") == {"steps": "a"}
