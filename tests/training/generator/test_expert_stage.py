"""What the expert's training says when it learns nothing, and what its losses are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.narrow import part
from tests.training import tiny_recipes
from torch import nn

from visavox.errors import TrainingError
from visavox.training.generator.clips import ClipSplits
from visavox.training.generator.expert import ExpertTask, _apart, _pair_losses


def make_task(clips: ClipSplits, **changes: Any) -> ExpertTask:
    settings = replace(tiny_recipes.EXPERT_RECIPE.settings, **changes)
    return ExpertTask(settings, clips, device=torch.device("cpu"), seed=0)


def test_an_expert_that_guesses_is_warned_about(clips: ClipSplits, caplog: pytest.LogCaptureFixture) -> None:
    """An expert whose embeddings are all the same gives every pair a half: a loss of ln 2."""
    task = make_task(clips, patience=3)
    audio, face = (
        part(encoder[-1], "conv_block.1", nn.BatchNorm2d)
        for encoder in (task.expert.audio_encoder, task.expert.face_encoder)
    )
    # Orthogonal halves of the embedding but for one common entry: a cosine of 1/2.
    for last, entries in ((audio, [1.0, 1, 0, 0, 0, 0, 0, 0]), (face, [1.0, 0, 1, 0, 0, 0, 0, 0])):
        nn.init.zeros_(last.weight)
        last.bias.data.copy_(torch.tensor(entries))
    task.expert.eval()
    with torch.no_grad():
        task.step = 2
        assert task.validate().metrics["loss"] == pytest.approx(0.6931, abs=1e-3)
        assert not caplog.text
        task.step = 3
        task.validate()
    assert "the expert of sync still guesses (validation loss 0.69 after 3 steps; 0.69 is chance)" in caplog.text
    assert "audio of the clips is in sync" in caplog.text


def test_what_earlier_versions_saved_is_not_needed(clips: ClipSplits) -> None:
    task = make_task(clips)
    assert task.extra_state() == {}
    task.load_extra_state({"num_steps": 7})
    with pytest.raises(TrainingError, match="holds gate_is_open, which this task does not know"):
        task.load_extra_state({"gate_is_open": True})


def test_the_verdicts_judge_the_right_pairs() -> None:
    same, other = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    right = _pair_losses(torch.stack([same, other, other])[None], same[None])
    assert right["together"] < 1e-5
    assert right["apart"] < 1e-5
    wrong = _pair_losses(torch.stack([other, same, same])[None], same[None])
    assert wrong["together"] > 10
    assert wrong["apart"] > 10


def test_the_right_sounds_of_other_samples_are_wrong_ones() -> None:
    """Two samples whose own wrong sounds are told apart already, but not their sounds from each other."""
    same, other = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    audio, face = torch.stack([torch.stack([same, other])] * 2), torch.stack([same, same])
    assert _pair_losses(audio, face)["apart"] < 1e-5
    assert _pair_losses(audio, face, torch.eye(2) == 0)["apart"] == pytest.approx(13.8 / 2, abs=0.1)


def test_samples_that_overlap_are_no_wrong_ones_for_each_other() -> None:
    place = torch.tensor([[0, 10], [0, 14], [0, 15], [1, 10]])  # clip, first frame
    apart = _apart(place, reach=5)
    assert apart.tolist() == [
        [False, False, True, True],
        [False, False, False, True],
        [True, False, False, True],
        [True, True, True, False],
    ]
    assert _pair_losses(torch.rand(2, 2, 3), torch.rand(2, 3), _apart(place[:2], 5))["apart"] > 0


def batch_of(task: ExpertTask, size: int) -> dict[str, torch.Tensor]:
    data = task.dataset(0, size)
    samples = [data[number] for number in range(size)]
    return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}


def test_the_auxiliary_task_comes_first_and_the_others_are_measured(clips: ClipSplits) -> None:
    task = make_task(clips, motion=0.5, motion_first=2, contrast=1.0)
    (step,) = task.optimizer_steps()
    for number, counted in ((2, ["motion"]), (3, ["together", "apart", "contrast", "motion"])):
        task.step = number
        torch.manual_seed(0)
        total, losses = step.compute(batch_of(task, 2))
        weights = {"together": 1.0, "apart": 1.0, "contrast": 1.0, "motion": 0.5}
        assert list(losses) == list(weights)
        assert all(loss > 0 for loss in losses.values())
        assert float(total.detach()) == pytest.approx(
            sum(weights[name] * float(losses[name].detach()) for name in counted), rel=1e-5
        )


def test_without_the_auxiliary_task_the_published_loss_is_left(clips: ClipSplits) -> None:
    (step,) = make_task(clips, motion=0.0).optimizer_steps()
    assert [loss.name for loss in step.losses] == ["together", "apart"]


def test_dropout_is_part_of_the_training(clips: ClipSplits, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(tiny_recipes.EXPERT, dropout=0.3)
    task = make_task(clips, expert=config)
    batch = batch_of(task, 4)
    (step,) = task.optimizer_steps()
    task.step = 1
    # With sounds as they are, nothing else is left to chance.
    monkeypatch.setattr("visavox.training.generator.expert.augment_mels", lambda mels, settings: mels)
    losses = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        losses.append(step.compute(batch)[0].item())
    assert losses[0] == losses[1] != losses[2]
