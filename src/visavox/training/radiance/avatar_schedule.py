"""Dividing a time between head and torso, by how fast they are trained here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import torch

from visavox.data.radiance.person_data import PersonData
from visavox.runtime.memory import keep_freed_memory
from visavox.training.loop import LoopSettings, Trainer
from visavox.training.radiance.avatar_recipes import HeadRecipe, TorsoRecipe
from visavox.training.radiance.avatar_run import load_judge
from visavox.training.radiance.head import HeadStage
from visavox.training.radiance.torso import TorsoStage
from visavox.training.run_settings import RunSettings, loop_settings, make_fabric
from visavox.training.schedule import steps_within
from visavox.training.stage import Stage
from visavox.types import PathLike

Built = TypeVar("Built", bound=Stage)

_UPDATES = 32
"""Updates that a speed is taken from; where the head is, is looked for twice in them."""


@dataclass(frozen=True)
class Pace:
    """How long a training takes here."""

    update: float
    """Seconds of an update, averaged over the run."""
    validations: float
    """Seconds of all validations."""


def measure_paces(
    person: PathLike,
    head: HeadRecipe,
    torso: TorsoRecipe,
    settings: RunSettings | None = None,
) -> tuple[Pace, Pace]:
    """Measure how long head and torso of one person take here, by updates that are thrown away.

    A head that has learned nothing is looked at nearly everywhere, so that these updates are rather slower than those
    that follow: what is planned by them is done in time.

    Args:
        person: a person's data set.
        head: recipe of the head.
        torso: recipe of the torso.
        settings: where it is computed.

    Raises:
        InputError: the data set or the device cannot be used.
    """
    keep_freed_memory()
    data, settings = PersonData.load(person), settings or RunSettings()
    looks = load_judge("face-features") if head.stage.losses.patch else None
    clock = _Clock(data, settings)

    def head_stage(patch_after: int, device: torch.device) -> HeadStage:
        return HeadStage(replace(head.stage, patch_after=patch_after), data, judge=looks, device=device, seed=0)

    plain, validation, stage = clock.measure(head.loop, lambda device: head_stage(head.loop.steps, device))
    update = plain
    if looks is not None:
        # From some update on, the mouth is looked at as well.
        looking = clock.measure(head.loop, lambda device: head_stage(0, device))[0]
        update += (looking - plain) * (1 - head.stage.patch_after / head.loop.steps)
    below = clock.measure(
        torso.loop, lambda device: TorsoStage(torso.stage, data, head=stage.head, device=device, seed=0)
    )
    return (
        Pace(update, validation * _num_validations(head.loop)),
        Pace(below[0], below[1] * _num_validations(torso.loop)),
    )


def divide(seconds: float, head: HeadRecipe, torso: TorsoRecipe, paces: tuple[Pace, Pace]) -> tuple[int, int]:
    """Spread a time over head and torso, as the recipes divide their own.

    Args:
        seconds: of both trainings together.
        head: recipe of the head.
        torso: recipe of the torso.
        paces: of head and torso.

    Returns:
        Updates of head and torso.
    """
    whole = [pace.update * steps for pace, steps in zip(paces, (head.loop.steps, torso.loop.steps), strict=True)]
    left = seconds - sum(pace.validations for pace in paces)
    for_head, for_torso = (
        steps_within(left * part / sum(whole), pace.update) for part, pace in zip(whole, paces, strict=True)
    )
    return for_head, for_torso


class _Clock:
    """Takes the time of stages that are thrown away."""

    def __init__(self, data: PersonData, settings: RunSettings) -> None:
        self._settings = settings
        self._device = settings.kind_of_device()
        self._nowhere = data.folder
        """The loop wants a folder; nothing is written while a speed is taken."""

    def measure(self, loop: LoopSettings, build: Callable[[torch.device], Built]) -> tuple[float, float, Built]:
        """Return the seconds of an update and of a validation, and the stage."""
        loop = loop_settings(loop, self._settings, self._device, None)
        loop = replace(loop, steps=max(loop.steps, 2 * _UPDATES))
        fabric = make_fabric(self._settings, self._device, loop.precision)
        stage = build(fabric.device)
        update = Trainer(stage, loop, self._nowhere, fabric, {}).seconds_per_step(_UPDATES)
        began = time.perf_counter()
        with torch.no_grad(), fabric.autocast():
            stage.validate()
        return update, time.perf_counter() - began, stage


def _num_validations(loop: LoopSettings) -> int:
    return -(-loop.steps // loop.validate_every)
