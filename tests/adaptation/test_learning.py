"""The training of an adaptation: for how long, with whom, and whether the start is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.adaptation.conftest import CARD, OPTIONS, Adapted
from tests.training.tiny_recipes import EXPERT

from visavox.adaptation.checks import AdaptRequest, check_request
from visavox.adaptation.clips import PersonClips, prepare_clips
from visavox.adaptation.learning import learn
from visavox.adaptation.settings import AdaptSettings
from visavox.demo import FACE
from visavox.models.sync.expert import Expert
from visavox.progress import QUIET
from visavox.training.recipe import FEWEST_STEPS, steps_within
from visavox.weights.checkpoint import save_model


@pytest.fixture
def request_of_clip(start: Path, tmp_path: Path) -> AdaptRequest:
    return check_request(FACE, tmp_path / "person.safetensors", start, None, AdaptSettings(**OPTIONS))


@pytest.fixture
def clips(request_of_clip: AdaptRequest, adapted: Adapted) -> PersonClips:
    """What the whole adaptation has prepared."""
    return prepare_clips(request_of_clip, adapted.work / "dataset", QUIET)


def test_an_expert_scores_and_is_not_changed(
    request_of_clip: AdaptRequest, clips: PersonClips, start: Path, tmp_path: Path
) -> None:
    expert = tmp_path / "expert.safetensors"
    save_model(expert, Expert(EXPERT), CARD)
    before = expert.read_bytes()
    settings = replace(request_of_clip.settings, steps=2, batch_size=4)
    with_expert = check_request(FACE, request_of_clip.output, start, expert, settings)
    learned = learn(with_expert, clips, tmp_path / "run", QUIET)
    assert {"sync_motion", "sync_audio", "gate"} <= learned.validation["before"].keys()
    assert expert.read_bytes() == before


def test_shipped_face_features_fit_what_the_shipped_generator_makes(
    request_of_clip: AdaptRequest, tmp_path: Path
) -> None:
    chosen = check_request(FACE, tmp_path / "person.safetensors", "wav2lip", None, request_of_clip.settings)
    assert chosen.features is not None
    assert chosen.features.name == "face-features"
    assert (request_of_clip.features, chosen.expert) == (None, None)
    assert chosen.identity["features"] != request_of_clip.identity["features"]


def test_the_steps_are_those_that_the_time_allows(
    request_of_clip: AdaptRequest, clips: PersonClips, tmp_path: Path
) -> None:
    assert steps_within(60.0, 0.5) == 120
    assert steps_within(-3.0, 0.5) == FEWEST_STEPS
    hurried = replace(request_of_clip, settings=replace(request_of_clip.settings, steps=None, minutes=0.001))
    assert learn(hurried, clips, tmp_path / "run", QUIET).steps == FEWEST_STEPS


def test_training_may_leave_the_start_where_it_is(
    request_of_clip: AdaptRequest, clips: PersonClips, tmp_path: Path
) -> None:
    still = replace(request_of_clip, settings=replace(request_of_clip.settings, steps=1, learning_rate=1e-12))
    learned = learn(still, clips, tmp_path / "run", QUIET)
    assert (learned.weights, learned.improved) == (None, ())
    assert learned.validation["after"]["l1_motion"] == learned.validation["before"]["l1_motion"]
