"""Networks that are shown whole faces, on real video, with random weights: equal faces are equal, changed ones not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.evaluation.conftest import DEMO, demo_frames, write_video
from tests.metrics.onnx_file import save_mean_color
from tests.models.published import save_backbone, save_linear

from visavox.cli.evaluate import main
from visavox.errors import InputError
from visavox.evaluation import EvaluationSettings, evaluate
from visavox.evaluation.job import group_rows
from visavox.evaluation.pairs import EvaluationPair
from visavox.metrics import Metric, choose_metrics
from visavox.metrics.cpbd import CpbdOptions
from visavox.metrics.fid import FEATURES, NO_INCEPTION, Fid, FidOptions
from visavox.metrics.frechet import frechet_inception_distance
from visavox.metrics.identity import IdentityOptions
from visavox.metrics.lpips import LpipsOptions
from visavox.weights.published_weights import WEIGHTS

NUM_FRAMES = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("judges")
    save_backbone(path / "squeeze.pth", "squeeze")
    save_linear(path / "linear.pth", "squeeze")
    save_mean_color(path / "embedding.onnx")
    return path


@pytest.fixture(scope="module")
def truth(folder: Path) -> Path:
    return write_video(folder / "truth.mp4", iter(demo_frames(NUM_FRAMES)), sound=DEMO)


@pytest.fixture(scope="module")
def dark(folder: Path) -> Path:
    images = ((0.6 * image).astype(np.uint8) for image in demo_frames(NUM_FRAMES))
    return write_video(folder / "dark.mp4", images, sound=DEMO)


@pytest.fixture(scope="module")
def metrics(folder: Path) -> dict[str, Metric]:
    chosen = choose_metrics(
        ["fid"],
        {
            "lpips": LpipsOptions(
                lpips="squeeze", lpips_weights=folder / "squeeze.pth", lpips_linear=folder / "linear.pth"
            ),
            "cpbd": CpbdOptions(cpbd=True),
            "identity": IdentityOptions(identity=folder / "embedding.onnx"),
        },
    )
    # Inception takes seconds; for what is done with features, those of an image of 4x4 pixels do.
    features = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten())
    fid = chosen["fid"]
    assert isinstance(fid, Fid)
    fid._network = features  # type: ignore[assignment]
    return chosen


def test_they_see_what_changed(folder: Path, truth: Path, dark: Path, metrics: dict[str, Metric]) -> None:
    settings = EvaluationSettings(cache=folder / "tracks")
    reports = [evaluate(video, truth, metrics=metrics, settings=settings) for video in (truth, dark)]
    same, changed = (report.values for report in reports)
    assert same["lpips"] == pytest.approx(0, abs=1e-6)
    assert changed["lpips"] > 0.01
    assert same["cpbd"] == same["true_cpbd"] == changed["true_cpbd"]
    assert same["identity"] == pytest.approx(1)
    assert changed["identity"] < 0.999
    assert reports[1].arrays[FEATURES].shape == (2, NUM_FRAMES, 48)
    pairs = [EvaluationPair(video, truth, group) for video, group in ((truth, "a"), (dark, "b"))]
    fid = {name: summary.values["fid"] for name, summary in group_rows(pairs, reports)}
    assert fid["a (1)"] == pytest.approx(0, abs=1e-4)
    assert fid["b (1)"] > fid["mean (2)"] > fid["a (1)"]
    stored = json.loads(json.dumps(reports[1].to_dict(curves=True), allow_nan=False))
    assert stored["curves"] == {}
    assert stored["values"]["lpips"] == changed["lpips"]


def test_fid_of_portions_is_that_of_all_together() -> None:
    generator = np.random.default_rng(0)
    parts = [generator.normal(5, 0.3 + spread, (2, count, 12)) for spread, count in ((0, 40), (1, 1), (2, 70))]
    dubbed, true = np.concatenate(parts, axis=1)
    results = ({FEATURES: part} for part in parts)
    assert Fid.reduce(results)["fid"] == pytest.approx(frechet_inception_distance(dubbed, true), rel=1e-9)
    assert Fid.reduce([{FEATURES: parts[1]}]) == {}
    assert Fid.reduce([{FEATURES: parts[0]}, {}]) == {}


def test_without_inception_one_line_says_so(
    folder: Path, truth: Path, dark: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VISAVOX_CACHE", str(folder / "empty"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(folder / "empty"))
    nowhere = replace(WEIGHTS, url=(folder / "nowhere" / "inception.pth").as_uri())
    monkeypatch.setattr("visavox.weights.published_weights.WEIGHTS", nowhere)
    command = [str(dark), "--truth", str(truth), "--cache", str(folder / "tracks"), "--metrics", "ssim", "--fid", "-q"]
    assert main(command) == 0
    heading, _, *said = capsys.readouterr().out.splitlines()
    assert "FID" not in heading
    assert said == ["", f"not measured: FID ({NO_INCEPTION})"]
    assert main([*command, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["groups"]["dark.mp4"]["missing"] == values["videos"][0]["missing"] == {"fid": NO_INCEPTION}


def test_what_does_not_go_together_is_refused(folder: Path, truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    squeeze = folder / "squeeze.pth"
    with pytest.raises(InputError, match="add --lpips"):
        choose_metrics(options={"lpips": LpipsOptions(lpips_weights=squeeze)})
    with pytest.raises(InputError, match="does not hold the Inception weights"):
        evaluate(truth, truth, metrics=choose_metrics(options={"fid": FidOptions(fid_weights=squeeze)}))
    for name, words in (("identity", "give --identity FILE.onnx"), ("lip_sync_error", "give --sync-model")):
        with pytest.raises(InputError, match=words):
            evaluate(truth, truth, metrics=[name])
    with pytest.raises(InputError, match="cpbd: measured on images; leave out --without-images"):
        main([str(truth), "--truth", str(truth), "--cpbd", "--without-images"])
