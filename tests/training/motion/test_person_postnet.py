"""A person's post-net learns from their own data set: how it is cut into clips, and when there is too little of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.small_person import make_person
from tests.training.motion.test_postnet_stage import SETTINGS, make_people
from tests.training.tiny import log_lines, make_dataset
from tests.training.tiny_recipes import LOOP

from visavox.data.radiance.person_data import PersonData
from visavox.errors import InputError
from visavox.models.motion.postnet import PostNet
from visavox.speech import load_features
from visavox.training.motion.person_postnet import PersonPostNetInputs
from visavox.training.motion.postnet import is_worth_having
from visavox.training.motion.postnet_sources import TooLittleSpeech, person_clips, person_sources, true_motion
from visavox.training.motion.recipes import PostNetRecipe
from visavox.training.run import train
from visavox.weights.checkpoint import load_model

RECIPE = PostNetRecipe("person-postnet", SETTINGS, replace(LOOP, steps=4, batch_size=2, validate_every=2, save_every=2))


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of a person who hums and pauses."""
    folder = make_person(tmp_path_factory.mktemp("person"), frames=200, size=16)
    time = np.arange(640 * 200) / 16_000
    hum = 6000 * np.sin(2 * np.pi * 140 * time) * (np.sin(2 * np.pi * 1.3 * time) > -0.5)
    np.save(folder / "speech.npy", (hum + np.random.default_rng(0).normal(size=len(time)) * 30).astype(np.int16))
    return folder


def test_clips_are_pieces_of_the_training_part_in_the_order_of_time(person: Path) -> None:
    data, features = PersonData.load(person), load_features("mel")
    clips = person_clips(data, features, 16)
    assert {clip.num_frames for clip in clips} == {22, 23}
    np.testing.assert_array_equal(np.concatenate([clip.displacements for clip in clips]), data.displacements[:180])
    assert all(clip.features.shape == (2 * clip.num_frames, features.size) for clip in clips)
    whole = person_clips(data, features, 180)
    np.testing.assert_array_equal(whole[0].features, np.concatenate([clip.features for clip in clips]))


def test_what_is_short_or_not_usable_makes_no_clip(person: Path) -> None:
    data = PersonData.load(person)
    usable = data.usable.copy()
    usable[100:140] = False
    data = replace(data, usable=usable, split={"train": ((0, 60), (60, 70), (70, 180)), "test": ((180, 200),)})
    clips = person_clips(data, load_features("mel"), 16)
    borders = [int(clip.clip_id.partition("_")[2]) for clip in clips]
    assert all(start < 60 or start >= 70 for start in borders)
    covered = sum(clip.num_frames for clip in clips)
    assert 120 <= covered <= 150


def test_the_last_clips_are_held_out_and_others_are_heard_as_well() -> None:
    train, validation = make_people()
    own = train.of_speaker("p").clips
    alone = person_sources(own, true_motion(train), 0.25)
    assert [clip.clip_id for clip in alone.held_out] == [clip.clip_id for clip in own[-2:]]
    assert alone.everybody == alone.person
    assert alone.unseen == alone.held_out
    together = person_sources(own, true_motion(train), 0.25, (train.without_speaker("p"), validation), num_clips=3)
    assert {clip.speaker for clip in together.everybody} == {"a", "b", "c", "p"}
    assert len(together.everybody) == 6 + 3
    assert {clip.speaker for clip in together.unseen} == {"x", "y"}


def test_too_little_speech_is_told_from_other_bad_input(tmp_path: Path) -> None:
    short = make_person(tmp_path / "short", frames=34, size=16)
    with pytest.raises(TooLittleSpeech, match="here are 1; give more video"):
        train(RECIPE, short, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_postnet_is_trained_and_resumed(person: Path, tmp_path: Path) -> None:
    metrics = train(RECIPE, person, tmp_path / "run").metrics
    assert metrics["frechet"] > 0
    assert load_model(tmp_path / "run" / "best.safetensors", PostNet).config == SETTINGS.network
    train(RECIPE.of_steps(2), person, tmp_path / "half")
    with pytest.raises(InputError, match="is complete"):
        train(RECIPE.of_steps(2), person, tmp_path / "half", resume=True)
    assert [line["step"] for line in log_lines(tmp_path / "run", "validation")] == [2, 4]


def test_speakers_of_a_prepared_data_set_are_heard_as_well(person: Path, tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "dataset")
    train(RECIPE.of_steps(2), person, tmp_path / "run", inputs=PersonPostNetInputs(others=dataset))
    assert (tmp_path / "run" / "best.safetensors").is_file()
    with pytest.raises(InputError, match="is not a prepared data set"):
        train(RECIPE, person, tmp_path / "other", inputs=PersonPostNetInputs(others=tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("change", "worth"),
    [
        ({}, True),
        ({"frechet": 1.2}, False),
        ({"paired": 0.9}, True),
        ({"sync_kept": 0.7}, False),
        ({"sync_kept": 1.3, "frechet": 1.2}, False),
        ({"collapsed": 1.0}, False),
    ],
)
def test_a_postnet_is_worth_having_when_it_is_better_than_an_exchange_of_means(
    change: dict[str, float], worth: bool
) -> None:
    metrics = {"frechet": 0.8, "frechet_start": 1.0, "paired": 1.0, "paired_start": 1.0, "sync_kept": 1.0}
    assert is_worth_having({**metrics, "collapsed": 0.0, **change}) == worth
