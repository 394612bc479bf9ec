"""Division of a time between head and torso, by the pace at which they are trained here."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from visavox.data.radiance.person_data import PersonData
from visavox.training.radiance.head import HeadTask
from visavox.training.radiance.person import load_patch_loss
from visavox.training.radiance.recipes import HeadRecipe, TorsoRecipe
from visavox.training.radiance.torso import TorsoTask
from visavox.training.recipe import LoopSettings, steps_within
from visavox.training.run import measure_pace
from visavox.training.run_settings import RunSettings
from visavox.types import PathLike

_UPDATES = 32
"""Updates that a pace is measured by; the occupancy is updated twice in them."""


@dataclass(frozen=True)
class Pace:
    """Time that a training takes here."""

    update: float
    """Seconds of an update, averaged over the run."""
    validations: float
    """Seconds of all validations."""


def measure_paces(
    person: PathLike, head: HeadRecipe, torso: TorsoRecipe, settings: RunSettings | None = None
) -> tuple[Pace, Pace]:
    """Measure the paces of head and torso of one person, by updates that are thrown away.

    A head that has learned nothing takes samples nearly everywhere, so that these updates are rather slower than those
    that follow: what is planned by them is done in time.

    Args:
        person: folder of a person's data set.
        head: recipe of the head.
        torso: recipe of the torso.
        settings: device.

    Raises:
        InputError: the data set or the device cannot be used.
    """
    data, settings = PersonData.load(person), settings or RunSettings()
    patch_loss = load_patch_loss("face-features") if head.settings.losses.patch else None

    def head_task(patch_after: int, device: torch.device) -> HeadTask:
        changed = replace(head.settings, patch_after=patch_after)
        return HeadTask(changed, data, patch_loss=patch_loss, device=device, seed=0)

    plain, validation, task = measure_pace(
        lambda device: head_task(head.loop.steps, device), head.loop, settings, _UPDATES
    )
    update = plain
    if patch_loss is not None:
        # From some update on, patches of the mouth are rendered as well.
        patched = measure_pace(lambda device: head_task(0, device), head.loop, settings, _UPDATES)[0]
        update += (patched - plain) * (1 - head.settings.patch_after / head.loop.steps)
    below = measure_pace(
        lambda device: TorsoTask(torso.settings, data, head=task.head, device=device, seed=0),
        torso.loop,
        settings,
        _UPDATES,
    )
    return (
        Pace(update, validation * _num_validations(head.loop)),
        Pace(below[0], below[1] * _num_validations(torso.loop)),
    )


def divide(seconds: float, head: HeadRecipe, torso: TorsoRecipe, paces: tuple[Pace, Pace]) -> tuple[int, int]:
    """Divide a time between head and torso, as the recipes divide their own.

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


def _num_validations(loop: LoopSettings) -> int:
    return -(-loop.steps // loop.validate_every)
