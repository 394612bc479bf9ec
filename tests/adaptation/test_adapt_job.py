"""A generator is fitted to the bundled clip: what is written and said of it, and what is kept when it is no gain."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest
import torch
from tests.acting_progress import AfterStep
from tests.adaptation.conftest import OPTIONS, Adapted, begin_with_clips_of

import visavox
from visavox.adaptation import check
from visavox.adaptation.held_out import shown_infos
from visavox.cli.main import main
from visavox.demo import FACE, SPEECH
from visavox.errors import InputError
from visavox.media import probe
from visavox.progress import CancelToken, Event, Progress
from visavox.training.loop import Trainer
from visavox.weights.checkpoint import load_model, motion_basis_of
from visavox.weights.registry import model_info

ROWS = ["mouth as it was", "before", "after"]


def arguments(output: Path, start: Path, *more: Path | str) -> list[str]:
    given = [word for name, value in OPTIONS.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return ["adapt", str(FACE), "-o", str(output), "--model", str(start), *given, *map(str, more)]


def assert_same_numbers(one: Path, other: Path) -> None:
    first, second = (load_model(path).state_dict() for path in (one, other))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_report_has_all_figures_of_before_and_after(adapted: Adapted) -> None:
    result = adapted.result
    assert list(result.values) == ROWS
    assert all(values.keys() == {info.name for info in shown_infos()} for values in result.values.values())
    assert result.values["before"] != result.values["after"]
    assert result.steps == 16
    assert result.seconds == {"training": 1.0, "validation": 0.8, "held out": 0.76}
    assert any("the renderer learned by pixels alone" in note for note in result.notes)
    table = result.table()
    assert all(row in table for row in ROWS)
    assert "Improved: " in table
    assert json.loads(json.dumps(result.to_json()))["improved"] == list(result.improved)


def test_the_weights_say_what_they_are(adapted: Adapted, start: Path) -> None:
    info = model_info(adapted.weights)
    assert info.card.licence == "licence of the start"
    assert "adapted to the person in face.mpg: for that person only" in info.card.description
    assert "not trained; then adapted (" in info.card.training
    assert "to 1.0 s of face.mpg, with 0.8 s held out" in info.card.training
    assert {"before psnr", "after psnr", "after landmark_distance"} <= info.card.quality.keys()
    assert info.spec == model_info(start).spec
    assert info.config == model_info(start).config
    assert motion_basis_of(info) == motion_basis_of(model_info(start))


def test_validation_is_never_worse_than_the_start(adapted: Adapted, start: Path) -> None:
    before, after = adapted.result.validation["before"], adapted.result.validation["after"]
    parts = {"renderer": "rendering_error", "speech": "motion_error"}
    for part, name in parts.items():
        assert (after[name] < before[name]) == (part in adapted.result.improved)
        assert after[name] <= before[name]
    one, other = load_model(start).state_dict(), load_model(adapted.weights).state_dict()
    statistics = [name for name in one if name.endswith(("running_mean", "running_var"))]
    assert statistics
    assert all(torch.equal(one[name], other[name]) for name in statistics)


def test_the_adapted_file_dubs(adapted: Adapted, tmp_path: Path) -> None:
    visavox.dub(FACE, SPEECH, tmp_path / "out.mp4", model=adapted.weights, extend="stop")
    assert probe(tmp_path / "out.mp4").num_frames == 75


def test_a_network_without_a_speech_branch(plain_start: Path, tmp_path: Path) -> None:
    output = tmp_path / "person.safetensors"
    result = visavox.adapt(FACE, output, model=plain_start, **OPTIONS | {"steps": 2})
    assert set(result.improved) <= {"renderer"}
    assert [path.name for path in tmp_path.iterdir()] == ["person.safetensors"]
    assert load_model(output).config == load_model(plain_start).config


def test_without_a_gain_the_start_is_kept(adapted: Adapted, start: Path, tmp_path: Path) -> None:
    output = tmp_path / "person.safetensors"
    still = {"steps": 1, "learning_rate": 1e-12}
    work = begin_with_clips_of(adapted, tmp_path / "work", start, **still)
    result = visavox.adapt(FACE, output, model=start, work=work, **OPTIONS | still)
    assert result.improved == ()
    assert "No gain" in result.verdict()
    assert result.values["before"] == result.values["after"]
    assert output.read_bytes() == start.read_bytes()


def test_a_finished_job_is_not_done_again(adapted: Adapted, start: Path, tmp_path: Path) -> None:
    made = [*adapted.work.rglob("*.mp4"), *adapted.work.rglob("*.npz"), adapted.work / "run" / "log.jsonl"]
    before = {path: path.stat().st_mtime_ns for path in made}
    again = tmp_path / "again.safetensors"
    result = visavox.adapt(FACE, again, model=start, work=adapted.work, **OPTIONS)
    assert result.steps == 16
    assert result.values == adapted.result.values
    assert_same_numbers(again, adapted.weights)
    assert {path.name for path in made} >= {"0.truth.mp4", "0.backwards.mp4"}
    assert {path: path.stat().st_mtime_ns for path in made} == before


def test_ctrl_c_leaves_nothing_and_the_work_goes_on(
    adapted: Adapted, start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "person.safetensors"
    work = begin_with_clips_of(adapted, tmp_path / "work", start)
    save = Trainer.save

    def save_and_press_ctrl_c(trainer: Trainer) -> None:
        save(trainer)
        if trainer.step == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Trainer, "save", save_and_press_ctrl_c)
    assert main(arguments(output, start, "--work", work)) == 130
    assert "interrupted" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["work"]
    monkeypatch.setattr(Trainer, "save", save)
    assert main(arguments(output, start, "--work", work, "--json")) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 16
    # The numbers of a run that was not interrupted.
    assert_same_numbers(output, adapted.weights)


def test_a_job_that_is_cancelled_between_two_steps_goes_on_to_the_same_numbers(
    adapted: Adapted, start: Path, tmp_path: Path
) -> None:
    output, token = tmp_path / "person.safetensors", CancelToken()
    work = begin_with_clips_of(adapted, tmp_path / "work", start)

    def cancel(event: Event) -> None:
        if (event.unit, event.done) == ("step", 4):
            token.cancel()

    with pytest.raises(visavox.Cancelled, match=f"the same command goes on from {re.escape(str(work))}"):
        check(FACE, output, model=start, work=work, **OPTIONS).run(cancel, token)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["work"]
    events: list[Event] = []
    result = check(FACE, output, model=start, work=work, **OPTIONS).run(events.append)
    assert result.steps == 16
    # It finished the fifth step, and saved it.
    trained = [event for event in events if event.stage == "training from step 5" and event.kind == "advance"]
    assert [event.done for event in trained] == list(range(1, 12))
    assert_same_numbers(output, adapted.weights)
    assert result.values == adapted.result.values


@pytest.mark.parametrize("stopped", [KeyboardInterrupt, visavox.Cancelled])
def test_a_temporary_folder_goes_with_an_interruption(
    start: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    stopped: type[BaseException],
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    token = CancelToken()

    def stop() -> None:
        token.cancel()
        if stopped is KeyboardInterrupt:
            raise KeyboardInterrupt

    progress = Progress(AfterStep(1, stop, unit="stretch").emit, token)
    with pytest.raises(stopped) as error:
        visavox.adapt(FACE, tmp_path / "a.safetensors", model=start, progress=progress, **OPTIONS)
    said = caplog.text if stopped is KeyboardInterrupt else str(error.value)
    assert "nothing of the adaptation was kept; with a work folder (--work) the same command goes on" in said
    assert list(tmp_path.iterdir()) == []


def test_a_work_folder_of_something_else_is_refused_before_the_job(
    start: Path, adapted: Adapted, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="was begun with other seed"):
        check(FACE, tmp_path / "a.safetensors", model=start, work=adapted.work, **OPTIONS | {"seed": 1})
    check(FACE, tmp_path / "a.safetensors", model=start, work=tmp_path / "new", **OPTIONS)
    assert list(tmp_path.iterdir()) == []
