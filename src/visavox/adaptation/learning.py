"""The training of an adaptation: for as long as was asked, and never away from the start without a gain."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from visavox.adaptation.checks import AdaptRequest
from visavox.adaptation.clips import PersonClips
from visavox.data.generator import MANIFEST_NAME, ClipStore, CropAugmentation
from visavox.models.generator import LipSyncGenerator
from visavox.models.perceptual import MouthPerceptualNet
from visavox.models.sync import Expert
from visavox.progress import Progress
from visavox.runtime.files import short_digest
from visavox.training import (
    BEST_NAME,
    LoopSettings,
    Recipe,
    RunComplete,
    RunFolder,
    RunSettings,
    make_fabric,
    measure_pace,
    steps_within,
    train,
)
from visavox.training.generator import (
    AdaptationData,
    AdaptationInputs,
    AdaptationSettings,
    AdaptationStart,
    AdaptationTask,
    ClipSplits,
    FrozenNetworks,
    GeneratorLosses,
    rest_motion,
)
from visavox.weights import load_model

logger = logging.getLogger(__name__)

NUM_VALIDATIONS = 8
"""Validations of a training, each of which may find the best state."""
AUGMENTATION = CropAugmentation(angle=2.0, scale=0.04, brightness=0.05, contrast=0.08, saturation=0.1)
"""Changes of the images: one person in one light, so less than for everybody."""


@dataclass(frozen=True)
class Learned:
    """The result of the training."""

    weights: Path | None
    """The best weights; None where no part became better than it was."""
    improved: tuple[str, ...]
    """The parts that became better."""
    steps: int
    """Updates in all."""
    minutes: float
    """Minutes of training in this session."""
    validation: dict[str, dict[str, float]]
    """Values on the validation seconds before and after."""


def learn(request: AdaptRequest, clips: PersonClips, folder: Path, progress: Progress) -> Learned:
    """Train in a run folder, or go on with the run that it holds.

    Raises:
        InputError: the folder holds a run of something else.
        TrainingError: losses are no longer numbers.
        Cancelled: it was stopped, once a checkpoint was written.
    """
    settings = RunSettings(device=request.settings.device)
    resume = RunFolder(folder).checkpoint.is_file()
    data, inputs = _data(clips), _inputs(request, clips)
    recipe = Recipe("adapt", _settings(request, inputs, clips), _loop(request))
    if not resume:
        recipe = replace(recipe, loop=_scheduled(request, recipe, data, inputs, settings))
    seconds = 0.0
    try:
        result = train(recipe, data, folder, inputs=inputs, settings=settings, resume=resume, progress=progress)
        task, steps, seconds = result.task, result.steps, result.seconds
    except RunComplete as complete:  # an earlier session has trained to the end
        task, steps = complete.task, complete.task.step
    assert isinstance(task, AdaptationTask)
    fabric = make_fabric(settings, settings.kind_of_device(), _precision(folder))
    with fabric.autocast(), torch.no_grad():
        after = task.measure_best()
    return Learned(
        weights=folder / BEST_NAME if task.improved else None,
        improved=task.improved,
        steps=steps,
        minutes=seconds / 60,
        validation={"before": task.start_metrics, "after": after},
    )


def _precision(folder: Path) -> str:
    """Return the precision that the run of a folder was trained in."""
    return str(RunFolder(folder).config()["loop"]["precision"])


def _loop(request: AdaptRequest) -> LoopSettings:
    settings = request.settings
    # Of several consecutive frames a sample, for an expert, fewer samples: no more images than without one.
    frames = 1 if request.expert is None else request.expert.config["num_frames"]
    return LoopSettings(
        steps=settings.steps or 10_000,
        batch_size=max(2, settings.batch_size // frames),
        learning_rate=settings.learning_rate,
        average_decay=0.99,
        log_every=10,
        workers=settings.workers,
        precision="bf16-mixed",
        seed=settings.seed,
    )


def _scheduled(
    request: AdaptRequest,
    recipe: Recipe[AdaptationSettings],
    data: AdaptationData,
    inputs: AdaptationInputs,
    settings: RunSettings,
) -> LoopSettings:
    """Spread the schedule over as many steps as the time allows at the pace that is measured here."""
    loop, steps = recipe.loop, request.settings.steps
    if steps is None:

        def build(device: torch.device) -> AdaptationTask:
            return AdaptationTask(
                recipe.settings, data.clips, inputs.start, inputs.networks, device=device, seed=loop.seed
            )

        began = time.perf_counter()
        per_step, per_validation, _ = measure_pace(build, loop, settings)
        spent = time.perf_counter() - began + (NUM_VALIDATIONS + 2) * per_validation
        steps = steps_within(60 * request.settings.minutes - spent, per_step)
        logger.info("%.2f s a step: %d steps in %g minutes", per_step, steps, request.settings.minutes)
    every = max(1, -(-steps // NUM_VALIDATIONS))
    return replace(loop, steps=steps, warmup=max(1, min(100, steps // 10)), validate_every=every, save_every=every)


def _num_frames(store: ClipStore) -> int:
    return sum(stored.clip.num_frames for stored in store.clips)


def _data(clips: PersonClips) -> AdaptationData:
    return AdaptationData(
        ClipSplits(clips.train, clips.validation, clips.basis),
        f"{sum(clips.seconds.values()):.0f} s of one person",
        short_digest(clips.dataset / MANIFEST_NAME),
    )


def _inputs(request: AdaptRequest, clips: PersonClips) -> AdaptationInputs:
    """Load the generator and the frozen networks."""
    generator = load_model(request.start.path, LipSyncGenerator)
    expert = None if request.expert is None else load_model(request.expert.path, Expert)
    features = None if request.features is None else load_model(request.features.path, MouthPerceptualNet)
    rest = None if clips.basis is None else rest_motion(clips.train, clips.basis)
    start = AdaptationStart(generator, rest)
    return AdaptationInputs(start=start, networks=FrozenNetworks(expert, features), job=request.identity)


def _settings(request: AdaptRequest, inputs: AdaptationInputs, clips: PersonClips) -> AdaptationSettings:
    config, expert = inputs.start.generator.config, inputs.networks.expert
    return AdaptationSettings(
        config,
        losses=_losses(request, layered=config.spec.layered),
        # The motion that is predicted from the audio is not the true one: rendered from that against the true image, a
        # mouth learns to be soft and half open. It is only done where an expert evaluates the result.
        teacher_forcing=1.0 if expert is None else 0.5,
        mouth_weight=6.0,
        augmentation=AUGMENTATION,
        # One frame a sample, or five for an expert; more samples than frames would only render some of them again.
        validation_samples=min(64 if expert is None else 16, _num_frames(clips.validation)),
    )


def _losses(request: AdaptRequest, layered: bool) -> GeneratorLosses:
    """Losses of the renderer: more than its recipe has of those that keep it sharp, because it has few steps."""
    return GeneratorLosses(
        detail=6.0,
        alpha=0.02 if layered else 0.0,
        sync=0.0 if request.expert is None else 0.03,
        mouth_motion=0.0 if request.features is None else 0.05,
        perceptual=0.0 if request.features is None else 0.6,
    )
