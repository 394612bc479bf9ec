"""A report that was written as JSON is read as it was."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from tests.evaluation.test_report import make_report

from visavox.evaluation.report import summarise
from visavox.evaluation.stored_report import read_report
from visavox.metrics.picture import OutsideDifference
from visavox.metrics.sync import SyncScore


def test_what_was_written_is_read():
    report = make_report(
        1, psnr=31.5, expert_sync=SyncScore(1.0, 0.2, -1, 1.1, 56), outside=OutsideDifference(1.0, 20, 5.0, math.nan, 3)
    )
    report.curves.opening[3] = np.nan
    text = json.dumps(report.to_dict(curves=True), allow_nan=False)
    read = read_report(json.loads(text))
    assert json.dumps(read.to_dict(curves=True)) == text
    assert math.isnan(read.sharpness)
    assert math.isnan(read.outside.codec_mean)
    assert np.isnan(read.curves.opening[3])
    np.testing.assert_equal(summarise([read]), summarise([report]))


def test_what_is_no_report_is_refused():
    values = make_report(1).to_dict()
    for wrong in ({**values, "beauty": 1}, {name: each for name, each in values.items() if name != "opening"}, []):
        with pytest.raises(ValueError, match="no report of this version"):
            read_report(wrong)


def test_a_figure_that_was_added_later_has_its_default():
    values = make_report(1, psnr=30.0).to_dict()
    del values["psnr"]
    assert math.isnan(read_report(values).psnr)
    assert replace(read_report(values), psnr=30.0).psnr == 30.0
