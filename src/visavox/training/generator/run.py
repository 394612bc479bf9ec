"""From a prepared data set and a recipe to a run folder: what `visavox train` calls."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visavox.data.generator.clip_store import MANIFEST_NAME, ClipStore, load_store
from visavox.data.generator.mouth_motion import MotionBasis, load_basis, save_basis
from visavox.data.generator.mouth_reading import fit_mouth_reader
from visavox.errors import InputError, TrainingError
from visavox.losses.perceptual import LpipsLoss
from visavox.models.generator.motion_driven import MotionDub, MotionDubConfig
from visavox.progress import QUIET, Progress
from visavox.runtime.files import short_digest
from visavox.runtime.memory import keep_freed_memory
from visavox.training.generator.expert import ExpertStage
from visavox.training.generator.features import FeaturesStage
from visavox.training.generator.recipes import ExpertRecipe, FeaturesRecipe, SpeechRecipe, Wav2LipRecipe
from visavox.training.generator.speech import SpeechStage, rest_motion
from visavox.training.generator.start import load_start
from visavox.training.generator.wav2lip import Wav2LipSettings, Wav2LipStage
from visavox.training.loop import LoopSettings, Trainer
from visavox.training.processes import end_children
from visavox.training.run_folder import RunFolder
from visavox.training.run_settings import RunSettings, loop_settings, make_fabric
from visavox.training.stage import Stage
from visavox.types import PathLike
from visavox.weights.checkpoint import load_model
from visavox.weights.motion_terms import terms_path
from visavox.weights.networks import network_of
from visavox.weights.registry import find_model

if TYPE_CHECKING:
    from lightning.fabric import Fabric

logger = logging.getLogger(__name__)

SHIPPED_FEATURES = "face-features"
"""Name of the face features that are shipped."""
NUM_MOTIONS = 8
"""Numbers that describe a mouth where the network itself does not say how many."""


@dataclass(frozen=True)
class LpipsFiles:
    """The published numbers of LPIPS, where they are not in the usual places."""

    lpips_weights: Path | None = None
    """File with the ImageNet weights of the recipe's LPIPS network, for recipes with that loss; looked for, and fetched
    once, when left out."""
    lpips_linear: Path | None = None
    """File with the linear weights of LPIPS; likewise."""


@dataclass(frozen=True)
class Job:
    """One call of `visavox train`, checked as far as it can be before anything is loaded."""

    stage_name: str
    """`speech`, `expert`, `features`, or which generator."""
    dataset: Path
    """Prepared clips."""
    folder: RunFolder
    """Where the run goes."""
    fabric: Fabric
    """Where it is computed."""
    loop: LoopSettings
    """The recipe's, with what was asked for."""
    resume: bool
    """Whether the run is there already."""
    progress: Progress
    """Where progress is shown."""

    def fit(self, stage: Stage, settings: Any, basis: MotionBasis | None, **entries: Any) -> dict[str, float]:
        """Train; `entries` are written down beside the settings of stage and loop, a basis beside the weights."""
        keep_freed_memory()
        config = {
            "summary": f"prepared data set {self.dataset.resolve().name}",
            "stage_name": self.stage_name,
            "dataset": short_digest(self.dataset / MANIFEST_NAME),
            "processes": self.fabric.world_size,
            **entries,
            "loop": asdict(self.loop),
            "stage": asdict(settings),
        }
        trainer = Trainer(stage, self.loop, self.folder.path, self.fabric, config)
        if self.resume:
            self.folder.check_same(config)

        def fit() -> dict[str, float]:
            if self.fabric.is_global_zero:
                self.folder.path.mkdir(parents=True, exist_ok=True)
                if basis is not None:
                    save_basis(basis, terms_path(self.folder.best))
            return trainer.fit(self.progress, resume=self.resume)

        return _launched(self.fabric, fit)


def train_speech(
    dataset: PathLike,
    recipe: SpeechRecipe,
    run: PathLike,
    settings: RunSettings | None = None,
    *,
    start: str | None = None,
    resume: bool = False,
    progress: Progress = QUIET,
) -> dict[str, float]:
    """Teach a generator's speech branch; return the figures of the last validation.

    Args:
        dataset: prepared clips.
        recipe: what to train.
        run: folder of the run.
        settings: what differs from the recipe.
        start: weights of a generator whose motion basis is taken over, so that its painter understands the new branch
            (`visavox.weights.graft`); a basis of its own by default.
        resume: go on with the run in the folder.
        progress: where progress is shown.

    Raises:
        InputError: the data set or the run folder cannot be used.
        TrainingError: losses are no longer numbers.
    """
    motion = recipe.stage.generator.motion
    if motion is None:
        raise InputError("this recipe's generator has no speech branch to teach; choose one with `motion` set.")
    job = prepare_job("speech", dataset, recipe.loop, run, settings, resume, progress)
    train, validation = _load_clips(job)
    basis = _basis(job, train, motion.num_motions, start=start)
    apply_basis(basis, train, validation)
    rest = rest_motion(train, basis)
    stage = SpeechStage(
        recipe.stage,
        train,
        validation,
        rest=rest,
        opening_scale=basis.opening_scale,
        device=job.fabric.device,
        seed=job.loop.seed,
    )
    return job.fit(stage, recipe.stage, basis)


