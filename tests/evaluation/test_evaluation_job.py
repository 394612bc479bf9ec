"""Two real videos evaluated as a job: checked before the work, cancelled in between, gone on with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from visavox.errors import Cancelled, InputError
from visavox.evaluation import EvaluationSettings
from visavox.evaluation.job import check_evaluation
from visavox.evaluation.pairs import EvaluationPair
from visavox.metrics import choose_metrics
from visavox.progress import CancelToken, Event


def test_a_cancelled_job_is_gone_on_with_to_the_same_reports(short_clip: Path, tmp_path: Path) -> None:
    pair = EvaluationPair(short_clip, short_clip)
    metrics = choose_metrics(["landmark_distance", "psnr"])
    settings = EvaluationSettings(cache=tmp_path / "tracks")
    token, seen = CancelToken(), []

    def cancel(event: Event) -> None:
        seen.append(event)
        if event.unit == "pair" and event.done == 1:
            token.cancel()

    job = check_evaluation([pair, replace(pair, group="again")], metrics, settings=settings)
    with pytest.raises(Cancelled):
        job.run(cancel, token)
    assert (seen[0].stage, seen[0].total) == ("evaluate", 2)
    assert list((tmp_path / "tracks").iterdir())
    reports = check_evaluation(job.pairs, metrics, settings=settings).run()
    assert reports[0] == reports[1]
    assert reports == check_evaluation(job.pairs, metrics).run()


def test_a_file_that_cannot_be_used_is_told_of_before_any_work(short_clip: Path, tmp_path: Path) -> None:
    metrics = choose_metrics(["landmark_distance"])
    last = EvaluationPair(short_clip, tmp_path / "nowhere.mp4")
    with pytest.raises(InputError, match="nowhere"):
        check_evaluation([EvaluationPair(short_clip, short_clip), last], metrics)
    with pytest.raises(InputError, match="nobody"):
        check_evaluation([replace(last, truth=short_clip, audio=tmp_path / "nobody.wav")], metrics)
