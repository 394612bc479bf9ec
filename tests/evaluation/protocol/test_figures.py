"""Figures of pairs: none is lost, none is invented, and a foreign sound is not compared with the wrong words."""

from __future__ import annotations

import doctest
import json
import math
from dataclasses import asdict
from pathlib import Path

import pytest
from tests.evaluation.test_report import make_report

import visavox.evaluation.protocol.figures
import visavox.evaluation.protocol.pair_work
from visavox.evaluation.protocol.figures import figure_paths, mean_figures, pair_figures, summary_rows
from visavox.evaluation.protocol.pair_list import Pair
from visavox.evaluation.protocol.record import PairRecord, load_record, save_record
from visavox.metrics.silence import SilenceMotion
from visavox.metrics.sync import SyncScore


def full_report(seed: int, **figures):
    return make_report(
        seed,
        sharpness=0.5 * seed,
        psnr=30.0,
        silence=SilenceMotion(1, 5, 0.01, 0.1, 0.02, 0.2),
        expert_sync=SyncScore(7.0 + seed, 5.0, -1, 7.5, 50),
        true_expert_sync=SyncScore(6.0 + seed, 6.0, 0, 6.5, 50),
        **figures,
    )


def make_pair(line: int, audio: str, video: str) -> Pair:
    return Pair(line, audio, video, Path(f"{audio}.mp4"), Path(f"{video}.mp4"))


def make_record(pair: Pair, report=None) -> PairRecord:
    values = None if report is None else json.loads(json.dumps(report.to_dict(curves=True), allow_nan=False))
    return PairRecord(pair.key, "done" if report else "failed", "" if report else "no face", ((1, 2), (3, 4)), values)


@pytest.mark.parametrize("module", [visavox.evaluation.protocol.figures, visavox.evaluation.protocol.pair_work])
def test_examples(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


def test_every_number_of_a_report_is_a_figure():
    report = full_report(1)
    figures = pair_figures(report, is_own_sound=True)
    assert figures["expert_sync.distance"] == 8.0
    assert figures["opening.correlation"] == report.opening.correlation
    assert "outside.mean" not in figures  # not measured
    numbers = [value for value in asdict(report.expert_sync).values()]
    assert [figures[f"expert_sync.{name}"] for name in asdict(report.expert_sync)] == numbers
    assert not any(math.isnan(value) for value in figures.values())


def test_a_foreign_sound_is_not_compared_with_the_recording():
    figures = pair_figures(full_report(1), is_own_sound=False)
    assert not any(path.startswith(("opening", "width", "landmark", "psnr", "silence.true")) for path in figures)
    assert figures["silence.motion"] == 0.01
    assert (figures["expert_sync.distance"], figures["true_expert_sync.distance"], figures["sharpness"]) == (
        8.0,
        7.0,
        0.5,
    )


def test_means_are_over_the_rows_that_have_the_figure():
    assert mean_figures([{"a": 1.0}, {"a": 2.0, "b": 5.0}]) == {"a": 1.5, "b": 5.0}
    assert figure_paths([{"expert_sync.distance": 1.0, "psnr": 2.0}, {"num_frames": 3.0, "new": 1.0}]) == [
        "num_frames", "psnr", "expert_sync.distance", "new",
    ]  # fmt: skip


def test_own_sounds_other_sounds_and_real_videos_are_averaged_apart():
    pairs = [make_pair(1, "a", "b"), make_pair(2, "c", "b"), make_pair(3, "c", "c"), make_pair(4, "a", "c")]
    reports = [full_report(1), full_report(3), full_report(2), None]
    records = {pair.key: make_record(pair, report) for pair, report in zip(pairs, reports, strict=True)}
    rows = dict(summary_rows(pairs, records))
    assert list(rows) == ["other sound (2)", "own sound (1)", "real videos (2)"]
    assert rows["other sound (2)"]["sharpness"] == pytest.approx(1.0)
    assert "opening.correlation" not in rows["other sound (2)"]
    assert rows["own sound (1)"]["opening.correlation"] == pytest.approx(reports[2].opening.correlation)
    # Video b is in two pairs and counts once, video c is in one that was done.
    assert rows["real videos (2)"]["expert_sync.distance"] == pytest.approx((9.0 + 8.0) / 2)
    assert rows["real videos (2)"]["silence.motion"] == 0.02
    assert summary_rows(pairs, {}) == []


def test_a_record_is_read_as_it_was_written_and_a_spoilt_one_is_none(tmp_path):
    record = make_record(make_pair(1, "a", "b"), full_report(1))
    save_record(record, tmp_path)
    path = tmp_path / f"{record.key}.json"
    assert load_record(path) == record
    text = path.read_text()
    for spoilt in (text[:-20], text.replace('"sharpness"', '"bluntness"'), "[]", "{}"):
        path.write_text(spoilt)
        assert load_record(path) is None
    assert load_record(tmp_path / "none.json") is None
