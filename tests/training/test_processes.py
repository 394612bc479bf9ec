"""`visavox train` as a process of its own: two devices, Ctrl-C, and machines without video libraries."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training import tiny

COMMAND = Path(__file__).with_name("command.py")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name not in ("LOCAL_RANK", "WORLD_SIZE", "MASTER_PORT")},
    "OMP_NUM_THREADS": "1",
}


def command(*arguments: object) -> list[str]:
    return [sys.executable, str(COMMAND), "train", *map(str, arguments)]


def visavox(*arguments: object, **environment: Any) -> subprocess.CompletedProcess[str]:
    variables = ENVIRONMENT | {name: str(value) for name, value in environment.items()}
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=300, check=False, env=variables)


def held(folder: Path, step: int) -> list[str]:
    """What each process held after a step."""
    return [(folder / f"step {step} process {rank}").read_text() for rank in (0, 1)]


@pytest.mark.slow
def test_two_processes_train_one_network(
    dataset: Path, expert_run: Path, features_run: Path, speech_run: Path, tmp_path: Path
) -> None:
    """Both hold the same numbers, one of them writes, and a resumed run is one that was never interrupted."""
    judges = ["--start", speech_run / "best.safetensors", "--expert", expert_run / "best.safetensors"]
    judges += ["--features", features_run / "best.safetensors"]
    frequent = ["--validate-every", "1", "--save-every", "1", "--steps", "3"]
    arguments = ["wav2lip", dataset, *judges, "--recipe", "tiny", "--devices", "2", *frequent]
    watched = [tmp_path / name for name in ("whole", "resumed")]
    for folder in watched:
        folder.mkdir()
    done = visavox(*arguments, "-o", tmp_path / "run", "--json", WATCH=watched[0])
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)  # of the first process alone
    assert figures["gate"] == 1.0
    assert [entry["step"] for entry in tiny.log_lines(tmp_path / "run", "losses")] == [1, 2, 3]
    assert [entry["step"] for entry in tiny.log_lines(tmp_path / "run", "validation")] == [1, 2, 3]
    steps = [held(watched[0], step) for step in (1, 2, 3)]
    assert all(first == second for first, second in steps)
    assert len({first for first, _ in steps}) == 3

    done = visavox(*arguments, "-o", tmp_path / "again", WATCH=watched[1], STOP_AFTER=1)
    assert done.returncode == 130, done.stderr
    assert not (watched[1] / "step 3 process 0").exists()
    done = visavox(*arguments, "-o", tmp_path / "again", "--resume", WATCH=watched[1])
    assert done.returncode == 0, done.stderr
    assert held(watched[1], 3) == steps[2]

    alone = visavox("wav2lip", dataset, "--recipe", "tiny", "-o", tmp_path / "run", "--resume", "--steps", "4")
    assert alone.returncode == 2
    assert "processes: 2 -> 1" in alone.stderr


@pytest.mark.slow
def test_two_processes_with_half_a_batch_see_the_samples_of_one(dataset: Path, tmp_path: Path) -> None:
    """Sound is changed by chance, anew in each process; the samples that are drawn are those of the larger batch."""
    runs = []
    for devices, batch in ((1, 4), (2, 2)):
        path = tmp_path / str(devices)
        options = ["--recipe", "tiny", "--steps", "2", "--batch-size", batch, "--devices", devices]
        done = visavox("speech", dataset, *options, "-o", path)
        assert done.returncode == 0, done.stderr
        runs.append(torch.load(path / "last.ckpt", weights_only=True))
    assert runs[0]["step"] == runs[1]["step"] == 2
    one, other = (run["modules"]["predictor"]["head.3.bias"] for run in runs)
    assert not torch.equal(one, torch.zeros_like(one))
    assert torch.allclose(one, other, atol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_ctrl_c_ends_with_130_and_a_checkpoint(dataset: Path, tmp_path: Path, devices: int) -> None:
    arguments = ["speech", dataset, "--recipe", "tiny", "-o", tmp_path / "run", "--devices", devices]
    options = ["--steps", "100000", "--validate-every", "100000", "--save-every", "100000"]
    process = subprocess.Popen(
        command(*arguments, *options), stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True
    )
    log = tmp_path / "run" / "log.jsonl"
    deadline = time.monotonic() + 200
    while not (log.is_file() and log.stat().st_size) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to every process
    _, said = process.communicate(timeout=100)
    assert process.returncode == 130, said
    step = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)["step"]
    assert [line for line in said.splitlines() if line.startswith("visavox:")] == [
        "visavox: warning: stopping after this step, when its checkpoint is written (again: stop at once)",
        f"visavox: interrupted: the training stopped after step {step} of 100000, which "
        f"{tmp_path / 'run' / 'last.ckpt'} holds; resume the run to go on from there",
    ]
    assert "Traceback" not in said
    assert step == len(tiny.log_lines(tmp_path / "run", "losses"))
    done = visavox(*arguments, "--resume", "--steps", step + 2)
    assert done.returncode == 0, done.stderr
    assert "the run goes on with other settings (steps: 100000 ->" in done.stderr
    assert len(tiny.log_lines(tmp_path / "run", "losses")) == step + 2


def test_training_needs_neither_video_library_nor_face_tracker(dataset: Path, tmp_path: Path) -> None:
    code = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("av", "mediapipe"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
sys.argv = ["visavox", "train", "speech", {str(dataset)!r}, "--recipe", "tiny", "--steps", "1", "-o",
    {str(tmp_path / "run")!r}, "--quiet"]
sys.path.insert(0, {str(COMMAND.parent)!r})
import command
sys.exit(command.main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "best.safetensors").is_file()
    assert "weights:" in done.stdout
