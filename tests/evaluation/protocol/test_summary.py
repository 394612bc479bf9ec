"""Values of pairs: none is lost, none is invented, and foreign words are not compared with the wrong ones."""

from __future__ import annotations

import doctest
import json
from pathlib import Path
from types import ModuleType

import pytest
from tests.evaluation.test_report import make_report, sync_values
from tests.narrow import present

import visavox.evaluation.protocol.pair_work
import visavox.evaluation.protocol.summary
from visavox.evaluation.protocol.pair_list import Pair
from visavox.evaluation.protocol.results_folder import PairRecord, read_pair_record, write_pair_record
from visavox.evaluation.protocol.summary import mean_values, pair_values, summary_rows, value_names
from visavox.evaluation.report import Report


def full_report(seed: int) -> Report:
    real = {f"true_{name}": value - 1 for name, value in sync_values("expert_sync", 7.0 + seed, 5, -1, 7.5).items()}
    values = {
        "sharpness": 0.5 * seed,
        "psnr": 30.0,
        "silence.motion": 0.01,
        "silence.opening": 0.1,
        "silence.true_motion": 0.02,
        "silence.true_opening": 0.2,
    }
    return make_report(seed, values | sync_values("expert_sync", 7.0 + seed, 5, -1, 7.5) | real)


def make_pair(line: int, audio: str, video: str) -> Pair:
    return Pair(line, audio, video, Path(f"{audio}.mp4"), Path(f"{video}.mp4"))


def make_record(pair: Pair, report: Report | None = None) -> PairRecord:
    values = None if report is None else json.loads(json.dumps(report.to_dict(curves=True), allow_nan=False))
    return PairRecord(pair.key, "done" if report else "failed", "" if report else "no face", ((1, 2), (3, 4)), values)


@pytest.mark.parametrize("module", [visavox.evaluation.protocol.summary, visavox.evaluation.protocol.pair_work])
def test_examples(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


def test_every_number_of_a_report_is_a_value() -> None:
    report = full_report(1)
    values = pair_values(report, is_own_audio=True)
    assert values.items() >= report.values.items()
    assert (values["num_frames"], values["frame_rate"], values["aligned"]) == (60, 25, 0)


def test_foreign_words_are_not_compared_with_the_recording() -> None:
    values = pair_values(full_report(1), is_own_audio=False)
    assert not any(name.startswith(("opening", "width", "landmark", "psnr", "silence.true")) for name in values)
    assert values["silence.motion"] == 0.01
    assert (values["expert_sync.distance"], values["true_expert_sync.distance"], values["sharpness"]) == (8.0, 7.0, 0.5)


def test_means_are_over_the_rows_that_have_the_value() -> None:
    assert mean_values([{"a": 1.0}, {"a": 2.0, "b": 5.0}]) == {"a": 1.5, "b": 5.0}
    assert value_names([{"expert_sync.distance": 1.0, "psnr": 2.0}, {"num_frames": 3.0, "new": 1.0}]) == [
        "num_frames", "psnr", "expert_sync.distance", "new",
    ]  # fmt: skip


def test_own_audio_other_audio_and_real_videos_are_averaged_apart() -> None:
    pairs = [make_pair(1, "a", "b"), make_pair(2, "c", "b"), make_pair(3, "c", "c"), make_pair(4, "a", "c")]
    reports = [full_report(1), full_report(3), full_report(2), None]
    records = {pair.key: make_record(pair, report) for pair, report in zip(pairs, reports, strict=True)}
    rows = dict(summary_rows(pairs, records))
    assert list(rows) == ["other audio (2)", "own audio (1)", "real videos (2)"]
    assert rows["other audio (2)"]["sharpness"] == pytest.approx(1.0)
    assert "opening.correlation" not in rows["other audio (2)"]
    assert rows["own audio (1)"]["opening.correlation"] == pytest.approx(
        present(reports[2]).values["opening.correlation"]
    )
    # Video b is in two pairs and counts once, video c is in one that was done.
    assert rows["real videos (2)"]["expert_sync.distance"] == pytest.approx((9.0 + 8.0) / 2)
    assert rows["real videos (2)"]["silence.motion"] == 0.02
    assert summary_rows(pairs, {}) == []


def test_a_record_is_read_as_it_was_written_and_a_spoilt_one_is_none(tmp_path: Path) -> None:
    record = make_record(make_pair(1, "a", "b"), full_report(1))
    write_pair_record(record, tmp_path)
    path = tmp_path / f"{record.key}.json"
    assert read_pair_record(path) == record
    text = path.read_text()
    for spoilt in (text[:-20], text.replace('"missing"', '"absent"'), "[]", "{}"):
        path.write_text(spoilt)
        assert read_pair_record(path) is None
    assert read_pair_record(tmp_path / "none.json") is None
