"""The table of metrics: each row is a metric that says all of itself, and the documentation says the same."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from tools.metrics_page import BEGIN, END, tables

from visavox.errors import InputError
from visavox.metrics import METRICS, choose_metrics, metric_infos
from visavox.metrics.cpbd import CpbdOptions
from visavox.metrics.expert_sync import ExpertSyncOptions
from visavox.metrics.lpips import LpipsOptions
from visavox.metrics.table import metric_class, reduce_all, without_frames

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
DEFAULT = ["lip_motion", "landmark_distance", "psnr", "ssim", "sharpness", "flicker", "outside", "silence"]


def test_every_value_is_described_once() -> None:
    infos = metric_infos()
    names = [info.name for info in infos]
    assert len(set(names)) == len(names)
    assert len({info.column for info in infos}) == len(infos)
    assert all(info.formula and info.title and info.undefined for info in infos)
    assert {info.real_of for info in infos if info.real_of} <= set(names)


def test_no_two_metrics_have_an_option_of_the_same_name() -> None:
    options = [each.name for name in METRICS for each in fields(metric_class(name).options_type)]
    assert len(set(options)) == len(options)
    assert all(metric_class(name)().options == metric_class(name).options_type() for name in METRICS)


def test_headings_say_which_way_is_better() -> None:
    headings = {info.name: info.heading for info in metric_infos()}
    assert (headings["psnr"], headings["lpips"], headings["flicker"]) == ("PSNR ↑", "LPIPS ↓", "flicker")


def test_the_page_holds_the_tables() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    between, _, after = rest.partition(END)
    assert before
    assert after
    assert between.strip() == tables().strip(), "run python -m tools.metrics_page"


def test_metrics_are_chosen_by_name_or_by_an_option_of_their_own() -> None:
    assert list(choose_metrics()) == DEFAULT
    assert list(choose_metrics(["fid", "psnr"])) == ["psnr", "fid"]
    options = {"cpbd": CpbdOptions(cpbd=True), "expert_sync": ExpertSyncOptions(), "lpips": LpipsOptions(lpips="vgg")}
    assert list(choose_metrics(["ssim"], options)) == ["ssim", "lpips", "cpbd"]
    assert choose_metrics(["cpbd"])["cpbd"].options == CpbdOptions()
    with pytest.raises(InputError, match="there is no metric 'beauty'; there are lip_motion, "):
        choose_metrics(["beauty"])


def test_without_images_tracks_and_sync_remain() -> None:
    sync = {"expert_sync": ExpertSyncOptions(expert="expert")}
    assert list(without_frames(choose_metrics(options=sync))) == [
        "lip_motion",
        "landmark_distance",
        "silence",
        "expert_sync",
    ]
    with pytest.raises(InputError, match="cpbd: measured on images; leave out --without-images"):
        without_frames(choose_metrics(options={"cpbd": CpbdOptions(cpbd=True)}))


def test_results_are_averaged_over_those_that_have_the_value() -> None:
    assert reduce_all([{"psnr": 30.0, "ssim": 0.5}, {"psnr": 32.0}]) == {"psnr": 31.0, "ssim": 0.5}
    assert reduce_all([]) == {}
