"""LPIPS of each pair and FID of the whole set: real footage, published networks with random numbers in them."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.evaluation.conftest import DEMO, demo_frames, write_video
from tests.models.published import save_backbone, save_linear

from visavox.cli.main import main
from visavox.errors import InputError
from visavox.evaluation.protocol import pair_work
from visavox.evaluation.protocol.job import run_protocol
from visavox.evaluation.protocol.settings import ProtocolSettings
from visavox.metrics import choose_metrics
from visavox.metrics.cpbd import CpbdOptions
from visavox.metrics.fid import NO_INCEPTION
from visavox.metrics.frechet import frechet_inception_distance
from visavox.metrics.lpips import LpipsOptions
from visavox.weights.published_weights import WEIGHTS

NUM_FRAMES = 8


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short videos with sound, and the networks' files."""
    path = tmp_path_factory.mktemp("judged")
    frames = demo_frames(2 * NUM_FRAMES)
    write_video(path / "one.mp4", iter(frames[:NUM_FRAMES]), sound=DEMO)
    write_video(path / "two.mp4", iter(frames[NUM_FRAMES:]), sound=DEMO)
    save_backbone(path / "squeeze.pth", "squeeze")
    save_linear(path / "linear.pth", "squeeze")
    (path / "pairs.txt").write_text("one one\none two\n")
    return path


@pytest.fixture
def settings(root: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> ProtocolSettings:
    # Inception takes seconds; for what is done with features, those of an image of 4x4 pixels do.
    features = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten())
    monkeypatch.setattr("visavox.weights.load_inception", lambda file: features)
    pair_work._make_metrics.cache_clear()
    chosen = choose_metrics(
        ["fid", "sharpness"],
        {"lpips": LpipsOptions(lpips="squeeze", lpips_weights=root / "squeeze.pth", lpips_linear=root / "linear.pth")},
    )
    metrics = {name: metric.options for name, metric in chosen.items()}
    return ProtocolSettings(model=weights, metrics=metrics, workers=0, num_images=0)


def test_every_pair_has_its_values_and_the_set_its_own(root: Path, settings: ProtocolSettings, tmp_path: Path) -> None:
    output = tmp_path / "results"
    summary = run_protocol(root / "pairs.txt", root, output, settings=settings)
    assert summary.counts == {"done": 2}
    files = sorted((output / "run" / "features").iterdir())
    features = [np.load(file) for file in files]
    assert [each.shape for each in features] == [(2, NUM_FRAMES, 48)] * 2
    joined = np.concatenate(features, axis=1)
    assert summary.pooled["FID"] == pytest.approx(frechet_inception_distance(*joined), rel=1e-6)
    assert float(summary.pooled["FID"]) > 0
    with open(output / "pairs.csv", encoding="utf-8", newline="") as file:
        own, other = csv.DictReader(file)
    assert float(own["lpips"]) > 0
    assert other["lpips"] == ""  # there is no recording of these words by this face
    text = (output / "report.md").read_text()
    assert "LPIPS of the face crop by squeeze" in text
    assert f"{summary.pooled['FID']:.3f}" in text

    # Gone on: what is there is kept; a pair whose features are not is done again.
    files[0].unlink()
    stamps = {path: path.stat().st_mtime_ns for path in (output / "run" / "records").iterdir()}
    again = run_protocol(root / "pairs.txt", root, output, settings=settings)
    assert again.pooled["FID"] == pytest.approx(summary.pooled["FID"], rel=1e-6)
    changed = [path.stem for path, stamp in stamps.items() if path.stat().st_mtime_ns != stamp]
    assert changed == [files[0].stem]

    others = replace(settings, metrics={**settings.metrics, "cpbd": CpbdOptions(cpbd=True)})
    with pytest.raises(InputError, match=r"other settings \(metrics\)"):
        run_protocol(root / "pairs.txt", root, output, settings=others)


def test_without_inception_the_report_says_so(
    root: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VISAVOX_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "empty"))
    nowhere = replace(WEIGHTS, url=(tmp_path / "nowhere" / "inception.pth").as_uri())
    monkeypatch.setattr("visavox.weights.published_weights.WEIGHTS", nowhere)
    pair_work._make_metrics.cache_clear()
    (tmp_path / "pairs.txt").write_text("one one\n")
    command = ["evaluate", str(root), "--protocol", "folder", "--pairs", str(tmp_path / "pairs.txt"), "--quiet"]
    command += [
        "--model",
        str(weights),
        "-o",
        str(tmp_path / "results"),
        "--workers",
        "0",
        "--metrics",
        "ssim",
        "--fid",
    ]
    assert main(command) == 0
    assert f"FID: {NO_INCEPTION}" in capsys.readouterr().out
    assert NO_INCEPTION in (tmp_path / "results" / "report.md").read_text()
    assert not list((tmp_path / "results" / "run" / "features").iterdir())


def test_what_cannot_be_measured_is_said_before_the_work(
    root: Path, settings: ProtocolSettings, tmp_path: Path
) -> None:
    options = LpipsOptions(lpips="squeeze", lpips_weights=tmp_path / "no.pth")
    missing = replace(settings, metrics={"lpips": options})
    with pytest.raises(InputError, match=r"no\.pth does not exist"):
        run_protocol(root / "pairs.txt", root, tmp_path / "results", settings=missing)
    assert not (tmp_path / "results").exists()
