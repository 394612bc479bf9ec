"""Reports become JSON, means and tables without losing or inventing a value."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.evaluation.job import group_rows, plan_plots
from visavox.evaluation.pairs import EvaluationPair
from visavox.evaluation.plot import plot_curves
from visavox.evaluation.report import Report, describe_missing, format_table, read_report, summarise
from visavox.metrics.curves import compare_curves
from visavox.metrics.lip_motion import agreement_values
from visavox.metrics.sync import SyncScore, score_values


def make_report(seed: int, values: dict[str, float] | None = None, *, noise: float = 0.3) -> Report:
    """A report with curves of 60 frames, its values of lip motion, and some more."""
    generator = np.random.default_rng(seed)
    true = 0.1 + 0.05 * np.convolve(generator.normal(size=64), np.ones(5) / 5, mode="valid")
    dubbed = true + noise * 0.05 * generator.normal(size=60)
    arrays = {"times": np.arange(60) / 25}
    found = {"landmark_distance": 0.02 + 0.01 * seed}
    for name, shift in (("opening", 0), ("width", 0.5)):
        agreement = compare_curves(dubbed + shift, true + shift)
        arrays |= {name: dubbed + shift, f"true_{name}": true + shift, f"{name}.by_lag": np.array(agreement.by_lag)}
        found |= {f"{name}.{key}": value for key, value in agreement_values(agreement).items()}
    return Report(f"clip{seed}.mp4", "truth.mp4", 60, 60, 25.0, False, {**found, **(values or {})}, {}, arrays)


def sync_values(name: str, distance: float, confidence: float, offset: int, at_zero: float) -> dict[str, float]:
    score = SyncScore(distance, confidence, offset, at_zero, 56)
    return {f"{name}.{key}": value for key, value in score_values(score).items()}


def test_json_holds_numbers_or_null() -> None:
    report = make_report(1, {"psnr": math.inf, "expert_sync.offset": -1.0})
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert values["values"]["psnr"] is None
    assert "sharpness" not in values["values"]
    assert values["values"]["expert_sync.offset"] == -1
    assert values["values"]["opening.correlation"] == report.values["opening.correlation"]
    assert "curves" not in values
    assert len(report.to_dict(curves=True)["curves"]["opening"]) == 60
    with_features = replace(report, arrays={"fid.features": np.zeros((2, 60, 4))})
    assert with_features.to_dict(curves=True)["curves"] == {}


def test_a_mean_is_over_the_reports_that_have_the_value() -> None:
    reports = [make_report(1, {"sharpness": 0.5}), make_report(2, {"sharpness": 0.7}), make_report(3)]
    reports[2] = replace(reports[2], missing={"sharpness": "too small", "ssim": "too small"})
    summary = summarise(reports)
    assert summary.num_videos == 3
    assert summary.values["sharpness"] == pytest.approx(0.6)
    assert summary.values["landmark_distance"] == pytest.approx(0.04)
    expected = np.mean([each.values["opening.correlation"] for each in reports])
    assert summary.values["opening.correlation"] == pytest.approx(expected)
    assert "expert_sync.distance" not in summary.values
    assert summary.missing == {"ssim": "too small"}
    assert summary.values["pooled.num_frames"] == 180


def test_the_lag_of_a_group_is_that_of_the_mean_correlation() -> None:
    reports = [make_report(seed, {"opening.best_lag": 7.0}) for seed in range(3)]
    assert summarise(reports).values["opening.best_lag"] == 0


def test_groups_come_in_order_then_all() -> None:
    reports = [make_report(seed) for seed in range(3)]
    pairs = [EvaluationPair(Path(f"{n}.mp4"), Path("t.mp4"), group) for n, group in enumerate(["b", "a", "b"])]
    rows = group_rows(pairs, reports)
    assert [name for name, _ in rows] == ["a (1)", "b (2)", "mean (3)"]
    assert rows[0][1].values["landmark_distance"] == pytest.approx(reports[1].values["landmark_distance"])
    assert [name for name, _ in group_rows(pairs[:1], reports[:1])] == ["clip0.mp4"]


def test_the_table_shows_only_what_was_measured() -> None:
    reports = {"one": make_report(1, {"sharpness": 0.5}), "two": make_report(2)}
    table = format_table([(name, report.values) for name, report in reports.items()])
    heading, first, second = table.splitlines()
    assert "sharp" in heading
    assert "LSE-D" not in table
    assert "expert-D" not in table
    assert "0.50" in first
    assert second.split()[0] == "two"
    assert "-" in second.split()


def test_what_is_missing_is_said_once_for_each_reason() -> None:
    missing = {"ssim": "too small", "fid": "no weights", "sharpness": "too small", "outside.maximum": "no source"}
    assert describe_missing(missing) == "not measured: SSIM, sharp (too small)\nnot measured: FID (no weights)"
    assert describe_missing(missing, {"fid", "ssim", "sharpness"}) == ""


def test_an_experts_values_stand_beside_the_real_videos_and_are_no_lse() -> None:
    scores = sync_values("expert_sync", 0.9, 0.2, 2, 1.1) | sync_values("true_expert_sync", 0.8, 0.3, 0, 0.8)
    table = format_table([("one", make_report(1, scores).values)])
    _, expert = table.split("\n\n")
    assert expert.splitlines()[0].startswith("expert  expert-D ↓  real expert-D  expert-C ↑")
    assert expert.splitlines()[1].split() == ["one", "0.900", "0.800", "0.200", "0.300", "2.0", "0.0"]
    assert "LSE" not in table


def test_plots_are_drawn_with_and_without_sound(tmp_path: Path) -> None:
    report = make_report(1)
    plot_curves(report, tmp_path / "a.png")
    plot_curves(report, tmp_path / "b.png", np.sin(np.arange(40000) / 20).astype(np.float32))
    silent, heard = ((tmp_path / name).stat().st_size for name in ("a.png", "b.png"))
    assert 10_000 < silent < heard
    with pytest.raises(ValueError, match="no curves"):
        plot_curves(replace(report, arrays={}), tmp_path / "c.png")


def test_plots_of_several_videos_go_into_a_folder(tmp_path: Path) -> None:
    pairs = [EvaluationPair(Path(f"{group}/x.mp4"), Path("t.mp4"), group) for group in ("a", "b")]
    assert plan_plots(tmp_path / "plots", pairs) == [tmp_path / "plots/a_x.png", tmp_path / "plots/b_x.png"]
    assert plan_plots(None, pairs) is None
    from visavox.errors import InputError

    with pytest.raises(InputError, match="folder"):
        plan_plots(tmp_path / "one.png", pairs)
    with pytest.raises(InputError, match="allowed are"):
        plan_plots(tmp_path / "one.txt", pairs[:1])


EARLIER = json.loads((Path(__file__).parent / "earlier_report.json").read_text(encoding="utf-8"))
"""A report of the bundled clip, dubbed, as version 0.1.0 wrote it before values had names of their own; the table that
it printed beside it."""


def test_what_was_written_is_read() -> None:
    report = make_report(1, {"psnr": math.inf, "expert_sync.offset": -1.0})
    report = replace(report, missing={"sharpness": "too small"})
    report.arrays["opening"][3] = np.nan
    text = json.dumps(report.to_dict(curves=True), allow_nan=False)
    read = read_report(json.loads(text))
    assert json.dumps(read.to_dict(curves=True)) == text
    assert read == report
    assert np.isnan(read.arrays["opening"][3])
    np.testing.assert_equal(summarise([read]), summarise([report]))


def test_a_report_of_an_earlier_version_is_read() -> None:
    report = read_report(EARLIER["report"])
    assert report.values["opening.correlation"] == EARLIER["report"]["opening"]["correlation"]
    assert report.values["lpips"] == EARLIER["report"]["face"]["lpips"]
    assert report.values["true_lse.tracked_crop.num_windows"] == 69
    assert report.missing == {"fid": "no Inception weights"}
    assert set(report.arrays) >= {"times", "opening", "true_width", "opening.by_lag", "width.by_lag"}
    assert not any(math.isnan(value) for value in report.values.values())
    table = format_table([("dubbed.mp4", summarise([report]).values)])
    assert table.splitlines() == EARLIER["table"]


def test_what_is_no_report_is_refused() -> None:
    values = make_report(1).to_dict()
    cut = {name: each for name, each in values.items() if name != "missing"}
    wrong: list[Any] = [{**values, "beauty": 1}, cut, [], {}]
    earlier = EARLIER["report"]
    wrong += [{**earlier, "beauty": 1}, {name: each for name, each in earlier.items() if name != "opening"}]
    for each in wrong:
        with pytest.raises(ValueError, match="no report"):
            read_report(each)
