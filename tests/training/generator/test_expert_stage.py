"""What the expert's training says when it learns nothing, and what its losses are."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.training import tiny_recipes

from visavox.training.generator.expert import ExpertStage, _apart, _verdicts


def make_stage(stores, **changes):
    settings = replace(tiny_recipes.JUDGE.stage, **changes)
    return ExpertStage(settings, *stores, device=torch.device("cpu"), seed=0)


def test_an_expert_that_guesses_is_warned_about(stores, caplog):
    """An expert whose embeddings are all the same gives every pair a half: a loss of ln 2."""
    stage = make_stage(stores, patience=3)
    for part in (stage.expert.audio_encoder, stage.expert.face_encoder):
        last = part[-1].conv_block[1]
        torch.nn.init.zeros_(last.weight)
    # Orthogonal halves of the embedding but for one common entry: a cosine of 1/2.
    with torch.no_grad():
        stage.expert.audio_encoder[-1].conv_block[1].bias.copy_(torch.tensor([1.0, 1, 0, 0, 0, 0, 0, 0]))
        stage.expert.face_encoder[-1].conv_block[1].bias.copy_(torch.tensor([1.0, 0, 1, 0, 0, 0, 0, 0]))
    stage.expert.eval()
    with torch.no_grad():
        stage.num_steps = 2
        assert stage.validate().figures["loss"] == pytest.approx(0.6931, abs=1e-3)
        assert not caplog.text
        stage.num_steps = 3
        stage.validate()
    assert "the judge of sync still guesses (validation loss 0.69 after 3 steps; 0.69 is chance)" in caplog.text
    assert "sound of the clips is in sync" in caplog.text


def test_the_steps_that_the_warning_waits_for_are_saved(stores):
    stage = make_stage(stores)
    stage.load_extra_state({"num_steps": 7})
    assert stage.extra_state() == {"num_steps": 7}


def test_the_verdicts_judge_the_right_pairs():
    same, other = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    right = _verdicts(torch.stack([same, other, other])[None], same[None])
    assert right["together"] < 1e-5
    assert right["apart"] < 1e-5
    wrong = _verdicts(torch.stack([other, same, same])[None], same[None])
    assert wrong["together"] > 10
    assert wrong["apart"] > 10


def test_the_right_sounds_of_other_samples_are_wrong_ones():
    """Two samples whose own wrong sounds are told apart already, but not their sounds from each other."""
    same, other = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    audio, face = torch.stack([torch.stack([same, other])] * 2), torch.stack([same, same])
    assert _verdicts(audio, face)["apart"] < 1e-5
    assert _verdicts(audio, face, torch.eye(2) == 0)["apart"] == pytest.approx(13.8 / 2, abs=0.1)


def test_samples_that_overlap_are_no_wrong_ones_for_each_other():
    place = torch.tensor([[0, 10], [0, 14], [0, 15], [1, 10]])  # clip, first frame
    apart = _apart(place, reach=5)
    assert apart.tolist() == [
        [False, False, True, True],
        [False, False, False, True],
        [True, False, False, True],
        [True, True, True, False],
    ]
    assert _verdicts(torch.rand(2, 2, 3), torch.rand(2, 3), _apart(place[:2], 5))["apart"] > 0


def test_losses_and_weights_match_with_and_without_the_auxiliary_task(stores):
    for motion in (0.0, 0.5):
        stage = make_stage(stores, motion=motion)
        data = stage.dataset(0, 2)
        samples = [data[number] for number in (0, 1)]
        batch = {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}
        (turn,) = stage.turns()
        assert turn.losses(batch).keys() == turn.weights().keys()


def test_dropout_is_part_of_the_training(stores, monkeypatch):
    config = replace(tiny_recipes.EXPERT, dropout=0.3)
    stage = make_stage(stores, expert=config)
    data = stage.dataset(0, 4)
    samples = [data[number] for number in range(4)]
    batch = {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}
    # With sounds as they are, nothing else is left to chance.
    monkeypatch.setattr("visavox.training.generator.expert.augment_mels", lambda mels, settings: mels)
    losses = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        losses.append(sum(stage._losses(batch).values()).item())
    assert losses[0] == losses[1] != losses[2]
