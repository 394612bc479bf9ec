"""How long a dub takes from file to file, stage by stage, and how much memory it needs.

    python -m benchmarks.speed -o SPEED.json            seconds for each second of video
    python -m benchmarks.speed --memory -o MEMORY.json  peak memory of 10 seconds and of 10 minutes at 1280x720

Run it on an idle machine. Every dub runs in a process of its own; start-up (imports, weights) is counted apart.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

import visavox
from benchmarks.speed.material import SIZES, make_audio, make_random_weights, make_video
from visavox.cli.common import CommonOptions, parse, run
from visavox.errors import InputError, VisavoxError
from visavox.runtime.tables import markdown_table

REFERENCE_NETWORK = "wav2lip-96"
"""Measured with random weights: the published ones may not be shipped, and the numbers do not change the speed."""

STAGES = ("sound", "track", "references", "network", "composite")
"""Stages of a dub in their order, as `DubResult.timings` names them."""


@dataclass(frozen=True, kw_only=True)
class SpeedOptions(CommonOptions):
    """Measure the speed, or with --memory the memory, of whole dubs. Prints a table in Markdown."""

    models: tuple[str, ...] = ("wav2lip", REFERENCE_NETWORK)
    """Names or files of generators; wav2lip-96 is the published network with random weights."""
    seconds: float = 10.0
    """Length of the videos."""
    repeat: int = 3
    """Runs of each; the fastest counts, because other work on the machine only ever slows one down."""
    threads: int = 2
    """Threads of the network. Bind the whole to as many cores: `taskset -c 0,1 python -m benchmarks.speed`."""
    memory: bool = False
    """Measure peak memory instead, at 1280x720."""
    long_seconds: float = 600.0
    """With --memory: length of the long video."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Write all values to this JSON file."""


def main(argv: list[str]) -> int:
    """Run the benchmark."""
    options = parse(SpeedOptions, argv, command="benchmarks.speed")
    if options.repeat < 1 or options.seconds < 1:
        raise InputError(f"{options.repeat} runs of {options.seconds} s; give at least one run and one second")
    if options.output is not None:
        from visavox.media import check_output

        check_output(options.output, (), overwrite=True, extensions=(".json",))
    with tempfile.TemporaryDirectory(prefix="visavox-") as folder:
        runs = _measure_memory(options, Path(folder)) if options.memory else _measure_speed(options, Path(folder))
    print(machine_line(options.threads) + "\n")
    print(memory_table(runs) if options.memory else speed_table(runs))
    if options.output is not None:
        values = {"visavox": visavox.__version__, "machine": machine_line(options.threads), "runs": runs}
        options.output.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    return 0


def _measure_speed(options: SpeedOptions, folder: Path) -> list[dict[str, Any]]:
    audio = make_audio(folder / "audio.wav", options.seconds)
    jobs = [(size, model) for size in SIZES for model in options.models]
    runs = []
    for size, model in options.progress.track(jobs, "measure speed", unit="job"):
        video = folder / f"{size}.mp4"
        if not video.exists():
            make_video(video, SIZES[size], options.seconds)
        weights = _weights(model, folder)
        repeats = [_run_job(video, audio, folder / "out.mp4", weights, options.threads) for _ in range(options.repeat)]
        fastest = min(repeats, key=lambda each: each["stages_s"]["total"])
        runs.append({"size": size, "model": model, **fastest, "totals_s": [r["stages_s"]["total"] for r in repeats]})
    return runs


def _measure_memory(options: SpeedOptions, folder: Path) -> list[dict[str, Any]]:
    runs = []
    jobs = [(seconds, model) for model in options.models for seconds in (options.seconds, options.long_seconds)]
    for seconds, model in options.progress.track(jobs, "measure memory", unit="job"):
        video = folder / f"{seconds}.mp4"
        if not video.exists():
            make_video(video, SIZES["1280x720"], seconds)
        audio = make_audio(folder / "audio.wav", seconds)
        job = _run_job(video, audio, folder / "out.mp4", _weights(model, folder), options.threads)
        runs.append({"size": "1280x720", "model": model, **job})
    return runs


def _weights(model: str, folder: Path) -> str:
    if model != REFERENCE_NETWORK:
        return model
    target = folder / f"{model}.safetensors"
    return str(target if target.exists() else make_random_weights(model, target))


def _run_job(video: Path, audio: Path, output: Path, model: str, threads: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.speed.job", *map(str, (video, audio, output)), model, str(threads)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise VisavoxError(f"a dub with {model} failed: {done.stderr.strip().splitlines()[-1]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def speed_table(runs: list[dict[str, Any]]) -> str:
    """Lay out seconds for each second of video, whole and by stage."""
    stages = [stage for stage in STAGES if any(stage in each["stages_s"] for each in runs)]
    rows = [["size", "network", "whole", *stages, "start-up, once"]]
    for each in runs:
        per_second = {stage: seconds / each["video_s"] for stage, seconds in each["stages_s"].items()}
        rows.append(
            [
                each["size"],
                _model_name(each["model"]),
                f"{per_second['total']:.2f}",
                *(f"{per_second.get(stage, 0):.2f}" for stage in stages),
                f"{each['start_up_s']:.1f} s",
            ]
        )
    return (
        "Seconds for each second of video (stages overlap, so they add up to more than the whole)\n\n"
        + markdown_table(rows[0], rows[1:], num_names=2)
    )


def memory_table(runs: list[dict[str, Any]]) -> str:
    """Lay out peak memory by length of the video."""
    rows = [["network", "length", "peak memory", "of it after loading"]]
    for each in runs:
        peak, loaded = f"{each['peak_memory_mb']:.0f} MB", f"{each['memory_after_loading_mb']:.0f} MB"
        rows.append([_model_name(each["model"]), f"{each['video_s']:.0f} s", peak, loaded])
    for model in dict.fromkeys(each["model"] for each in runs):
        short, long = (each["peak_memory_mb"] for each in runs if each["model"] == model)
        rows.append([_model_name(model), "long over short", f"{long / short:.3f}", ""])
    return markdown_table(rows[0], rows[1:])


def _model_name(model: str) -> str:
    return f"{model} (random weights)" if model == REFERENCE_NETWORK else Path(model).stem


def machine_line(threads: int) -> str:
    """Say what this machine is."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {threads} threads, Python {platform.python_version()}, torch {_torch()}"


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _torch() -> str:
    from importlib.metadata import version

    return version("torch")


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
