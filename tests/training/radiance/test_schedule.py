"""How long trainings are: as many updates as were asked for, or as a time allows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.small_person import make_person
from tests.training.radiance.test_avatar_stages import EVERYTHING, TORSO

from visavox.training.motion.recipes import POSTNET_RECIPES
from visavox.training.radiance import recipes
from visavox.training.radiance.recipes import HEAD_RECIPES, TORSO_RECIPES, Pace, divide, measure_paces
from visavox.training.recipe import FEWEST_STEPS, loop_of_steps


@pytest.mark.parametrize("share", [0.25, 3])
def test_a_recipe_of_another_length_is_validated_as_often(share: float) -> None:
    for recipe in (HEAD_RECIPES["small"], TORSO_RECIPES["cpu"], POSTNET_RECIPES["compact"]):
        steps = round(share * recipe.loop.steps)
        other = recipe.of_steps(steps)
        assert other.loop.steps == steps
        assert steps / other.loop.validate_every == pytest.approx(
            recipe.loop.steps / recipe.loop.validate_every, rel=0.1
        )
        assert other.loop.save_every <= recipe.loop.save_every
        assert recipe.of_steps(recipe.loop.steps) == recipe
    head = HEAD_RECIPES["small"].of_steps(500)
    assert (
        head.settings.patch_after / 500 == HEAD_RECIPES["small"].settings.patch_after / HEAD_RECIPES["small"].loop.steps
    )


def test_the_shortest_run_is_a_run() -> None:
    loop = loop_of_steps(HEAD_RECIPES["cpu"].loop, 1)
    assert (loop.steps, loop.warmup, loop.validate_every, loop.save_every, loop.log_every) == (1, 1, 1, 1, 1)


def test_a_time_is_divided_as_the_recipes_divide_theirs() -> None:
    head, torso = HEAD_RECIPES["cpu"], TORSO_RECIPES["cpu"]
    paces = (Pace(update=0.1, validations=40.0), Pace(update=0.05, validations=20.0))
    # 2000 s and 400 s of updates by the recipes; 60 s of validations.
    assert divide(60 + 1200, head, torso, paces) == (10_000, 4000)
    assert divide(1.0, head, torso, paces) == (FEWEST_STEPS, FEWEST_STEPS)


def test_paces_are_measured_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "_UPDATES", 4)
    person = make_person(tmp_path / "person")
    before = sorted(tmp_path.rglob("*"))
    torso = replace(TORSO, settings=replace(TORSO.settings, validation_frames=1))
    paces = measure_paces(person, EVERYTHING, torso)
    assert sorted(tmp_path.rglob("*")) == before
    assert all(0 < pace.update < 60 for pace in paces)
    assert all(0 < pace.validations < 600 for pace in paces)
