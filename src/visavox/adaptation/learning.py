"""The training of an adaptation: for as long as was asked, and never away from the start without a gain."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from visavox.adaptation.checks import Job
from visavox.adaptation.footage import Footage
from visavox.data.generator.clip_store import MANIFEST_NAME, ClipStore
from visavox.data.generator.picture_augmentation import PictureAugmentation
from visavox.progress import Progress
from visavox.runtime.files import short_digest
from visavox.runtime.memory import keep_freed_memory
from visavox.training.generator.adapt import AdaptationSettings, AdaptStage
from visavox.training.generator.speech import rest_motion
from visavox.training.generator.wav2lip import Wav2LipLosses
from visavox.training.loop import LoopSettings, Trainer
from visavox.training.run_folder import RunFolder
from visavox.training.run_settings import RunSettings, loop_settings, make_fabric
from visavox.training.schedule import steps_within
from visavox.weights.checkpoint import load_model

logger = logging.getLogger(__name__)

NUM_VALIDATIONS = 8
"""Validations of a training, each of which may find the best state."""
AUGMENTATION = PictureAugmentation(angle=2.0, scale=0.04, brightness=0.05, contrast=0.08, saturation=0.1)
"""How pictures are changed: one person in one light, so less than for everybody."""


@dataclass(frozen=True)
class Learned:
    """What the training came to."""

    weights: Path | None
    """The best weights; None where no part became better than it was."""
    improved: tuple[str, ...]
    """The parts that became better."""
    steps: int
    """Updates in all."""
    minutes: float
    """Minutes of training in this session."""
    validation: dict[str, dict[str, float]]
    """Figures on the validation seconds before and after."""


def learn(job: Job, footage: Footage, folder: Path, progress: Progress) -> Learned:
    """Train in a run folder, or go on with the run that it holds.

    Raises:
        InputError: the folder holds a run of something else.
        TrainingError: losses are no longer numbers.
        KeyboardInterrupt: after Ctrl-C, once a checkpoint is written.
    """
    keep_freed_memory()
    run, wanted = RunFolder(folder), RunSettings(device=job.settings.device)
    resume = run.checkpoint.is_file()
    device = wanted.kind_of_device()
    loop = loop_settings(_loop(job), wanted, device, run.config().get("loop") if resume else None)
    fabric = make_fabric(wanted, device, loop.precision)
    fabric.launch()
    stage = _stage(job, footage, fabric.device, loop.seed)
    began = time.perf_counter()
    with fabric.autocast(), torch.no_grad():
        before = stage.begin()
    validation_seconds = time.perf_counter() - began
    if not resume:
        loop = _scheduled(job, loop, validation_seconds, Trainer(stage, loop, folder, fabric, {}))
    config = {
        "summary": f"{sum(footage.seconds.values()):.0f} s of one person",
        "stage_name": "adapt",
        "dataset": short_digest(footage.dataset / MANIFEST_NAME),
        "processes": 1,
        "recipe": job.identity,
        "loop": asdict(loop),
        "stage": asdict(stage.settings),
    }
    trainer = Trainer(stage, loop, folder, fabric, config)
    trainer.best_score = stage.score
    began = time.perf_counter()
    _fit(trainer, run, resume, progress)
    minutes = (time.perf_counter() - began) / 60
    with fabric.autocast(), torch.no_grad():
        after = stage.measure_best()
    return Learned(
        weights=run.best if stage.improved else None,
        improved=stage.improved,
        steps=trainer.step,
        minutes=minutes,
        validation={"before": before, "after": after},
    )


def _fit(trainer: Trainer, run: RunFolder, resume: bool, progress: Progress) -> None:
    """Train to the end; nothing where an earlier session has done so."""
    if resume:
        run.check_same(trainer.config)
        trainer.load()
        if trainer.step >= trainer.settings.steps:
            return
    trainer.fit(progress, resume=resume)


def _loop(job: Job) -> LoopSettings:
    chosen = job.settings
    # Of several consecutive frames a sample, for an expert, fewer samples: no more pictures than without one.
    frames = 1 if job.expert is None else job.expert.config["num_frames"]
    return LoopSettings(
        steps=chosen.steps or 10_000,
        batch_size=max(2, chosen.batch_size // frames),
        learning_rate=chosen.learning_rate,
        average_decay=0.99,
        log_every=10,
        workers=chosen.workers,
        precision="bf16-mixed",
        seed=chosen.seed,
    )


def _scheduled(job: Job, loop: LoopSettings, validation_seconds: float, trial: Trainer) -> LoopSettings:
    """Spread the schedule over as many steps as the time allows at the speed that is measured here."""
    steps = job.settings.steps
    if steps is None:
        began = time.perf_counter()
        per_step = trial.seconds_per_step()
        spent = time.perf_counter() - began + (NUM_VALIDATIONS + 2) * validation_seconds
        steps = steps_within(60 * job.settings.minutes - spent, per_step)
        logger.info("%.2f s a step: %d steps in %g minutes", per_step, steps, job.settings.minutes)
    every = max(1, -(-steps // NUM_VALIDATIONS))
    return replace(loop, steps=steps, warmup=max(1, min(100, steps // 10)), validate_every=every, save_every=every)


def _num_frames(store: ClipStore) -> int:
    return sum(stored.clip.num_frames for stored in store.clips)


def _stage(job: Job, footage: Footage, device: torch.device, seed: int) -> AdaptStage:
    start: Any = load_model(job.start.path)
    expert: Any = None if job.expert is None else load_model(job.expert.path, network="expert")
    features: Any = None if job.features is None else load_model(job.features.path, network="face_features")
    settings = AdaptationSettings(
        start.config,
        losses=_losses(job, bends=start.config.warp_reference),
        # What is heard is not what was said: painted from that against the true picture, a mouth learns to be soft and
        # half open. It is only done where an expert judges the speech branch by what is painted.
        true_motion=1.0 if expert is None else 0.5,
        mouth_weight=6.0,
        augmentation=AUGMENTATION,
        # One frame a sample, or five for an expert; more samples than frames would only paint some of them again.
        validation_samples=min(64 if expert is None else 16, _num_frames(footage.validation)),
    )
    rest = None if footage.basis is None else rest_motion(footage.train, footage.basis)
    return AdaptStage(
        settings,
        footage.train,
        footage.validation,
        start=start,
        crop=job.start.card.crop,
        rest=rest,
        expert=expert,
        features=features,
        device=device,
        seed=seed,
    )


def _losses(job: Job, bends: bool) -> Wav2LipLosses:
    """What the painter learns by: more than its recipe has of what keeps it sharp, for it has few steps to learn in."""
    return Wav2LipLosses(
        detail=6.0,
        cover=0.02 if bends else 0.0,
        sync=0.0 if job.expert is None else 0.03,
        reading=0.0 if job.features is None else 0.05,
        perceptual=0.0 if job.features is None else 0.6,
    )
