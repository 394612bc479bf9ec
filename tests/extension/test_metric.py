"""One file and one row: a metric that nobody told the rest of the house about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.conftest import demo_frames, write_video
from tools.metrics_page import tables

from visavox.cli.main import main
from visavox.metrics.table import METRICS


@pytest.fixture(autouse=True)
def row(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one row."""
    monkeypatch.setitem(METRICS, "brightness", "tests.extension.toy_metric:Brightness")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Half a second of the bundled clip, and the same ten levels brighter."""
    folder, frames = tmp_path_factory.mktemp("videos"), demo_frames(12)

    def brighter() -> Iterator[np.ndarray]:
        for frame in frames:
            yield np.clip(frame.astype(int) + 10, 0, 255).astype(np.uint8)

    return write_video(folder / "bright.mp4", brighter(), crf=1), write_video(folder / "true.mp4", iter(frames), crf=1)


def test_it_is_measured_and_stands_in_table_and_json(
    videos: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(videos[0]), "--truth", str(videos[1]), "--metrics", "brightness", "--quiet"]
    assert main(command) == 0
    assert "brightness ↓" in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    assert 8 < _value(capsys.readouterr().out) < 11
    assert main([*command, "--json", "--brightness-scale", "2"]) == 0
    assert 16 < _value(capsys.readouterr().out) < 22


def _value(printed: str) -> float:
    (group,) = json.loads(printed)["groups"].values()
    return float(group["values"]["brightness"])


def test_it_has_options_and_documentation(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    assert "--brightness-scale" in capsys.readouterr().out
    page = tables()
    assert "| brightness | `brightness` | Difference in brightness |" in page
    assert "| `brightness` | if named, or asked for by an option | `--brightness-scale` |" in page
