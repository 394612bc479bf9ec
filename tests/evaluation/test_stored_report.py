"""A report that was written as JSON is read as it was, also one that an earlier version wrote."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.test_report import make_report

from visavox.evaluation.report import format_table, summarise
from visavox.evaluation.stored_report import read_report

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
    wrong = [{**values, "beauty": 1}, {name: each for name, each in values.items() if name != "missing"}, [], {}]
    earlier = EARLIER["report"]
    wrong += [{**earlier, "beauty": 1}, {name: each for name, each in earlier.items() if name != "opening"}]
    for each in wrong:
        with pytest.raises(ValueError, match="no report"):
            read_report(each)
