"""The steps of a build after the data set: head, torso, post-net, evaluation, and the avatar packed of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from visavox.avatar.build.settings import BUILD_STEPS, BuildSettings, BuildStep
from visavox.avatar.dataset import DataSettings, Prepared
from visavox.avatar.format import NEEDED, AvatarInfo, AvatarSource, SourceCrop, SourceVideo, write_avatar
from visavox.data.generator import MANIFEST_NAME
from visavox.data.radiance import PersonData
from visavox.errors import TrainingError
from visavox.models.radiance import Head, Torso
from visavox.progress import Progress
from visavox.runtime.files import short_digest
from visavox.runtime.resumable import ResumableSteps, key_of
from visavox.training.run_folder import BEST_NAME, RunFolder
from visavox.types import HeadPose, Motion
from visavox.weights import find_model, read_info, short_weights_digest

if TYPE_CHECKING:
    from visavox.training import Inputs, Recipe
    from visavox.training.motion import PostNetRecipe
    from visavox.training.radiance import HeadRecipe, TorsoRecipe

logger = logging.getLogger(__name__)

TRAINING_FOLDER = "training"
"""Folder of the runs; it may be deleted when the avatar is packed."""
STAGES_FILE = "stages.json"
"""In the folder of the runs: the steps that are done."""
SHEET_FILE = "measured.png"
"""Held-out frames: true, rendered, and their difference."""
VERSION = 1
"""Grows when the same data and settings begin to give another avatar."""


def progress_of_step(progress: Progress, step: BuildStep) -> Progress:
    """Return a progress whose stages say how far the build is."""
    return progress.under(f"{step} ({BUILD_STEPS.index(step) + 1} of {len(BUILD_STEPS)})")


@dataclass(frozen=True)
class _Recipes:
    """Recipes of the trainings, in their lengths."""

    head: HeadRecipe
    torso: TorsoRecipe
    postnet: PostNetRecipe


class TrainingSteps:
    """The steps of a build after the data set.

    Args:
        folder: the avatar.
        prepared: its data set.
        data: how that was prepared.
        settings: how the avatar is learned.
        progress: takes the events.
    """

    def __init__(
        self, folder: Path, prepared: Prepared, data: DataSettings, settings: BuildSettings, progress: Progress
    ) -> None:
        from visavox.training import RunSettings

        self.folder, self.prepared, self.data = folder, prepared, prepared.data
        self.settings, self.progress = settings, progress
        self.run_settings = RunSettings(device=settings.device, workers=settings.workers)
        self.stages = ResumableSteps(folder / TRAINING_FOLDER / STAGES_FILE, folder)
        marks = prepared.marks
        self.seen = key_of(VERSION, marks["pictures"], marks["motion"], data.test_share)
        self.audio_key = key_of(VERSION, marks["motion"], marks["speech"], data.test_share)
        self.recipes = self._choose_recipes()
        self.head_key = key_of(self.seen, self.recipes.head.identity())
        self.torso_key = key_of(self.head_key, self.recipes.torso.identity())
        self.without_postnet = ""
        """Reason for which the avatar has no post-net; empty if it has one."""

    def run(self, wanted: Sequence[BuildStep]) -> dict[str, Any]:
        """Do what is wanted of the stages; return what was measured."""
        values: dict[str, Any] = {}
        trainings = {"head": self._learn_head, "torso": self._learn_torso, "postnet": self._learn_postnet}
        for step in wanted:
            self.progress.raise_if_cancelled()
            if step in trainings:
                trainings[step]()
            elif step == "measured":
                values = self._measure()
            elif step == "packed":
                values = self._pack(values)
        return values

    def _choose_recipes(self) -> _Recipes:
        """Find the recipes of the preset, in the length that was asked for."""
        from visavox.training.motion import PERSON_POSTNET_RECIPES
        from visavox.training.radiance import HEAD_RECIPES, TORSO_RECIPES

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
        from visavox.training.radiance import divide, measure_paces

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
        from visavox.training.radiance import TorsoInputs

        inputs = TorsoInputs(head=str(self._weights("head")))
        self._train("torso", self.torso_key, self.recipes.torso, inputs)

    def _learn_postnet(self) -> None:
        from visavox.training import SHIPPED_SYNCNET
        from visavox.training.motion import PersonPostNetInputs, TooLittleSpeech, is_worth_having

        settings = self.settings
        others = None if settings.dataset is None else short_digest(settings.dataset / MANIFEST_NAME)
        weights = [short_weights_digest(find_model(name)) for name in (settings.motion, SHIPPED_SYNCNET)]
        key = key_of(self.audio_key, self.recipes.postnet.identity(), weights, others)

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
                "the avatar goes without a post-net (%s): it speaks from its face at rest, and moves as much as the "
                "person does",
                self.without_postnet,
            )

    def _measure(self) -> dict[str, Any]:
        from visavox.avatar.build.evaluation import measure
        from visavox.training.radiance import load_patch_loss
        from visavox.weights import load_model

        def work() -> dict[str, Any]:
            device = self.run_settings.kind_of_device()
            head = load_model(self._weights("head"), Head, device=device)
            torso = load_model(self._weights("torso"), Torso, device=device)
            sheet, progress = self.folder / SHEET_FILE, progress_of_step(self.progress, "measured")
            return dict(measure(head, torso, self.data, load_patch_loss("face-features"), sheet, progress=progress))

        return dict(self.stages.run("measured", key_of(self.torso_key), [SHEET_FILE], work))

    def _pack(self, values: dict[str, Any]) -> dict[str, Any]:
        settings, known = self.settings, self.prepared.values
        weights = {name: self._weights(name) for name in ("head", "torso", "postnet")}
        if self.without_postnet:
            del weights["postnet"]
            values = {**values, "without_postnet": self.without_postnet}

        def work() -> None:
            pack(self.folder, self.data, known, settings, values, weights)

        written = [settings.preset, settings.motion, settings.licence, settings.attribution]
        learned = [short_digest(path) for path in weights.values()]
        self.stages.run("packed", key_of(VERSION, learned, values, written, known["footage"]), NEEDED, work)
        return values

    def _weights(self, name: str) -> Path:
        """Return the best weights of a training."""
        return self.folder / TRAINING_FOLDER / name / BEST_NAME

    def _train(self, name: BuildStep, key: str, recipe: Recipe[Any], inputs: Inputs | None = None) -> dict[str, Any]:
        """Train in a run folder, or go on with it; return the quality that the weights state.

        Args:
            name: of the stage.
            key: decides its result.
            recipe: task, network, samples, losses and schedule.
            inputs: weights that the task takes.
        """
        from visavox.training import train

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
                    progress=progress_of_step(self.progress, name),
                )
            if not run.best.is_file():
                raise TrainingError(
                    f"no validation of the {name} gave a number; look at the images in {self.data.folder}"
                )
            return dict(read_info(run.best).card.quality)

        makes, workspace = (str(path.relative_to(self.folder)) for path in (best, best.parent))
        return dict(self.stages.run(name, key, [makes], work, workspace=workspace))


def pack(
    folder: Path,
    data: PersonData,
    known: Mapping[str, Any],
    settings: BuildSettings,
    values: Mapping[str, Any],
    weights: Mapping[str, Path],
) -> None:
    """Write an avatar: weights, performance, empty scene, and what is known of it.

    Args:
        folder: the avatar.
        data: the person's data set.
        known: what `data.json` says of it.
        settings: how the avatar was built.
        values: what was measured.
        weights: files of `head` and `torso`, and of `postnet` where the avatar has one.

    Raises:
        InputError: the folder cannot be written.
    """
    intervals = data.split["train"]
    frames = np.concatenate([np.arange(start, stop) for start, stop in intervals])
    ends = np.cumsum([stop - start for start, stop in intervals]).tolist()
    of_all = data.motion
    source = _source(known)
    info = AvatarInfo(
        size=data.size,
        camera=data.camera,
        stretches=tuple(zip([0, *ends[:-1]], ends, strict=True)),
        motion=settings.motion,
        preset=settings.preset,
        licence=settings.licence,
        attribution=settings.attribution,
        source=source,
        values=values,
    )
    write_avatar(
        folder,
        info,
        weights,
        motion=Motion(of_all.displacements[frames], of_all.confidence[frames], of_all.neutral),
        pose=HeadPose(data.rotations[frames], data.translations[frames], source.frame_size),
        background=np.array(data.background),
    )


def _source(known: Mapping[str, Any]) -> AvatarSource:
    """Return the videos as `data.json` names them."""
    source, crop = known["footage"], known["crop"]
    width, height = source["frame_size"]
    videos = tuple(SourceVideo(one["path"], one["frames"], one["lag"]) for one in source["files"])
    return AvatarSource(videos, SourceCrop(crop["x"], crop["y"], crop["side"]), (width, height))
