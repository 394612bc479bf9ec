"""A metric of somebody else: the example of docs/metrics.md, run by the command without a change to any other file."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.conftest import DEMO, demo_frames, write_video
from tools.metrics_page import tables

from visavox.cli.main import main
from visavox.metrics import METRICS

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


@pytest.fixture
def brightness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Import the example of the page as the module `my_metrics`."""
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "my_metrics.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_metrics", raising=False)
    monkeypatch.setitem(METRICS, "brightness", "nothing")  # taken out again after the test
    __import__("my_metrics")


@pytest.fixture
def videos(tmp_path: Path) -> list[str]:
    truth = write_video(tmp_path / "truth.mp4", iter(demo_frames(6)), sound=DEMO)
    dark = write_video(tmp_path / "dark.mp4", ((0.5 * image).astype(np.uint8) for image in demo_frames(6)), sound=DEMO)
    return [str(dark), "--truth", str(truth)]


def test_it_has_a_column(brightness: None, videos: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", *videos, "--metrics", "brightness", "-q"]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["bright"]
    assert float(row.split()[1]) == pytest.approx(0.5, abs=0.02)


def test_it_has_an_option(brightness: None, videos: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", *videos, "--metrics", "brightness", "--brightness-offset", "1000", "-q"]) == 0
    assert float(capsys.readouterr().out.split()[-1]) > 5
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    printed = capsys.readouterr().out
    assert "--brightness-offset" in printed
    assert "Grey levels that are added" in printed


def test_it_is_described(brightness: None) -> None:
    assert "| bright | `brightness` | Brightness ratio | mean grey level of the face crop" in tables()
    assert "`--brightness-offset`" in tables()


def test_afterwards_it_is_gone() -> None:
    assert "brightness" not in METRICS
