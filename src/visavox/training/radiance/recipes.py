"""Named, fully written-out configurations that train the head and the torso of one person.

`cpu` renders 128 pixels after less than an hour on two cores, `small` 256, `full` 512 on a GPU. `paper` is the field
and the schedule that GeneFace was published with. `cpu-no-window` and `cpu-no-head` are `cpu` with a part left out, to
see what that part is good for; nobody should build an avatar by them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from visavox.data.radiance import PersonData, RaySampling
from visavox.models.radiance import (
    DeformationConfig,
    FrequencyFieldConfig,
    GridFieldConfig,
    HeadConfig,
    LandmarkEncoderConfig,
    TorsoConfig,
)
from visavox.training.radiance.head import HeadLosses, HeadSettings, HeadTask
from visavox.training.radiance.person import load_patch_loss
from visavox.training.radiance.torso import TorsoSettings, TorsoTask
from visavox.training.recipe import LoopSettings, Recipe, RunSettings, steps_within
from visavox.training.run import measure_pace
from visavox.types import PathLike

HeadRecipe = Recipe[HeadSettings]
TorsoRecipe = Recipe[TorsoSettings]

_LOOP = LoopSettings(
    steps=20_000,
    batch_size=8,
    learning_rate=2e-3,
    warmup=200,
    validate_every=1000,
    save_every=1000,
    log_every=50,
)
_SMALL_HEAD = HeadConfig(grid=GridFieldConfig(channels=16, resolution=192, motion_width=48), step=0.2)
_FULL_HEAD = HeadConfig(
    grid=GridFieldConfig(channels=32, resolution=384, motion_width=64, width=128, shape=63),
    step=0.1,
    max_samples=32,
    cells=128,
)

_CPU_HEAD = HeadSettings(HeadConfig(), RaySampling(rays=448, patch=32), HeadLosses(patch=2e-3), patch_after=6_000)
_CPU_LOOP = replace(_LOOP, steps=10_000)
_CPU_TORSO_LOOP = replace(_LOOP, steps=4000)
_ONE_FRAME = LandmarkEncoderConfig(window=1)

HEAD_RECIPES = {
    "cpu": HeadRecipe("head", _CPU_HEAD, _CPU_LOOP),
    "cpu-no-window": HeadRecipe(
        "head",
        replace(
            _CPU_HEAD,
            head=HeadConfig(landmarks=_ONE_FRAME),
            sampling=replace(_CPU_HEAD.sampling, window=_ONE_FRAME.window),
        ),
        _CPU_LOOP,
    ),
    "small": HeadRecipe(
        "head",
        HeadSettings(_SMALL_HEAD, RaySampling(rays=768, patch=64), HeadLosses(patch=2e-3), patch_after=30_000),
        replace(_LOOP, steps=50_000, validate_every=2500, save_every=2500),
    ),
    "full": HeadRecipe(
        "head",
        HeadSettings(_FULL_HEAD, RaySampling(rays=4096, patch=128), HeadLosses(patch=2e-3), patch_after=60_000),
        replace(_LOOP, steps=80_000, learning_rate=1e-3, validate_every=4000, save_every=4000, workers=8),
    ),
    "paper": HeadRecipe(
        "head",
        HeadSettings(
            HeadConfig(kind="frequency"),
            RaySampling(rays=800, inside=0.95, mouth=0.0),
            HeadLosses(mask=0.0, entropy=0.0, change=0.0),
            collapse_after=5000,
        ),
        replace(_LOOP, steps=400_000, batch_size=2, learning_rate=5e-4, validate_every=20_000, save_every=5000),
    ),
}
"""Recipes of `visavox train head`."""

TORSO_RECIPES = {
    "cpu": TorsoRecipe("torso", TorsoSettings(), _CPU_TORSO_LOOP),
    "cpu-no-head": TorsoRecipe("torso", TorsoSettings(TorsoConfig(head_aware=False)), _CPU_TORSO_LOOP),
    "small": TorsoRecipe(
        "torso",
        TorsoSettings(
            TorsoConfig(deformation=DeformationConfig(resolution=384)), RaySampling(rays=768, mouth=0.0, margin=0.04)
        ),
        replace(_LOOP, steps=20_000, validate_every=2500, save_every=2500),
    ),
    "full": TorsoRecipe(
        "torso",
        TorsoSettings(
            TorsoConfig(deformation=DeformationConfig(resolution=768, place_octaves=8, color_width=64)),
            RaySampling(rays=4096, mouth=0.0, margin=0.04),
        ),
        replace(_LOOP, steps=50_000, learning_rate=1e-3, validate_every=4000, save_every=4000, workers=8),
    ),
    "paper": TorsoRecipe(
        "torso",
        TorsoSettings(
            TorsoConfig(kind="radiance", radiance=FrequencyFieldConfig()),
            RaySampling(rays=800, inside=0.95, mouth=0.0),
            collapse_after=5000,
        ),
        replace(_LOOP, steps=400_000, batch_size=2, learning_rate=5e-4, validate_every=20_000, save_every=5000),
    ),
}
"""Recipes of `visavox train torso`."""


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
