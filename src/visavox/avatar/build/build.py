"""From footage to an avatar: the data set, then what is learned from it.

    data ─► head ─► torso ─► post-net ─► measured ─► packed

Every stage keeps what it made, and a training its last checkpoint: the same call after an interruption goes on where
the earlier one was ended, and a changed setting redoes what it touches.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visavox.avatar.build.build_settings import STAGES, BuildSettings, Stage
from visavox.avatar.dataset.checks import check_headers
from visavox.avatar.dataset.footage import find_footage
from visavox.avatar.dataset.prepare import Prepared, prepare_person
from visavox.avatar.dataset.settings import DataSettings
from visavox.avatar.format.avatar_folder import INFO_FILE, NEEDED
from visavox.data.generator.clip_store import MANIFEST_NAME, read_manifest
from visavox.errors import InputError, TrainingError
from visavox.models.radiance.head import Head
from visavox.models.radiance.torso import Torso
from visavox.progress import QUIET, Progress
from visavox.runtime.files import short_digest
from visavox.runtime.lock import locked
from visavox.runtime.resumable import Stages, key_of
from visavox.training.run_folder import BEST_NAME, RunFolder
from visavox.types import PathLike
from visavox.weights.digest import short_weights_digest
from visavox.weights.registry import WEIGHTS_FOLDER, find_model
from visavox.weights.weights_file import read_info

if TYPE_CHECKING:
    from visavox.training.inputs import Inputs
    from visavox.training.motion.recipes import PostNetRecipe
    from visavox.training.radiance.recipes import HeadRecipe, TorsoRecipe
    from visavox.training.recipe import Recipe

logger = logging.getLogger(__name__)

DATA_FOLDER = "data"
"""Folder of the data set within that of the avatar."""
TRAINING_FOLDER = "training"
"""Folder of the runs; it may be deleted when the avatar is packed."""
STAGES_FILE = "stages.json"
"""In the folder of the runs: what is done."""
SHEET_FILE = "measured.png"
"""Held-out frames: true, drawn, and their difference."""
VERSION = 1
"""Grows when the same data and settings begin to give another avatar."""


@dataclass(frozen=True)
class Built:
    """What a build left."""

    folder: Path
    """The avatar."""
    prepared: Prepared
    """Its data set."""
    figures: Mapping[str, Any]
    """What was measured on held-out frames; empty where the build did not come so far."""
    stages: tuple[Stage, ...]
    """What is done."""

    @property
    def can_speak(self) -> bool:
        """Whether the avatar is whole, or was stopped before."""
        return self.stages == STAGES


def build_avatar(
    location: PathLike,
    folder: PathLike,
    settings: BuildSettings | None = None,
    data: DataSettings | None = None,
    progress: Progress = QUIET,
) -> Built:
    """Build an avatar of a person, or go on with it where an earlier call was ended.

    Args:
        location: a video of the person, or a folder with videos of one fixed camera.
        folder: where the avatar goes; its data set goes to `data` in it, and the runs to `training`.
        settings: how it is learned.
        data: how the footage is prepared; its size is that of the preset.
        progress: where bars are drawn.

    Raises:
        InputError: the footage cannot become an avatar, or the folder or a setting cannot be used; said as early as it
            is known.
        TrainingError: a training went wrong again and again.
        Cancelled: it was stopped, once a checkpoint was written; the same call goes on.
    """
    settings, data, target = settings or BuildSettings(), data or DataSettings(), Path(folder)
    settings.check_size(data)
    data = replace(data, size=settings.size)
    _check_folder(target)
    check_headers(find_footage(location), data)
    wanted = STAGES[: STAGES.index(settings.until) + 1]
    if len(wanted) > 1:
        settings = _checked(settings)
    prepared = prepare_person(location, target / DATA_FOLDER, data, _under(progress, "data"))
    if len(wanted) == 1:
        return Built(target, prepared, {}, wanted)
    training = target / TRAINING_FOLDER
    with locked(training / "lock", "visavox avatar build", target):
        figures = _Learning(target, prepared, data, settings, progress).run(wanted)
    return Built(target, prepared, figures, wanted)


def _check_folder(folder: Path) -> None:
    """Refuse a folder that is a file, or holds something else.

    Raises:
        InputError: it does.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the avatar")
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if names and not names & {DATA_FOLDER, TRAINING_FOLDER, INFO_FILE}:
        raise InputError(f"{folder} holds something that visavox avatar build did not make; give a new or empty folder")


