"""Small recipes under the names of the presets, and data of the bundled clip, so that a build takes seconds."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.avatar.conftest import SETTINGS
from tests.training.radiance.test_avatar_stages import EVERYTHING, TORSO

from visavox.avatar.build import evaluation
from visavox.avatar.build.job import DATA_FOLDER, BuildResult, build_avatar
from visavox.avatar.build.settings import BuildSettings
from visavox.avatar.dataset.prepare import Prepared
from visavox.demo import FACE
from visavox.models.motion.postnet import MotionCriticConfig, PostNetConfig
from visavox.progress import QUIET, Progress
from visavox.training.motion.recipes import PERSON_POSTNET_RECIPES
from visavox.training.radiance.recipes import HEAD_RECIPES, TORSO_RECIPES
from visavox.training.recipe import loop_of_steps

DATA = replace(SETTINGS, size=None)
"""For the three seconds of the bundled clip, in the size of the preset."""


def shrink_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four steps of tiny networks in place of the recipes that a build takes, and few frames to measure."""
    monkeypatch.setattr(evaluation, "MOST_FRAMES", 4)
    four = EVERYTHING.loop
    head = replace(EVERYTHING.settings, validation_frames=1)
    torso = replace(TORSO.settings, validation_frames=1, sampling=replace(TORSO.settings.sampling, rays=60))
    monkeypatch.setitem(HEAD_RECIPES, "cpu", replace(EVERYTHING, settings=head))
    monkeypatch.setitem(TORSO_RECIPES, "cpu", replace(TORSO, settings=torso, loop=four))
    compact = PERSON_POSTNET_RECIPES["compact"]
    stage = replace(compact.settings, network=PostNetConfig(channels=(8, 8)), critic=MotionCriticConfig(channels=(8,)))
    loop = replace(loop_of_steps(compact.loop, 4), batch_size=4, workers=0, validate_every=2, save_every=2)
    monkeypatch.setitem(PERSON_POSTNET_RECIPES, "compact", replace(compact, settings=stage, loop=loop))


@pytest.fixture
def small_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shrink the recipes for one test."""
    shrink_recipes(monkeypatch)


def begin(prepared: Prepared, folder: Path) -> Path:
    """An avatar whose data set is there."""
    shutil.copytree(prepared.data.folder, folder / DATA_FOLDER)
    return folder


def build(folder: Path, progress: Progress = QUIET, **settings: Any) -> BuildResult:
    """Build an avatar of the bundled clip."""
    return build_avatar(FACE, folder, BuildSettings(**settings), DATA, progress)
