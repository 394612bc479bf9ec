"""The judges of a generator: the gate before the sync loss, the expert that is never changed, the discriminator."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.models.published import save_backbone, save_linear
from tests.training import tiny, tiny_recipes

from visavox.errors import InputError, TrainingError
from visavox.losses.perceptual import LpipsLoss
from visavox.training.generator import run
from visavox.training.generator.sync_gate import SyncGate
from visavox.training.generator.wav2lip import Wav2LipLosses, Wav2LipSettings, Wav2LipStage
from visavox.weights.checkpoint import load_model

SETTINGS = tiny_recipes.EVERYTHING.stage
CPU = torch.device("cpu")


@pytest.fixture
def judge(expert_run):
    return load_model(expert_run / "best.safetensors")


@pytest.fixture
def features(features_run):
    return load_model(features_run / "best.safetensors")


@pytest.fixture
def make_stage(stores, judge, features):
    def make(**changes):
        settings = replace(SETTINGS, **changes)
        return Wav2LipStage(settings, *stores, expert=judge, features=features, device=CPU, seed=0)

    return make


def validate(stage):
    stage.generator.eval()
    with torch.no_grad():
        return stage.validate()


def batch_of(stage, size=2):
    data = stage.dataset(0, size)
    samples = [data[number] for number in range(size)]
    return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}


def test_the_gate_opens_below_its_threshold_and_stays_open():
    gate = SyncGate(0.75)
    seen = []
    for loss in (0.9, 0.75, 0.74, 0.9):
        gate.see(loss)
        seen.append(gate.is_open)
    assert seen == [False, False, True, True]


def test_a_closed_gate_means_no_weight_and_no_gradient(make_stage):
    stage = make_stage(sync_threshold=-1.0)
    validate(stage)
    assert stage._generator_weights()["sync"] == 0.0
    assert stage._generator_losses(batch_of(stage))["sync"] == 0.0
    assert stage.extra_state() == {"gate_is_open": False}


def test_a_validation_opens_the_gate(make_stage):
    stage = make_stage(sync_threshold=100.0)
    found = validate(stage)
    assert found.figures["gate"] == 1.0
    assert stage._generator_weights()["sync"] == SETTINGS.losses.sync
    loss = stage._generator_losses(batch_of(stage))["sync"]
    assert loss > 0
    assert loss.requires_grad


def test_the_score_does_not_jump_when_the_gate_opens(make_stage):
    """Else no later checkpoint could beat those from before the expert had a say."""
    stage = make_stage(sync_threshold=100.0)
    first = validate(stage)
    assert stage.gate.is_open
    assert validate(stage).score == pytest.approx(first.score)


def test_the_gate_is_saved(dataset, speech_run, expert_run, features_run, tmp_path):
    runs = {"start": speech_run, "expert": expert_run, "features": features_run}
    options = {name: str(path / "best.safetensors") for name, path in runs.items()}
    settings = run.RunSettings(steps=2)
    run.train_wav2lip(dataset, tiny_recipes.EVERYTHING, tmp_path / "run", settings, **options)
    state = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    assert state["extra"] == {"gate_is_open": True}
    run.train_wav2lip(dataset, tiny_recipes.EVERYTHING, tmp_path / "run", run.RunSettings(steps=3), resume=True)
    # No validation came between: that the loss counts in the third step is known from the checkpoint.
    losses = tiny.log_lines(tmp_path / "run", "losses")
    assert [entry["generator/sync"] > 0 for entry in losses] == [False, False, True]


def test_the_expert_judges_in_eval_mode_and_never_changes(make_stage, judge):
    stage = make_stage(sync_threshold=100.0)
    before = {name: tensor.clone() for name, tensor in judge.state_dict().items()}
    validate(stage)
    for turn in stage.turns():
        batch = batch_of(stage)
        losses = stage._generator_losses(batch) if turn.name == "discriminator" else {}
        losses = turn.losses(batch)
        sum(losses.values()).backward()
        for group in turn.optimizer.param_groups:
            group["lr"] = 0.1
        turn.optimizer.step()
        assert not judge.training
    assert all(parameter.grad is None for parameter in judge.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in judge.state_dict().items())


def test_each_turn_trains_its_own_network(make_stage):
    stage = make_stage()
    batch = batch_of(stage)
    sum(stage._generator_losses(batch).values()).backward()
    assert all(parameter.grad is None for parameter in stage.discriminator.parameters())
    assert any(parameter.grad is not None for parameter in stage.generator.parameters())
    stage.generator.zero_grad()
    sum(stage._discriminator_losses(batch).values()).backward()
    assert all(parameter.grad is None for parameter in stage.generator.parameters())
    assert all(parameter.grad is not None for parameter in stage.discriminator.parameters())


def test_every_loss_has_a_weight(make_stage):
    stage = make_stage()
    batch = batch_of(stage)
    for turn in stage.turns():
        assert turn.losses(batch).keys() == turn.weights().keys(), turn.name


def test_weights_without_a_judge_are_refused():
    with pytest.raises(ValueError, match="exactly if there is a discriminator"):
        Wav2LipSettings(tiny_recipes.GENERATOR, Wav2LipLosses(adversarial=0.1))
    with pytest.raises(ValueError, match="exactly if there is a discriminator"):
        Wav2LipSettings(tiny_recipes.GENERATOR, discriminator=tiny_recipes.DISCRIMINATOR)


def test_an_unknown_or_missing_weight_ends_the_training():
    from visavox.training.stage import weighted_total

    losses = {"one": torch.tensor(2.0), "two": torch.tensor(3.0)}
    assert weighted_total(losses, {"one": 1.0, "two": 0.5}) == 3.5
    for weights in ({"one": 1.0}, {"one": 1.0, "two": 1.0, "three": 1.0}):
        with pytest.raises(TrainingError, match="do not match"):
            weighted_total(losses, weights)
    with pytest.raises(TrainingError, match="nothing to learn from"):
        weighted_total(losses, {"one": 0.0, "two": 0.0})


def test_a_loss_of_weight_zero_cannot_spoil_the_sum():
    from visavox.training.stage import weighted_total

    losses = {"one": torch.tensor(2.0), "spoiled": torch.tensor(float("nan"))}
    assert weighted_total(losses, {"one": 1.0, "spoiled": 0.0}) == 2.0


def test_face_features_judge_the_mouth_that_is_painted(make_stage):
    """The true picture costs nothing; the reading sees a mouth that does not open, and tells the generator so."""
    stage = make_stage()
    truth = torch.rand(2, 3, 96, 96)
    assert all(float(loss) < 1e-6 for loss in stage._face_losses(truth, truth).values())
    painted = torch.rand(2, 3, 96, 96, requires_grad=True)
    losses = stage._face_losses(painted, truth)
    assert losses.keys() == {"reading", "perceptual"}
    for loss in losses.values():
        (gradient,) = torch.autograd.grad(loss, painted, retain_graph=True)
        assert gradient[..., 48:, :].abs().sum() > 0
        assert gradient[..., :48, :].abs().sum() == 0


def test_losses_on_face_features_need_face_features(stores, judge):
    with pytest.raises(ValueError, match="no face features are given"):
        Wav2LipStage(SETTINGS, *stores, expert=judge, device=CPU, seed=0)


def test_features_of_another_resolution_are_refused(features_run):
    settings = replace(SETTINGS, generator=replace(SETTINGS.generator, resolution=128))
    with pytest.raises(InputError, match="see crops of 96 pixels and the generator paints 128"):
        run._load_features(str(features_run / "best.safetensors"), settings)


def test_lpips_judges_where_it_has_a_weight(stores, tmp_path):
    save_backbone(tmp_path / "backbone.pth", "squeeze")
    save_linear(tmp_path / "linear.pth", "squeeze")
    lpips = LpipsLoss.load("squeeze", weights=tmp_path / "backbone.pth", linear=tmp_path / "linear.pth")
    settings = replace(tiny_recipes.PAINTER.stage, losses=Wav2LipLosses(cover=0.1, lpips=0.1), lpips_network="squeeze")
    with pytest.raises(ValueError, match="no network for it is given"):
        Wav2LipStage(settings, *stores, expert=None, device=CPU, seed=0)
    stage = Wav2LipStage(settings, *stores, expert=None, lpips=lpips, device=CPU, seed=0)
    losses = stage._generator_losses(batch_of(stage))
    assert losses.keys() == stage._generator_weights().keys()
    losses["lpips"].backward()
    assert any(parameter.grad is not None for parameter in stage.generator.parameters())
    assert all(parameter.grad is None for parameter in lpips.parameters())
    assert "lpips_true_motion" in validate(stage).figures


def test_lpips_that_cannot_be_had_is_said_before_the_training(dataset, speech_run, tmp_path):
    stage = replace(tiny_recipes.PAINTER.stage, losses=Wav2LipLosses(cover=0.1, lpips=0.1))
    files = run.LpipsFiles(lpips_weights=tmp_path / "missing.pth")
    start = str(speech_run / "best.safetensors")
    with pytest.raises(InputError, match=r"missing\.pth"):
        run.train_wav2lip(
            dataset, replace(tiny_recipes.PAINTER, stage=stage), tmp_path / "run", start=start, lpips=files
        )
    assert not (tmp_path / "run").exists()
