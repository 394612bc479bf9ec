"""From a prepared data set and a recipe to a run folder: what `visavox train` calls."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.fabric import Fabric

from visavox.data.clip_store import ClipStore, load_store
from visavox.data.mouth_motion import MotionBasis
from visavox.errors import InputError
from visavox.models.checkpoint import load_model
from visavox.progress import QUIET, Progress
from visavox.training.expert import ExpertStage
from visavox.training.loop import LoopSettings, Trainer
from visavox.training.recipes import ExpertRecipe, SpeechRecipe, Wav2LipRecipe
from visavox.training.speech import SpeechStage, rest_motion
from visavox.training.stage import Stage
from visavox.training.wav2lip import Wav2LipStage

NUM_MOTIONS = 8
"""Numbers that describe a mouth where the network itself does not say how many."""


@dataclass(frozen=True)
class RunSettings:
    """Where and how a recipe is run; `None` keeps what the recipe says."""

    steps: int | None = None
    """Updates in all."""
    batch_size: int | None = None
    """Samples of one update."""
    learning_rate: float | None = None
    """Largest learning rate."""
    workers: int | None = None
    """Processes that prepare batches."""
    seed: int | None = None
    """Where all chance comes from."""
    validate_every: int | None = None
    """Steps between two validations."""
    save_every: int | None = None
    """Steps between two checkpoints."""
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    """Numbers to compute in; auto: bf16-mixed where the processor multiplies it, else 32-true."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""
    devices: int = 1
    """Processors to share the work between (processes on the CPU)."""


def train_speech(
    dataset: str | os.PathLike[str],
    recipe: SpeechRecipe,
    run: str | os.PathLike[str],
    settings: RunSettings | None = None,
    *,
    resume: bool = False,
    progress: Progress = QUIET,
) -> dict[str, float]:
    """Teach a generator's speech branch; return the figures of the last validation.

    Raises:
        InputError: the data set or the run folder cannot be used.
    """
    fabric, loop = _prepare(recipe.loop, settings)
    motion = recipe.stage.generator.motion
    if motion is None:
        raise InputError("this recipe's generator has no speech branch to teach; choose one with `motion` set.")
    train, validation, basis = _stores(dataset, motion.num_motions, progress)
    rest = rest_motion(train, basis)
    stage = SpeechStage(recipe.stage, train, validation, rest=rest, device=fabric.device, seed=loop.seed)
    return _fit(stage, recipe.stage, loop, run, fabric, dataset, resume, progress)


def train_expert(
    dataset: str | os.PathLike[str],
    recipe: ExpertRecipe,
    run: str | os.PathLike[str],
    settings: RunSettings | None = None,
    *,
    resume: bool = False,
    progress: Progress = QUIET,
) -> dict[str, float]:
    """Train an expert; return the figures of the last validation.

    Raises:
        InputError: the data set or the run folder cannot be used.
    """
    fabric, loop = _prepare(recipe.loop, settings)
    train, validation, _ = _stores(dataset, NUM_MOTIONS, progress)
    stage = ExpertStage(recipe.stage, train, validation, device=fabric.device, seed=loop.seed)
    return _fit(stage, recipe.stage, loop, run, fabric, dataset, resume, progress)


