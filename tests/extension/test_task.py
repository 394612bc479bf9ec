"""One file and one row: a training task that nobody told the rest of the house about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from tests.acting_progress import cancelled_after

from visavox.cli.main import main
from visavox.errors import Cancelled
from visavox.training.recipe import RunSettings
from visavox.training.run import train
from visavox.training.tasks import TASKS, TaskRow, find_recipe


@pytest.fixture(autouse=True)
def row(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one row."""
    monkeypatch.setitem(
        TASKS,
        "line",
        TaskRow("Fit a line", "tests.extension.toy_task:LineTask", "tests.extension.toy_task:RECIPES", default="tiny"),
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "points.txt").write_text("y = 3 x")
    return folder


def test_the_command_lists_it_and_trains_it(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert "line            Fit a line" in capsys.readouterr().out
    assert main(["train", "line", str(data), "-o", str(tmp_path / "run"), "--json", "--quiet", "--device", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out)["slope_error"] < 3
    assert set(safetensors.torch.load_file(tmp_path / "run" / "best.safetensors")) == {"weight"}


def test_it_resumes_and_accumulates_as_every_task_does(data: Path, tmp_path: Path) -> None:
    recipe = find_recipe("line", "tiny")

    def weight(run: str, steps: int, resume: bool = False, **options: Any) -> torch.Tensor:
        settings = RunSettings(device="cpu", steps=steps, **options)
        result = train(recipe, data, tmp_path / run, settings=settings, resume=resume)
        return result.task.modules["line"].get_parameter("weight").detach().clone()

    whole = weight("whole", 3)
    settings = RunSettings(device="cpu")
    with pytest.raises(Cancelled):
        train(recipe, data, tmp_path / "parts", settings=settings, progress=cancelled_after(1))
    parts = train(recipe, data, tmp_path / "parts", settings=settings, resume=True)
    assert torch.equal(parts.task.modules["line"].get_parameter("weight"), whole)
    large = weight("large", 3, batch_size=8)
    accumulated = weight("accumulated", 3, batch_size=4, accumulate=2)
    assert torch.allclose(large, accumulated, atol=1e-6)
    assert not torch.allclose(large, whole, atol=1e-4)