def train_expert(
    dataset: PathLike,
    recipe: ExpertRecipe,
    run: PathLike,
    settings: RunSettings | None = None,
    *,
    resume: bool = False,
    progress: Progress = QUIET,
) -> dict[str, float]:
    """Train an expert; return the figures of the last validation.

    Raises:
        InputError: the data set or the run folder cannot be used.
        TrainingError: losses are no longer numbers.
    """
    job = prepare_job("expert", dataset, recipe.loop, run, settings, resume, progress)
    train, validation = _load_clips(job)
    basis = _basis(job, train, NUM_MOTIONS, start=None)
    apply_basis(basis, train, validation)
    stage = ExpertStage(recipe.stage, train, validation, device=job.fabric.device, seed=job.loop.seed)
    return job.fit(stage, recipe.stage, basis)


def train_features(
    dataset: PathLike,
    recipe: FeaturesRecipe,
    run: PathLike,
    settings: RunSettings | None = None,
    *,
    start: str | None = None,
    resume: bool = False,
    progress: Progress = QUIET,
) -> dict[str, float]:
    """Train face features; return the figures of the last validation.

    Args:
        dataset: prepared clips.
        recipe: what to train.
        run: folder of the run.
        settings: what differs from the recipe.
        start: weights of a generator's speech branch, whose motion basis is taken over; one of its own by default.
        resume: go on with the run in the folder.
        progress: where progress is shown.

    Raises:
        InputError: the data set or the run folder cannot be used.
        TrainingError: losses are no longer numbers.
    """
    job = prepare_job("features", dataset, recipe.loop, run, settings, resume, progress)
    train, validation = _load_clips(job)
    basis = _basis(job, train, recipe.stage.features.num_motions, start=start)
    apply_basis(basis, train, validation)
    stage = FeaturesStage(recipe.stage, train, validation, device=job.fabric.device, seed=job.loop.seed)
    return job.fit(stage, recipe.stage, basis)


def train_wav2lip(
    dataset: PathLike,
    recipe: Wav2LipRecipe,
    run: PathLike,
    settings: RunSettings | None = None,
    *,
    start: str | None = None,
    expert: str | None = None,
    features: str = SHIPPED_FEATURES,
    lpips: LpipsFiles | None = None,
    resume: bool = False,
    progress: Progress = QUIET,
) -> dict[str, float]:
    """Train a generator, whichever the recipe builds; return the figures of the last validation.

    Args:
        dataset: prepared clips.
        recipe: what to train.
        run: folder of the run.
        settings: what differs from the recipe.
        start: weights to begin with: of the stage `speech`, or of an earlier run. Of another network's only the
            speech branch is taken, and a line says so.
        expert: the expert that judges; needed when the recipe has a sync loss. A resumed run keeps its own.
        features: face features, for recipes whose losses look at them. A resumed run keeps its own.
        lpips: where the published numbers of LPIPS are, for recipes with that loss; by default they are looked for in
            the usual places, and fetched if they are not there.
        resume: go on with the run in the folder.
        progress: where progress is shown.

    Raises:
        InputError: the data set, the run folder, or a weights file cannot be used.
        TrainingError: losses are no longer numbers.
    """
    config = recipe.stage.generator
    job = prepare_job(network_of(config), dataset, recipe.loop, run, settings, resume, progress)
    if resume:
        expert, start = expert or job.folder.config().get("expert"), None
        features = job.folder.config().get("features") or features
    if recipe.stage.losses.sync and expert is None:
        raise InputError("this recipe has a sync loss, and that needs an expert: give --expert WEIGHTS or NAME.")
    if config.motion is not None and start is None and not resume:
        raise InputError(
            "this recipe's generator goes on from another: give as --start the best.safetensors of `visavox train "
            f"{'wav2lip' if isinstance(config, MotionDubConfig) else 'speech'}`."
        )
    judge: Any = load_model(expert, network="expert") if expert is not None else None
    if judge is not None and judge.config.resolution != config.resolution:
        raise InputError(
            f"the expert {expert} judges crops of {judge.config.resolution} pixels and the generator paints "
            f"{config.resolution}; give an expert of the same resolution."
        )
    begun = load_start(start, config) if start is not None else None
    eyes = _load_features(features, recipe.stage)
    files = lpips or LpipsFiles()
    train, validation = _load_clips(job)
    num_motions = config.motion.num_motions if config.motion is not None else NUM_MOTIONS
    basis = _basis(job, train, num_motions, start=start if config.motion is not None else None)
    apply_basis(basis, train, validation)
    stage = Wav2LipStage(
        recipe.stage,
        train,
        validation,
        expert=judge,
        features=eyes,
        lpips=(
            LpipsLoss.load(recipe.stage.lpips_network, weights=files.lpips_weights, linear=files.lpips_linear)
            if recipe.stage.losses.lpips
            else None
        ),
        device=job.fabric.device,
        seed=job.loop.seed,
    )
    if begun is not None:
        stage.generator.load_state_dict({**stage.generator.state_dict(), **begun})
    if isinstance(stage.generator, MotionDub):
        _teach_reading(stage.generator, basis, recipe.stage.response, train, validation)
    judges = {"expert": expert, "features": features if eyes is not None else None}
    digests = {f"{name}_weights": digest(weights) for name, weights in judges.items()}
    return job.fit(stage, recipe.stage, basis, **judges, **digests)


