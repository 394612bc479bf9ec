"""Train: from a recipe and data to a run folder; the one entry for every task."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from visavox.errors import Cancelled, InputError, TrainingError
from visavox.progress import QUIET, Progress
from visavox.runtime.device import keep_freed_memory
from visavox.training.loop import Trainer
from visavox.training.processes import end_children
from visavox.training.recipe import Inputs, LoopSettings, Recipe, RunSettings, loop_settings, make_fabric
from visavox.training.run_folder import RunFolder
from visavox.training.task import Context, TrainingTask
from visavox.training.tasks import find_task
from visavox.types import PathLike

if TYPE_CHECKING:
    from lightning.fabric import Fabric

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Task = TypeVar("Task", bound=TrainingTask)


@dataclass(frozen=True)
class TrainingResult:
    """Result of a training."""

    metrics: Mapping[str, float]
    """Metrics of the last validation."""
    weights: Path
    """The best weights; there is no such file where no validation was better than the baseline."""
    steps: int
    """Updates in all, those before the run was resumed included."""
    seconds: float
    """Time that the updates took in this session."""
    task: TrainingTask
    """The task as it ended."""


def train(
    recipe: Recipe[Any],
    data: Any,
    run: PathLike,
    *,
    inputs: Inputs | None = None,
    settings: RunSettings | None = None,
    resume: bool = False,
    progress: Progress = QUIET,
) -> TrainingResult:
    """Train a network by a recipe into a run folder.

    Args:
        recipe: task, network, samples, losses and schedule; `visavox.training.tasks.find_recipe` finds one by name.
        data: folder of prepared clips, or of one person's data set, as the task needs it.
        run: folder of the run.
        inputs: weights and files that the task takes beside the data; of the class `inputs` of the task. A resumed run
            keeps those that it was started with.
        settings: differences from the recipe, and the device.
        resume: go on with the run in the folder.
        progress: display of the progress, and what stops the training: it finishes its step, writes a checkpoint, and
            ends. Any thread may train.

    Raises:
        Cancelled: the training was stopped; `resume` goes on with it, to the numbers of one that was not.
        InputError: data, inputs, settings or run folder cannot be used; `RunComplete` where nothing is left to do.
        TrainingError: losses are no longer numbers, or a network has collapsed, with every seed that was tried.
    """
    task, settings, folder = find_task(recipe.task).load(), settings or RunSettings(), RunFolder(run)
    if task.single_process and settings.devices * settings.nodes > 1:
        raise InputError(f"the task {recipe.task} is trained by one process; leave --devices and --nodes at 1")
    device = settings.kind_of_device()
    stored = folder.config() if resume else {}
    loop = loop_settings(recipe.loop, settings, device, stored.get("loop"))
    inputs = inputs or task.inputs()
    if resume:
        inputs = inputs.resumed(stored.get("inputs", {}))
    inputs = task.check(recipe.settings, inputs, device=device, resume=resume)
    fabric = make_fabric(settings, device, loop.precision)
    if fabric.global_rank > 0:
        # The first process speaks for all of them. Lightning started this one for the training alone, so that its
        # messages are no one else's.
        progress = progress.silent()
        logging.getLogger("visavox").setLevel(logging.ERROR)
    else:
        folder.check(resume=resume)
    keep_freed_memory()
    for left in reversed(range(task.restarts + 1)):
        try:
            return _attempt(task, recipe, data, inputs, loop, _Place(folder, fabric, resume, progress))
        except TrainingError as error:
            if not task.restarts:
                raise
            if not left:
                raise _given_up(error, task.restarts, data) from error
            loop, resume = replace(loop, seed=(loop.seed + 1) % 2**31), False
            logger.warning("%s; it begins again with seed %d", error, loop.seed)
            folder.clear()
            fabric = make_fabric(settings, device, loop.precision)
    raise AssertionError


def _given_up(error: TrainingError, restarts: int, data: Any) -> TrainingError:
    """Return the error of the last attempt, which says how many there were."""
    return TrainingError(
        f"{error}; {restarts + 1} runs with different seeds went the same way: look at the images of {data}, or give a "
        "smaller --learning-rate"
    )


@dataclass(frozen=True)
class _Place:
    """Run folder and processes of an attempt."""

    folder: RunFolder
    fabric: Fabric
    resume: bool
    progress: Progress


def _attempt(
    kind: type[TrainingTask], recipe: Recipe[Any], data: Any, inputs: Inputs, loop: LoopSettings, place: _Place
) -> TrainingResult:
    """Create the task, and train it to the end."""
    folder, fabric, resume = place.folder, place.fabric, place.resume
    task = kind.create(
        recipe.settings, data, inputs, Context(fabric.device, loop.seed, folder, resume=resume, progress=place.progress)
    )
    config = {
        "summary": kind.describe(data),
        "task": recipe.task,
        "dataset": kind.digest(data),
        "processes": fabric.world_size,
        "inputs": inputs.record(),
        "identity": inputs.identity(),
        "loop": asdict(loop),
        "settings": asdict(recipe.settings),
    }
    trainer = Trainer(task, loop, folder.path, fabric, config)
    if resume:
        folder.check_same(config)
    began = time.perf_counter()

    def fit() -> dict[str, float]:
        nonlocal began
        if fabric.is_global_zero:
            task.begin_run(folder)
        began = time.perf_counter()
        return trainer.fit(place.progress, resume=resume)

    metrics = _launched(fabric, fit)
    return TrainingResult(metrics, folder.best, trainer.step, time.perf_counter() - began, task)


def _launched(fabric: Fabric, fit: Callable[[], Result]) -> Result:
    """Start the other processes, if there are any, and train; they end here, only the first one tells how it went."""
    patience = 2.0
    try:
        fabric.launch()
        result = fit()
        patience = 60.0
    except (Cancelled, TrainingError, KeyboardInterrupt):
        if fabric.global_rank > 0:
            raise SystemExit(0) from None
        raise
    finally:
        if fabric.global_rank == 0:
            end_children(fabric, patience)
    if fabric.global_rank > 0:
        raise SystemExit(0)
    return result


def measure_pace(
    build: Callable[[torch.device], Task], loop: LoopSettings, settings: RunSettings, num_updates: int = 12
) -> tuple[float, float, Task]:
    """Measure the time of an update and of a validation.

    Args:
        build: builds the task on a device.
        loop: of the recipe.
        settings: differences from it, and the device.
        num_updates: updates that are made; the second half of them counts.

    Returns:
        Seconds of an update, seconds of a validation, and the task, whose networks are as they were built.
    """
    keep_freed_memory()
    device = settings.kind_of_device()
    loop = loop_settings(loop, settings, device, None)
    loop = replace(loop, steps=max(loop.steps, 2 * num_updates))
    fabric = make_fabric(settings, device, loop.precision)
    task = build(fabric.device)
    # The loop wants a folder; nothing is written while a pace is measured.
    update = Trainer(task, loop, Path(), fabric, {}).seconds_per_step(num_updates)
    with torch.no_grad(), fabric.autocast():
        task.baseline()
        began = time.perf_counter()
        task.validate()
    return update, time.perf_counter() - began, task