def train_wav2lip(
    dataset: str | os.PathLike[str],
    recipe: Wav2LipRecipe,
    run: str | os.PathLike[str],
    settings: RunSettings | None = None,
    *,
    start: str | None = None,
    expert: str | None = None,
    resume: bool = False,
    progress: Progress = QUIET,
) -> dict[str, float]:
    """Train a generator; return the figures of the last validation.

    Args:
        dataset: prepared clips.
        recipe: what to train.
        run: folder of the run.
        settings: what differs from the recipe.
        start: weights to begin with: of the stage `speech`, or of an earlier run.
        expert: the expert that judges; needed when the recipe has a sync loss.
        resume: go on with the run in the folder.
        progress: where progress is shown.

    Raises:
        InputError: the data set, the run folder, or a weights file cannot be used.
    """
    fabric, loop = _prepare(recipe.loop, settings)
    config = recipe.stage.generator
    if recipe.stage.losses.sync and expert is None:
        raise InputError("this recipe has a sync loss, and that needs an expert: give --expert WEIGHTS or NAME.")
    if config.motion is not None and start is None and not resume:
        raise InputError(
            "this recipe's generator has a speech branch that is taught beforehand: run `visavox train speech` first, "
            "and give its best.safetensors as --start."
        )
    judge = _load(expert, "expert") if expert is not None else None
    if judge is not None and judge.config.resolution != config.resolution:
        raise InputError(
            f"the expert judges crops of {judge.config.resolution} pixels and the generator paints "
            f"{config.resolution}; give an expert of the same resolution."
        )
    begun = _load(start, "wav2lip") if start is not None else None
    num_motions = config.motion.num_motions if config.motion is not None else NUM_MOTIONS
    train, validation, _ = _stores(dataset, num_motions, progress)
    stage = Wav2LipStage(recipe.stage, train, validation, expert=judge, device=fabric.device, seed=loop.seed)
    if begun is not None:
        if begun.config != config:
            raise InputError(
                f"{start} has other dimensions than the recipe's generator; give weights of the same recipe."
            )
        stage.generator.load_state_dict(begun.state_dict())
    return _fit(stage, recipe.stage, loop, run, fabric, dataset, resume, progress)


def _load(name_or_path: str, network: str) -> Any:
    return load_model(name_or_path, network=network)


def _prepare(loop: LoopSettings, settings: RunSettings | None) -> tuple[Fabric, LoopSettings]:
    settings = settings or RunSettings()
    changes = {
        name: value
        for name in ("steps", "batch_size", "learning_rate", "workers", "seed", "validate_every", "save_every")
        if (value := getattr(settings, name)) is not None
    }
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda was given, and this machine has no usable CUDA device; leave it at auto.")
    precision = settings.precision
    if precision == "auto":
        fast = device == "cuda" or (torch.backends.mkldnn.is_available() and multiplies_bfloat16())
        precision = "bf16-mixed" if fast and loop.precision == "bf16-mixed" else "32-true"
    fabric = Fabric(accelerator=device, devices=settings.devices, precision=precision)
    return fabric, replace(loop, precision=precision, **changes)


def multiplies_bfloat16() -> bool:
    """Tell whether the processor has instructions for bfloat16; without them it is several times slower."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _stores(
    dataset: str | os.PathLike[str], num_motions: int, progress: Progress
) -> tuple[ClipStore, ClipStore, MotionBasis]:
    train = load_store(dataset, "train", progress=progress)
    validation = load_store(dataset, "validation", progress=progress)
    basis = train.fit_basis(num_motions)
    train.apply_basis(basis)
    validation.apply_basis(basis)
    return train, validation, basis


def _fit(
    stage: Stage,
    stage_settings: Any,
    loop: LoopSettings,
    run: str | os.PathLike[str],
    fabric: Fabric,
    dataset: str | os.PathLike[str],
    resume: bool,
    progress: Progress,
) -> dict[str, float]:
    keep_freed_memory()
    config = {
        "summary": f"prepared data set {Path(dataset).name}",
        "loop": asdict(loop),
        "stage": asdict(stage_settings),
    }
    return Trainer(stage, loop, run, fabric, config).fit(progress, resume=resume)


def keep_freed_memory() -> None:
    """Tell glibc to keep what is freed, once for this process.

    A training step on the CPU frees and takes the same hundreds of megabytes again; by default each time goes
    back to the kernel, which must clear every page anew: a third of the time of a step.
    """
    import ctypes

    trim_threshold, mmap_threshold, largest = -1, -3, 2**31 - 1
    try:
        allocator = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return
    allocator(trim_threshold, largest)
    allocator(mmap_threshold, largest)
