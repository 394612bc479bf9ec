"""One file and one row: a second way of running a generator, which nobody told the rest of the house about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.extension.toy_backend import ExportedBackend
from tools.run_in_float32 import hide_reduced_precision

from visavox.cli.main import main
from visavox.demo import FACE, SPEECH
from visavox.dubbing.backends import BACKENDS
from visavox.media import VideoReader


@pytest.fixture(autouse=True)
def row(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one row, on a processor without bfloat16."""
    monkeypatch.setitem(BACKENDS, "toy", "tests.extension.toy_backend:ExportedBackend")
    monkeypatch.setattr(torch.autocast, "__init__", torch.autocast.__init__)  # put back after the test
    monkeypatch.setattr(torch.cpu, "get_capabilities", torch.cpu.get_capabilities)
    hide_reduced_precision()


def dub(output: Path, *options: str) -> int:
    """Dub the bundled clip, losslessly."""
    lossless = ("--crf", "0", "--device", "cpu", "--extend", "stop", "--quiet")
    return main(["dub", str(FACE), str(SPEECH), "-o", str(output), *lossless, *options])


def frames(video: Path) -> np.ndarray:
    """Decode a video: int16 (T, H, W, 3)."""
    with VideoReader(video) as reader:
        return np.stack([frame.image for frame in reader]).astype(np.int16)


def test_its_frames_are_those_of_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = []
    render = ExportedBackend.render

    def counted(self: ExportedBackend, condition: np.ndarray, targets: np.ndarray, references: np.ndarray) -> object:
        rendered.append(len(targets))
        return render(self, condition, targets, references)

    monkeypatch.setattr(ExportedBackend, "render", counted)
    track = str(tmp_path / "track.npz")
    assert dub(tmp_path / "torch.mp4", "--save-track", track) == 0
    assert not rendered
    assert dub(tmp_path / "toy.mp4", "--track", track, "--backend", "toy") == 0
    assert sum(rendered) == 75
    of_torch, of_toy = frames(tmp_path / "torch.mp4"), frames(tmp_path / "toy.mp4")
    assert np.abs(of_torch - frames(FACE)[: len(of_torch)]).max() > 20  # mouths were rendered
    assert np.abs(of_toy - of_torch).max() <= 2


def test_an_unknown_backend_is_refused_and_those_there_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dub(tmp_path / "out.mp4", "--backend", "abacus") == 2
    assert capsys.readouterr().err.splitlines() == ["visavox: error: there is no backend 'abacus'; choose torch, toy"]
    assert not list(tmp_path.iterdir())


def test_a_generator_that_it_cannot_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dub(tmp_path / "out.mp4", "--backend", "toy", "--model", "motion-dub") == 2
    assert "the backend 'toy' runs generators with a speech branch" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
