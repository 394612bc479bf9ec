"""Named, fully written-out configurations that train the head and the torso of one person.

`cpu` renders 128 pixels after less than an hour on two cores, `small` 256, `full` 512 on a GPU. `paper` is the field
and the schedule that GeneFace was published with. `cpu-no-window` and `cpu-no-head` are `cpu` with a part left out, to
see what that part is good for; nobody should build an avatar by them.
"""

from __future__ import annotations

from dataclasses import replace

from visavox.data.radiance.ray_dataset import RaySampling
from visavox.models.radiance.frequency_field import FrequencyFieldConfig
from visavox.models.radiance.grid_field import GridFieldConfig
from visavox.models.radiance.head import HeadConfig
from visavox.models.radiance.landmark_encoder import LandmarkEncoderConfig
from visavox.models.radiance.torso import DeformationConfig, TorsoConfig
from visavox.training.radiance.head import HeadLosses, HeadSettings
from visavox.training.radiance.torso import TorsoSettings
from visavox.training.recipe import LoopSettings, Recipe

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
