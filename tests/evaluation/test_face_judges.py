"""Judges of the face on real footage, with random numbers in them: equal faces are equal, changed ones are not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from tests.evaluation.conftest import DEMO, demo_frames, write_video
from tests.evaluation.onnx_file import save_mean_color
from tests.models.published import save_backbone, save_linear

from visavox.cli.evaluate import main
from visavox.errors import InputError
from visavox.evaluation import EvaluationSettings, evaluate
from visavox.evaluation.batch import group_rows
from visavox.evaluation.face_judges import NO_INCEPTION, FaceJudges, load_face_judges
from visavox.evaluation.judge_settings import FaceJudgeSettings
from visavox.evaluation.manifest import EvaluationPair
from visavox.evaluation.track_cache import TrackCache
from visavox.models.perceptual.inception import FidInception
from visavox.weights.inception import WEIGHTS

NUM_FRAMES = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("judges")
    save_backbone(path / "squeeze.pth", "squeeze")
    save_linear(path / "linear.pth", "squeeze")
    save_mean_color(path / "embedding.onnx")
    return path


@pytest.fixture(scope="module")
def truth(folder) -> Path:
    return write_video(folder / "truth.mp4", iter(demo_frames(NUM_FRAMES)), sound=DEMO)


@pytest.fixture(scope="module")
def dark(folder) -> Path:
    images = ((0.6 * image).astype(np.uint8) for image in demo_frames(NUM_FRAMES))
    return write_video(folder / "dark.mp4", images, sound=DEMO)


@pytest.fixture(scope="module")
def judges(folder) -> FaceJudges:
    settings = FaceJudgeSettings(
        lpips="squeeze",
        lpips_weights=folder / "squeeze.pth",
        lpips_linear=folder / "linear.pth",
        cpbd=True,
        identity=folder / "embedding.onnx",
    )
    loaded = load_face_judges(settings)
    assert loaded is not None
    # Inception takes seconds; for what is done with features, those of a picture of 4x4 pixels do.
    features = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten())
    return FaceJudges(loaded.lpips, cast(FidInception, features), loaded.embedding, loaded.cpbd)


def test_they_see_what_changed(folder, truth, dark, judges):
    tracks, settings = TrackCache(folder / "tracks"), EvaluationSettings(codec_loss=False)
    reports = [evaluate(video, truth, tracks=tracks, settings=settings, face_judges=judges) for video in (truth, dark)]
    same, changed = reports
    assert same.face is not None
    assert changed.face is not None
    assert same.face.lpips == pytest.approx(0, abs=1e-6)
    assert changed.face.lpips > 0.01
    assert same.face.lpips_network == "squeeze"
    assert same.face.cpbd == same.face.true_cpbd == changed.face.true_cpbd
    assert same.face.identity == pytest.approx(1)
    assert changed.face.identity < 0.999
    assert changed.features is not None
    assert changed.features.dubbed.shape == (NUM_FRAMES, 48)
    pairs = [EvaluationPair(video, truth, group) for video, group in ((truth, "a"), (dark, "b"))]
    rows = dict(group_rows(pairs, reports))
    assert rows["a (1)"]["fid"] == pytest.approx(0, abs=1e-4)
    assert rows["b (1)"]["fid"] > rows["mean (2)"]["fid"] > rows["a (1)"]["fid"]
    values = json.loads(json.dumps(changed.to_dict(), allow_nan=False))
    assert "features" not in values
    assert values["face"]["lpips"] == changed.face.lpips


def test_without_inception_the_row_says_so(folder, truth, dark, monkeypatch, capsys):
    monkeypatch.setenv("VISAVOX_CACHE", str(folder / "empty"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(folder / "empty"))
    nowhere = replace(WEIGHTS, url=(folder / "nowhere" / "inception.pth").as_uri())
    monkeypatch.setattr("visavox.weights.inception.WEIGHTS", nowhere)
    command = [str(dark), "--truth", str(truth), "--cache", str(folder / "tracks"), "--without-codec", "--fid", "-q"]
    assert main(command) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert "FID" in heading
    assert NO_INCEPTION in row
    assert main([*command, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["groups"]["dark.mp4"]["fid"] is None
    assert values["videos"][0]["not_measured"] == {"fid": NO_INCEPTION}


def test_what_does_not_go_together_is_refused(folder, truth, judges):
    assert load_face_judges(FaceJudgeSettings()) is None
    with pytest.raises(InputError, match="add --lpips"):
        load_face_judges(FaceJudgeSettings(lpips_weights=folder / "squeeze.pth"))
    with pytest.raises(InputError, match="add --fid"):
        load_face_judges(FaceJudgeSettings(fid_weights=folder / "squeeze.pth"))
    with pytest.raises(InputError, match="does not hold the Inception weights"):
        load_face_judges(FaceJudgeSettings(fid=True, fid_weights=folder / "squeeze.pth"))
    with pytest.raises(InputError, match="leave out --without-pictures"):
        evaluate(truth, truth, settings=EvaluationSettings(pictures=False), face_judges=judges)