def _load_features(name_or_path: str, settings: Wav2LipSettings) -> Any:
    """Load the face features that the losses look at, if they look at any."""
    if not settings.losses.need_features:
        return None
    features: Any = load_model(name_or_path, network="face_features")
    if features.config.resolution != settings.generator.resolution:
        raise InputError(
            f"the face features {name_or_path} see crops of {features.config.resolution} pixels and the generator "
            f"paints {settings.generator.resolution}; give features of the same resolution."
        )
    return features


def _teach_reading(
    generator: MotionDub, basis: MotionBasis, response: float, train: ClipStore, validation: ClipStore
) -> None:
    """Let a painter read 68 landmarks, and describe all mouths as it will read them in a dub."""
    reader = fit_mouth_reader(
        [stored.clip.displacements for stored in train.clips], [stored.motion for stored in train.clips], basis
    )
    reader.response.fill_(response)
    generator.mouth_reader.load_state_dict(reader.state_dict())
    for stored in (*train.clips, *validation.clips):
        stored.motion = reader.read(stored.clip.displacements)


def apply_basis(basis: MotionBasis, *stores: ClipStore) -> None:
    """Describe the mouths of all clips in the same terms."""
    for store in stores:
        store.apply_basis(basis)


def prepare_job(
    stage_name: str,
    dataset: PathLike,
    loop: LoopSettings,
    run: PathLike,
    settings: RunSettings | None,
    resume: bool,
    progress: Progress,
) -> Job:
    """Check a call of `visavox train` as far as it can be checked before anything is loaded.

    Raises:
        InputError: device, settings or run folder cannot be used.
    """
    settings, folder = settings or RunSettings(), RunFolder(run)
    device = settings.kind_of_device()
    loop = loop_settings(loop, settings, device, folder.config().get("loop") if resume else None)
    fabric = make_fabric(settings, device, loop.precision)
    if fabric.global_rank > 0:
        # The first process speaks for all of them, and decides when they end.
        progress = QUIET
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        logging.getLogger("visavox").setLevel(logging.ERROR)
    else:
        folder.check(resume=resume)
    return Job(stage_name, Path(dataset), folder, fabric, loop, resume, progress)


def _load_clips(job: Job) -> tuple[ClipStore, ClipStore]:
    train = load_store(job.dataset, "train", progress=job.progress)
    return train, load_store(job.dataset, "validation", progress=job.progress)


def _basis(job: Job, train: ClipStore, num_motions: int, *, start: str | None) -> MotionBasis:
    """Find the terms in which mouths are described: those of the weights that this run goes on from, or its own.

    They lie beside the weights: a network that was taught one motion basis understands no other.
    """
    path = terms_path(job.folder.best)
    if job.resume and path.is_file():
        return load_basis(path)
    if start is not None and terms_path(find_model(start)).is_file():
        basis = load_basis(terms_path(find_model(start)))
    else:
        if start is not None:
            logger.warning(
                "%s has no motion basis beside it (%s); a new one is made of %s, which is right only if that is what "
                "the weights were trained on",
                start,
                terms_path(Path(start)).name,
                job.dataset,
            )
        basis = train.fit_basis(num_motions)
    if basis.num_motions != num_motions:
        raise InputError(f"the motion basis beside {start} has {basis.num_motions} numbers, the recipe {num_motions}.")
    return basis


def digest(weights: str | None) -> str | None:
    """Return what tells weights from others of the same name; None for none."""
    return None if weights is None else short_digest(find_model(weights))


def _launched(fabric: Fabric, fit: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Start the other processes, if there are any, and train; they end here, only the first one tells how it went."""
    patience = 2.0
    try:
        fabric.launch()
        figures = fit()
        patience = 60.0
    except (TrainingError, KeyboardInterrupt):
        if fabric.global_rank > 0:
            raise SystemExit(0) from None
        raise
    finally:
        if fabric.global_rank == 0:
            end_children(fabric, patience)
    if fabric.global_rank > 0:
        raise SystemExit(0)
    return figures
