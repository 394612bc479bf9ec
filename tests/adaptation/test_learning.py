"""The training of an adaptation: for how long, with whom, and whether the start is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.adaptation.conftest import CARD, OPTIONS, Adapted
from tests.training.tiny_recipes import EXPERT

from visavox.adaptation.checks import Job, check
from visavox.adaptation.footage import Footage, gather
from visavox.adaptation.learning import learn
from visavox.adaptation.settings import AdaptSettings
from visavox.demo import FACE
from visavox.models.sync.expert import Expert
from visavox.progress import QUIET
from visavox.training.schedule import FEWEST_STEPS, steps_within
from visavox.weights.checkpoint import save_model


@pytest.fixture
def job(start: Path, tmp_path: Path) -> Job:
    return check(FACE, tmp_path / "person.safetensors", start, None, AdaptSettings(**OPTIONS))


@pytest.fixture
def footage(job: Job, adapted: Adapted) -> Footage:
    """What the whole adaptation has prepared."""
    return gather(job, adapted.work / "dataset", QUIET)


def test_an_expert_judges_and_is_not_changed(job: Job, footage: Footage, start: Path, tmp_path: Path) -> None:
    judge = tmp_path / "judge.safetensors"
    save_model(judge, Expert(EXPERT), CARD)
    before = judge.read_bytes()
    with_judge = check(FACE, job.output, start, judge, replace(job.settings, steps=2, batch_size=4))
    learned = learn(with_judge, footage, tmp_path / "run", QUIET)
    assert {"sync_motion", "sync_audio", "gate"} <= learned.validation["before"].keys()
    assert judge.read_bytes() == before


def test_shipped_face_features_see_what_the_shipped_generator_paints(job: Job, tmp_path: Path) -> None:
    chosen = check(FACE, tmp_path / "person.safetensors", "wav2lip", None, job.settings)
    assert chosen.features is not None
    assert chosen.features.name == "face-features"
    assert (job.features, chosen.expert) == (None, None)
    assert chosen.identity["features"] != job.identity["features"]


def test_the_steps_are_those_that_the_time_allows(job: Job, footage: Footage, tmp_path: Path) -> None:
    assert steps_within(60.0, 0.5) == 120
    assert steps_within(-3.0, 0.5) == FEWEST_STEPS
    hurried = replace(job, settings=replace(job.settings, steps=None, minutes=0.001))
    assert learn(hurried, footage, tmp_path / "run", QUIET).steps == FEWEST_STEPS


def test_training_may_leave_the_start_where_it_is(job: Job, footage: Footage, tmp_path: Path) -> None:
    still = replace(job, settings=replace(job.settings, steps=1, learning_rate=1e-12))
    learned = learn(still, footage, tmp_path / "run", QUIET)
    assert (learned.weights, learned.improved) == (None, ())
    assert learned.validation["after"]["l1_motion"] == learned.validation["before"]["l1_motion"]
