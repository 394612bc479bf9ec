"""Pace of a training on this machine, measured by updates that are thrown away."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch

from visavox.training.loop import Trainer
from visavox.training.run import keep_freed_memory
from visavox.training.run_settings import RunSettings, loop_settings, make_fabric
from visavox.training.schedule import LoopSettings
from visavox.training.task import TrainingTask

Task = TypeVar("Task", bound=TrainingTask)


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
