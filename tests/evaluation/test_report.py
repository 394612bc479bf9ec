"""Reports become JSON, means and tables without losing or inventing a figure."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from visavox.evaluation.batch import group_rows, plan_plots
from visavox.evaluation.manifest import EvaluationPair
from visavox.evaluation.plot import plot_curves
from visavox.evaluation.report import Curves, Report, format_table, summarise
from visavox.metrics.curves import compare_curves
from visavox.metrics.sync import SyncScore


def make_report(seed: int, *, noise: float = 0.3, **figures) -> Report:
    generator = np.random.default_rng(seed)
    true = 0.1 + 0.05 * np.convolve(generator.normal(size=64), np.ones(5) / 5, mode="valid")
    dubbed = true + noise * 0.05 * generator.normal(size=60)
    curves = Curves(np.arange(60) / 25, dubbed, true, dubbed + 0.5, true + 0.5)
    return Report(
        dubbed=f"clip{seed}.mp4",
        truth="truth.mp4",
        num_frames=60,
        num_compared=60,
        frame_rate=25.0,
        opening=compare_curves(curves.opening, curves.true_opening),
        width=compare_curves(curves.width, curves.true_width),
        landmark_distance=0.02 + 0.01 * seed,
        curves=curves,
        **figures,
    )


def test_json_holds_numbers_or_null():
    report = make_report(1, psnr=math.inf, expert_sync=SyncScore(1.0, 0.2, -1, 1.1, 56))
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert values["psnr"] is None
    assert values["sharpness"] is None
    assert values["expert_sync"]["offset"] == -1
    assert values["opening"]["correlation"] == report.opening.correlation
    assert "curves" not in values
    assert len(report.to_dict(curves=True)["curves"]["opening"]) == 60


def test_a_mean_is_over_the_reports_that_have_the_figure():
    reports = [make_report(1, sharpness=0.5), make_report(2, sharpness=0.7), make_report(3)]
    summary = summarise(reports)
    assert summary["sharpness"] == pytest.approx(0.6)
    assert summary["landmark_distance"] == pytest.approx(0.04)
    assert summary["opening.correlation"] == pytest.approx(np.mean([r.opening.correlation for r in reports]))
    assert math.isnan(summary["expert_sync.distance"])
    assert summary["pooled"]["num_frames"] == 180


def test_groups_come_in_order_then_all():
    reports = [make_report(seed) for seed in range(3)]
    pairs = [EvaluationPair(Path(f"{n}.mp4"), Path("t.mp4"), group) for n, group in enumerate(["b", "a", "b"])]
    rows = group_rows(pairs, reports)
    assert [name for name, _ in rows] == ["a (1)", "b (2)", "mean (3)"]
    assert rows[0][1]["landmark_distance"] == pytest.approx(reports[1].landmark_distance)
    assert [name for name, _ in group_rows(pairs[:1], reports[:1])] == ["clip0.mp4"]


def test_the_table_shows_only_what_was_measured():
    table = format_table([("one", summarise([make_report(1, sharpness=0.5)])), ("two", summarise([make_report(2)]))])
    heading, first, second = table.splitlines()
    assert "sharp" in heading
    assert "LSE-D" not in table
    assert "expert-D" not in table
    assert "0.50" in first
    assert second.split()[0] == "two"
    assert "-" in second.split()


def test_an_experts_figures_stand_beside_the_real_videos_and_are_no_lse():
    scores = {"expert_sync": SyncScore(0.9, 0.2, 2, 1.1, 56), "true_expert_sync": SyncScore(0.8, 0.3, 0, 0.8, 56)}
    table = format_table([("one", summarise([make_report(1, **scores)]))])
    _, expert = table.split("\n\n")
    assert expert.splitlines()[0].startswith("expert  expert-D ↓  real expert-D  expert-C ↑")
    assert expert.splitlines()[1].split() == ["one", "0.900", "0.800", "0.200", "0.300", "2.0", "0.0"]
    assert "LSE" not in table


def test_plots_are_drawn_with_and_without_sound(tmp_path):
    report = make_report(1)
    plot_curves(report, tmp_path / "a.png")
    plot_curves(report, tmp_path / "b.png", np.sin(np.arange(40000) / 20).astype(np.float32))
    silent, heard = ((tmp_path / name).stat().st_size for name in ("a.png", "b.png"))
    assert 10_000 < silent < heard


def test_pictures_of_several_videos_go_into_a_folder(tmp_path):
    pairs = [EvaluationPair(Path(f"{group}/x.mp4"), Path("t.mp4"), group) for group in ("a", "b")]
    assert plan_plots(tmp_path / "plots", pairs) == [tmp_path / "plots/a_x.png", tmp_path / "plots/b_x.png"]
    assert plan_plots(None, pairs) is None
    from visavox.errors import InputError

    with pytest.raises(InputError, match="folder"):
        plan_plots(tmp_path / "one.png", pairs)
    with pytest.raises(InputError, match="allowed are"):
        plan_plots(tmp_path / "one.txt", pairs[:1])
