"""From a person's data set and a recipe to a run folder: what `visavox train head` and `visavox train torso` call."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from visavox.data.radiance.person_data import CAMERA, MOTION, SPLIT, PersonData
from visavox.errors import InputError, TrainingError
from visavox.losses.perceptual import LpipsLoss
from visavox.losses.radiance import PatchJudge, feature_judge
from visavox.models.radiance.compiled import check_compiler, compile_networks
from visavox.models.radiance.head import Head
from visavox.progress import QUIET, Progress
from visavox.runtime.files import short_digest
from visavox.runtime.memory import keep_freed_memory
from visavox.training.generator.run import SHIPPED_FEATURES, LpipsFiles
from visavox.training.loop import LoopSettings, Trainer
from visavox.training.motion.motion_recipes import PostNetRecipe
from visavox.training.radiance.avatar_recipes import HeadRecipe, TorsoRecipe
from visavox.training.radiance.head import HeadStage
from visavox.training.radiance.torso import TorsoStage
from visavox.training.run_folder import RunFolder
from visavox.training.run_settings import RunSettings, loop_settings, make_fabric
from visavox.training.stage import Stage
from visavox.types import PathLike
from visavox.weights.checkpoint import load_model
from visavox.weights.registry import find_model

logger = logging.getLogger(__name__)

RESTARTS = 3
"""How often a run that collapsed is begun again."""
_PATCH_SIZE = 64
"""Side that patches of mouths are brought to for the face features."""

Judge = Literal["face-features", "lpips"]


def train_head(
    person: PathLike,
    recipe: HeadRecipe,
    run: PathLike,
    settings: RunSettings | None = None,
    *,
    judge: Judge = "face-features",
    lpips: LpipsFiles | None = None,
    compile: bool = False,
    resume: bool = False,
    progress: Progress = QUIET,
) -> dict[str, float]:
    """Train the head of one person; return the figures of the last validation.

    A run whose head stays empty, or whose losses are no longer numbers, is begun again with another seed.

    Args:
        person: a person's data set (`visavox.data.radiance.person_data`).
        recipe: what to train.
        run: folder of the run.
        settings: what differs from the recipe.
        judge: what compares mouths, for recipes with that loss: the shipped face features, or LPIPS.
        lpips: where the published numbers of LPIPS are.
        compile: compile the head when it is first used; on a CUDA device only.
        resume: go on with the run in the folder.
        progress: where progress is shown.

    Raises:
        InputError: the data set or the run folder cannot be used.
        TrainingError: it collapsed again and again.
    """
    if compile:
        check_compiler((settings or RunSettings()).kind_of_device())
    data = PersonData.load(person)
    if recipe.stage.sampling.patch > data.size:
        raise InputError(
            f"this recipe looks at squares of {recipe.stage.sampling.patch} pixels, and the pictures of {person} have "
            f"{data.size}; choose a smaller recipe, or prepare the person larger."
        )
    looks = load_judge(judge, lpips) if recipe.stage.losses.patch else None

    def build(fabric: Any, seed: int) -> Stage:
        module = looks.to(fabric.device) if isinstance(looks, LpipsLoss) else looks
        stage = HeadStage(recipe.stage, data, judge=module, device=fabric.device, seed=seed)
        if compile:
            compile_networks(stage.head)
        return stage

    entries = {"judge": judge if looks is not None else None}
    return fit_person("head", data, recipe, build, run, settings, resume, progress, entries)


def train_torso(
    person: PathLike,
    recipe: TorsoRecipe,
    run: PathLike,
    settings: RunSettings | None = None,
    *,
    head: str,
    compile: bool = False,
    resume: bool = False,
    progress: Progress = QUIET,
) -> dict[str, float]:
    """Train the torso of one person under their head; return the figures of the last validation.

    Args:
        person: a person's data set.
        recipe: what to train.
        run: folder of the run.
        settings: what differs from the recipe.
        head: the weights that `train_head` wrote.
        compile: compile head and torso when they are first used; on a CUDA device only.
        resume: go on with the run in the folder.
        progress: where progress is shown.

    Raises:
        InputError: the data set, the head, or the run folder cannot be used.
        TrainingError: it collapsed again and again.
    """
    if compile:
        check_compiler((settings or RunSettings()).kind_of_device())
    data, painted = PersonData.load(person), load_model(head, network="head")
    assert isinstance(painted, Head)

    def build(fabric: Any, seed: int) -> Stage:
        stage = TorsoStage(recipe.stage, data, head=painted, device=fabric.device, seed=seed)
        if compile:
            compile_networks(stage.head, stage.torso)
        return stage

    entries = {"head": short_digest(find_model(head))}
    return fit_person("torso", data, recipe, build, run, settings, resume, progress, entries)


def fit_person(
    name: str,
    data: PersonData,
    recipe: HeadRecipe | TorsoRecipe | PostNetRecipe,
    build: Callable[[Any, int], Stage],
    run: PathLike,
    settings: RunSettings | None,
    resume: bool,
    progress: Progress,
    entries: dict[str, Any],
) -> dict[str, float]:
    """Train a stage on one person's data set, and begin again with another seed if it collapses.

    Args:
        name: of the stage.
        data: the person.
        recipe: what to train, and how.
        build: makes the stage, of the Fabric that computes and a seed.
        run: folder of the run.
        settings: what differs from the recipe.
        resume: go on with the run in the folder.
        progress: where progress is shown.
        entries: what else is written down of the run.

    Returns:
        The figures of the last validation.

    Raises:
        InputError: the run folder or the settings cannot be used.
        TrainingError: it collapsed again and again.
    """
    settings, folder = settings or RunSettings(), RunFolder(run)
    if settings.devices * settings.nodes > 1:
        raise InputError("an avatar is trained by one process; leave --devices and --nodes at 1.")
    device = settings.kind_of_device()
    loop = loop_settings(recipe.loop, settings, device, folder.config().get("loop") if resume else None)
    folder.check(resume=resume)
    keep_freed_memory()
    for attempt in range(RESTARTS + 1):
        fabric = make_fabric(settings, device, loop.precision)
        config = {
            "summary": f"data set {data.folder.resolve().name}",
            "stage_name": name,
            "dataset": _digest(data.folder),
            **entries,
            "loop": asdict(loop),
            "stage": asdict(recipe.stage),
        }
        try:
            return Trainer(build(fabric, loop.seed), loop, folder.path, fabric, config).fit(progress, resume=resume)
        except TrainingError as error:
            if attempt == RESTARTS:
                raise TrainingError(
                    f"{error}; {RESTARTS + 1} runs with different seeds went the same way: look at the pictures of "
                    f"{data.folder}, or give a smaller --learning-rate."
                ) from error
            loop, resume = replace(loop, seed=_next_seed(loop)), False
            logger.warning("%s; it begins again with seed %d", error, loop.seed)
            folder.clear()
    raise AssertionError


def _next_seed(loop: LoopSettings) -> int:
    return (loop.seed + 1) % 2**31


def _digest(folder: Path) -> str:
    """Tell data sets apart by their small files."""
    return short_digest(*(folder / name for name in (MOTION, CAMERA, SPLIT)))


def load_judge(judge: Judge, lpips: LpipsFiles | None = None) -> PatchJudge:
    """Load what compares mouths: the shipped face features, or LPIPS.

    Raises:
        InputError: the published numbers of LPIPS are nowhere to be had.
    """
    if judge == "lpips":
        files = lpips or LpipsFiles()
        return LpipsLoss.load("alex", weights=files.lpips_weights, linear=files.lpips_linear)
    features: Any = load_model(SHIPPED_FEATURES, network="face_features")
    return feature_judge(features.requires_grad_(False).stages, _PATCH_SIZE)