def _checked(settings: BuildSettings) -> BuildSettings:
    """Refuse before the work what would be refused after hours; weights by a name that holds anywhere.

    Raises:
        InputError: device, data set or weights cannot be used.
    """
    from visavox.runtime.device import choose_device
    from visavox.training.inputs import SHIPPED_SYNCNET
    from visavox.training.motion.speech import load_pair

    choose_device(settings.device)
    if settings.dataset is not None:
        read_manifest(settings.dataset)
    load_pair(SHIPPED_SYNCNET, settings.motion)
    path = find_model(settings.motion)
    is_own = path.parent != WEIGHTS_FOLDER and not settings.motion.startswith("hf:")
    return replace(settings, motion=str(path.resolve())) if is_own else settings


def _under(progress: Progress, stage: Stage) -> Progress:
    """Bars that say how far the build is."""
    return progress.under(f"{stage} ({STAGES.index(stage) + 1} of {len(STAGES)})")


@dataclass(frozen=True)
class _Recipes:
    """What is trained, and how long."""

    head: HeadRecipe
    torso: TorsoRecipe
    postnet: PostNetRecipe


class _Learning:
    """The stages after the data set.

    Args:
        folder: the avatar.
        prepared: its data set.
        data: how that was prepared.
        settings: how the avatar is learned.
        progress: where bars are drawn.
    """

    def __init__(
        self, folder: Path, prepared: Prepared, data: DataSettings, settings: BuildSettings, progress: Progress
    ) -> None:
        from visavox.training.run_settings import RunSettings

        self.folder, self.prepared, self.data = folder, prepared, prepared.data
        self.settings, self.progress = settings, progress
        self.run_settings = RunSettings(device=settings.device, workers=settings.workers)
        self.stages = Stages(folder / TRAINING_FOLDER / STAGES_FILE, folder)
        marks = prepared.marks
        self.seen = key_of(VERSION, marks["pictures"], marks["motion"], data.test_share)
        self.heard = key_of(VERSION, marks["motion"], marks["speech"], data.test_share)
        self.recipes = self._choose_recipes()
        self.head_key = key_of(self.seen, self.recipes.head.identity())
        self.torso_key = key_of(self.head_key, self.recipes.torso.identity())
        self.without_postnet = ""
        """Why the avatar has no post-net; empty if it has one."""

    def run(self, wanted: Sequence[Stage]) -> dict[str, Any]:
        """Do what is wanted of the stages; return what was measured."""
        figures: dict[str, Any] = {}
        if "head" in wanted:
            self._learn_head()
        if "torso" in wanted:
            self._learn_torso()
        if "postnet" in wanted:
            self._learn_postnet()
        if "measured" in wanted:
            figures = self._measure()
        if "packed" in wanted:
            figures = self._pack(figures)
        return figures

    def _choose_recipes(self) -> _Recipes:
        """Find the recipes of the preset, in the length that was asked for."""
        from visavox.training.motion.recipes import PERSON_POSTNET_RECIPES
        from visavox.training.radiance.recipes import HEAD_RECIPES, TORSO_RECIPES

        settings = self.settings
        head, torso = HEAD_RECIPES[settings.preset], TORSO_RECIPES[settings.preset]
        postnet = PERSON_POSTNET_RECIPES["compact"]
        head_steps, torso_steps = settings.head_steps, settings.torso_steps
        if settings.minutes is not None:
            head_steps, torso_steps = self._steps_within(60 * settings.minutes, head, torso)
        head = head.of_steps(head_steps or head.loop.steps)
        torso = torso.of_steps(torso_steps or torso.loop.steps)
        postnet = postnet.of_steps(settings.postnet_steps or postnet.loop.steps)
        return _Recipes(
            replace(head, loop=replace(head.loop, seed=settings.seed)),
            replace(torso, loop=replace(torso.loop, seed=settings.seed)),
            replace(postnet, loop=replace(postnet.loop, seed=settings.seed)),
        )

    def _steps_within(self, seconds: float, head: HeadRecipe, torso: TorsoRecipe) -> tuple[int, int]:
        """Divide a time between head and torso, once: a build that goes on keeps to what it began with."""
        from visavox.training.radiance.division import divide, measure_paces

        def work() -> dict[str, Any]:
            paces = measure_paces(self.data.folder, head, torso, self.run_settings)
            for_head, for_torso = divide(seconds, head, torso, paces)
            return {"head": for_head, "torso": for_torso}

        key = key_of(self.seen, seconds, head.identity(), torso.identity(), self.settings.device)
        steps = self.stages.run("schedule", key, [], work)
        logger.info("%d steps of the head and %d of the torso in %g minutes", *steps.values(), seconds / 60)
        return steps["head"], steps["torso"]

    def _learn_head(self) -> None:
        self._train("head", self.head_key, self.recipes.head)

    def _learn_torso(self) -> None:
        from visavox.training.radiance.torso import TorsoInputs

        inputs = TorsoInputs(head=str(self._weights("head")))
        self._train("torso", self.torso_key, self.recipes.torso, inputs)

    def _learn_postnet(self) -> None:
        from visavox.training.inputs import SHIPPED_SYNCNET
        from visavox.training.motion.person_postnet import PersonPostNetInputs
        from visavox.training.motion.postnet import is_worth_having
        from visavox.training.motion.postnet_sources import TooLittleSpeech

        settings = self.settings
        others = None if settings.dataset is None else short_digest(settings.dataset / MANIFEST_NAME)
        weights = [short_weights_digest(find_model(name)) for name in (settings.motion, SHIPPED_SYNCNET)]
        key = key_of(self.heard, self.recipes.postnet.identity(), weights, others)

        inputs = PersonPostNetInputs(motion=settings.motion, others=settings.dataset)
        try:
            quality = self._train("postnet", key, self.recipes.postnet, inputs)
        except TooLittleSpeech as error:
            self.without_postnet = str(error)
        else:
            if not is_worth_having(quality):
                self.without_postnet = "it is no better than an exchange of the mean faces"
        if self.without_postnet:
            logger.warning(
                "the avatar goes without a post-net (%s): it speaks from its face at rest, and as widely as the person "
                "moves",
                self.without_postnet,
            )

    def _measure(self) -> dict[str, Any]:
        from visavox.avatar.build.measure import measure
        from visavox.training.radiance.person import load_patch_loss
        from visavox.weights.checkpoint import load_model

        def work() -> dict[str, Any]:
            device = self.run_settings.kind_of_device()
            head = load_model(self._weights("head"), Head, device=device)
            torso = load_model(self._weights("torso"), Torso, device=device)
            sheet, progress = self.folder / SHEET_FILE, _under(self.progress, "measured")
            return dict(measure(head, torso, self.data, load_patch_loss("face-features"), sheet, progress=progress))

        return dict(self.stages.run("measured", key_of(self.torso_key), [SHEET_FILE], work))

    def _pack(self, figures: dict[str, Any]) -> dict[str, Any]:
        from visavox.avatar.build.packing import pack

        settings, known = self.settings, self.prepared.figures
        weights = {name: self._weights(name) for name in ("head", "torso")}
        postnet = None if self.without_postnet else self._weights("postnet")
        if self.without_postnet:
            figures = {**figures, "without_postnet": self.without_postnet}

        def work() -> None:
            pack(self.folder, self.data, known, settings, figures, **weights, postnet=postnet)

        said = [settings.preset, settings.motion, settings.licence, settings.attribution]
        learned = [short_digest(path) for path in (*weights.values(), postnet) if path is not None]
        self.stages.run("packed", key_of(VERSION, learned, figures, said, known["footage"]), NEEDED, work)
        return figures

    def _weights(self, name: str) -> Path:
        """What a training came to."""
        return self.folder / TRAINING_FOLDER / name / BEST_NAME

    def _train(self, name: Stage, key: str, recipe: Recipe[Any], inputs: Inputs | None = None) -> dict[str, Any]:
        """Train in a run folder, or go on with it; return the quality that the weights state.

        Args:
            name: of the stage.
            key: decides its result.
            recipe: task, network, samples, losses and schedule.
            inputs: weights that the task takes.
        """
        from visavox.training.run import train

        best = self._weights(name)

        def work() -> dict[str, Any]:
            run = RunFolder(best.parent)
            if run.finished() is None:
                train(
                    recipe,
                    self.data.folder,
                    run.path,
                    inputs=inputs,
                    settings=self.run_settings,
                    resume=run.checkpoint.is_file(),
                    progress=_under(self.progress, name),
                )
            if not run.best.is_file():
                raise TrainingError(
                    f"no validation of the {name} gave a number; look at the pictures in {self.data.folder}"
                )
            return dict(read_info(run.best).card.quality)

        makes, workspace = (str(path.relative_to(self.folder)) for path in (best, best.parent))
        return dict(self.stages.run(name, key, [makes], work, workspace=workspace))
