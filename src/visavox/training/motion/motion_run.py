"""From a prepared data set and a recipe to a run of a network of motion: what `visavox train` calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from visavox.audio.features.speech_features import SpeechFeatures, load_features
from visavox.constants import SAMPLE_RATE
from visavox.data.motion.motion_store import MotionStore, load_motion_store
from visavox.errors import InputError
from visavox.progress import QUIET, Progress
from visavox.training.generator.run import Job, digest, prepare_job
from visavox.training.motion.motion_recipes import MotionSyncRecipe, MotionVaeRecipe, PostNetRecipe
from visavox.training.motion.motion_syncnet import MotionSyncStage
from visavox.training.motion.motion_vae import MotionVaeStage
from visavox.training.motion.postnet import PostNetStage
from visavox.training.motion.postnet_sources import drawn_motion, postnet_sources, true_motion
from visavox.training.run_settings import RunSettings
from visavox.types import PathLike
from visavox.weights.checkpoint import load_model

TRUE_MOTION = "true"
"""What commands take in place of a motion VAE for the true motion of other speakers."""
SHIPPED_SYNCNET = "motion-syncnet"
"""Name of the motion SyncNet that is shipped."""


def train_motion(
    dataset: PathLike,
    recipe: MotionVaeRecipe,
    run: PathLike,
    settings: RunSettings | None = None,
    *,
    sync: str | None = None,
    resume: bool = False,
    progress: Progress = QUIET,
) -> dict[str, float]:
    """Train a motion VAE; return the figures of the last validation.

    Args:
        dataset: prepared clips.
        recipe: what to train.
        run: folder of the run.
        settings: what differs from the recipe.
        sync: the motion SyncNet that judges; none by default. A resumed run keeps its own.
        resume: go on with the run in the folder.
        progress: where progress is shown.

    Raises:
        InputError: the data set, the run folder, the features or the motion SyncNet cannot be used.
        TrainingError: losses are no longer numbers.
    """
    job = prepare_job("motion", dataset, recipe.loop, run, settings, resume, progress)
    if resume:
        sync = sync or job.folder.config().get("sync")
    vae = recipe.stage.vae
    features = find_features(vae.features, vae.speech.feature_size)
    judge: Any = load_model(sync, network="motion_syncnet") if sync is not None else None
    if judge is not None and judge.config.features != vae.features:
        raise InputError(
            f"the motion SyncNet {sync} hears {judge.config.features} and the recipe's network {vae.features}; give a "
            "motion SyncNet for the same features."
        )
    train, validation = load_motions(job, features)
    stage = MotionVaeStage(
        recipe.stage,
        train,
        validation,
        silence=silent_row(features),
        level_columns=features.level_columns,
        sync=judge,
        device=job.fabric.device,
        seed=job.loop.seed,
    )
    return job.fit(stage, recipe.stage, None, sync=sync, sync_weights=digest(sync))


def train_motion_syncnet(
    dataset: PathLike,
    recipe: MotionSyncRecipe,
    run: PathLike,
    settings: RunSettings | None = None,
    *,
    start: str | None = None,
    resume: bool = False,
    progress: Progress = QUIET,
) -> dict[str, float]:
    """Train a motion SyncNet; return the figures of the last validation.

    Args:
        dataset: prepared clips.
        recipe: what to train.
        run: folder of the run.
        settings: what differs from the recipe.
        start: motion SyncNet to begin with; a new one by default.
        resume: go on with the run in the folder.
        progress: where progress is shown.

    Raises:
        InputError: the data set or the run folder cannot be used.
        TrainingError: losses are no longer numbers.
    """
    job = prepare_job("motion-syncnet", dataset, recipe.loop, run, settings, resume, progress)
    network = recipe.stage.network
    begun: Any = load_model(start, network="motion_syncnet") if start is not None and not resume else None
    if begun is not None and begun.config != network:
        raise InputError(f"{start} has other dimensions than the recipe's network; give weights of the same recipe.")
    features = find_features(network.features, network.feature_size)
    train, validation = load_motions(job, features)
    stage = MotionSyncStage(
        recipe.stage,
        train,
        validation,
        level_columns=features.level_columns,
        start=begun,
        device=job.fabric.device,
        seed=job.loop.seed,
    )
    return job.fit(stage, recipe.stage, basis=None)


def train_postnet(
    dataset: PathLike,
    recipe: PostNetRecipe,
    run: PathLike,
    settings: RunSettings | None = None,
    *,
    person: str,
    motion: str | None = None,
    sync: str = SHIPPED_SYNCNET,
    resume: bool = False,
    progress: Progress = QUIET,
) -> dict[str, float]:
    """Train the post-net of one person; return the figures of the last validation.

    Args:
        dataset: prepared clips of many speakers, the person among those of the training split.
        recipe: what to train.
        run: folder of the run.
        settings: what differs from the recipe.
        person: name of the person in the data set.
        motion: motion VAE whose motion the post-net takes in; None takes the true motion of the others. A resumed run
            keeps its own.
        sync: motion SyncNet that judges. A resumed run keeps its own.
        resume: go on with the run in the folder.
        progress: where progress is shown.

    Raises:
        InputError: the data set, the run folder, or a weights file cannot be used.
        TrainingError: losses are no longer numbers.
    """
    job = prepare_job("postnet", dataset, recipe.loop, run, settings, resume, progress)
    if resume:
        begun = job.folder.config()
        motion, sync = begun.get("motion", motion), begun.get("sync") or sync
    judge, speaker = load_pair(sync, motion, job.fabric.device)
    train, validation = load_motions(job, find_features(judge.config.features, judge.config.feature_size))
    draw = (
        true_motion(train)
        if speaker is None
        else drawn_motion(speaker, recipe.stage.num_draws, recipe.stage.temperature)
    )
    sources = postnet_sources(
        train,
        validation,
        person,
        draw,
        recipe.stage.held_out,
        num_clips=recipe.stage.num_clips,
        progress=job.progress,
    )
    stage = PostNetStage(recipe.stage, sources, judge, device=job.fabric.device, seed=job.loop.seed)
    entries = {"person": person, "motion": motion, "sync": sync}
    digests = {"motion_weights": digest(motion), "sync_weights": digest(sync)}
    return job.fit(stage, recipe.stage, None, **entries, **digests)


def load_pair(sync: str, motion: str | None, device: str | torch.device = "cpu") -> tuple[Any, Any]:
    """Load a motion SyncNet, and the motion VAE that hears the same; None for no motion VAE.

    Raises:
        InputError: a weights file cannot be used, or they hear something else.
    """
    judge: Any = load_model(sync, network="motion_syncnet")
    speaker: Any = load_model(motion, network="motion_vae", device=device) if motion is not None else None
    if speaker is not None and speaker.config.features != judge.config.features:
        raise InputError(
            f"the motion VAE {motion} hears {speaker.config.features} and the motion SyncNet {sync} hears "
            f"{judge.config.features}; give two that hear the same."
        )
    return judge, speaker


def find_features(name: str, feature_size: int) -> SpeechFeatures:
    """Make the speech features that a network hears.

    Raises:
        InputError: there are none of this name, or they have another size.
    """
    features = load_features(name)
    if features.size != feature_size:
        raise InputError(
            f"the features {name} have {features.size} numbers a row, and the network hears {feature_size}; give a "
            "recipe for these features."
        )
    return features


def load_motions(job: Job, features: SpeechFeatures) -> tuple[MotionStore, MotionStore]:
    """Load training and validation clips.

    Raises:
        InputError: the data set cannot be used.
    """
    train = load_motion_store(job.dataset, "train", features, progress=job.progress)
    return train, load_motion_store(job.dataset, "validation", features, progress=job.progress)


def silent_row(features: SpeechFeatures) -> np.ndarray:
    """A row of features of digital silence, float32 (C,), from the middle of a second of it."""
    rows = features.of(np.zeros(SAMPLE_RATE, np.float32))
    return rows[len(rows) // 2]
