"""From a person's data set to their post-net: what `visavox avatar build` calls after head and torso."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from visavox.audio.features.speech_features import SpeechFeatures
from visavox.data.motion.motion_store import MotionStore, load_motion_store
from visavox.data.radiance.person_data import PersonData
from visavox.progress import QUIET, Progress
from visavox.training.generator.run import digest
from visavox.training.motion.motion_recipes import PostNetRecipe
from visavox.training.motion.motion_run import SHIPPED_SYNCNET, find_features, load_pair
from visavox.training.motion.postnet import PostNetStage
from visavox.training.motion.postnet_sources import drawn_motion, person_clips, person_sources
from visavox.training.radiance.avatar_run import fit_person
from visavox.training.run_settings import RunSettings
from visavox.training.stage import Stage
from visavox.types import PathLike

SHIPPED_MOTION = "motion"
"""Name of the motion VAE that is shipped."""


def train_person_postnet(
    person: PathLike,
    recipe: PostNetRecipe,
    run: PathLike,
    settings: RunSettings | None = None,
    *,
    motion: str = SHIPPED_MOTION,
    sync: str = SHIPPED_SYNCNET,
    dataset: Path | None = None,
    resume: bool = False,
    progress: Progress = QUIET,
) -> dict[str, float]:
    """Train the post-net of one person on their own footage; return the figures of the last validation.

    Motion that comes in is what the motion VAE draws for the person's own speech. The last clips of the training part
    are not trained on: they choose the weights.

    Args:
        person: a person's data set (`visavox.data.radiance.person_data`).
        recipe: what to train.
        run: folder of the run.
        settings: what differs from the recipe.
        motion: motion VAE whose motion the post-net takes in.
        sync: motion SyncNet that judges.
        dataset: prepared clips of other speakers, whose speech is heard too, and whose validation speakers measure.
        resume: go on with the run in the folder.
        progress: where progress is shown.

    Raises:
        InputError: data set, run folder or a weights file cannot be used; `TooLittleSpeech` where the footage does not
            suffice.
        TrainingError: losses are no longer numbers, again and again.
    """
    data, settings = PersonData.load(person), settings or RunSettings()
    judge, speaker = load_pair(sync, motion, settings.kind_of_device())
    features = find_features(judge.config.features, judge.config.feature_size)
    sources = person_sources(
        person_clips(data, features, recipe.stage.num_frames),
        drawn_motion(speaker, recipe.stage.num_draws, recipe.stage.temperature),
        recipe.stage.held_out,
        None if dataset is None else _others(dataset, features, progress),
        num_clips=recipe.stage.num_clips,
        progress=progress,
    )

    def build(fabric: Any, seed: int) -> Stage:
        return PostNetStage(recipe.stage, sources, judge, device=fabric.device, seed=seed)

    entries = {"motion": motion, "sync": sync, "motion_weights": digest(motion), "sync_weights": digest(sync)}
    return fit_person("postnet", data, recipe, build, run, settings, resume, progress, entries)


def _others(dataset: Path, features: SpeechFeatures, progress: Progress) -> tuple[MotionStore, MotionStore]:
    train = load_motion_store(dataset, "train", features, progress=progress)
    return train, load_motion_store(dataset, "validation", features, progress=progress)
