"""Task that trains a generator, with a frozen expert and a discriminator where the settings ask for them.

A new run may start from the weights of another generator (`load_start`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from visavox.errors import InputError
from visavox.models.generator import (
    SPEECH_BRANCH,
    GeneratorConfig,
    LipSyncGenerator,
    MotionConditioner,
    MouthMotion,
    MouthMotionConfig,
    SpeechBranchConfig,
    fit_mouth_code,
)
from visavox.models.perceptual import MouthPerceptualNet
from visavox.models.sync import Expert
from visavox.training.generator.clips import NUM_MOTIONS, ClipSplits
from visavox.training.generator.rendering import FaceGeneration, FrozenNetworks
from visavox.training.generator.settings import GeneratorSettings
from visavox.training.recipe import SHIPPED_FEATURES, LpipsInputs
from visavox.training.run_folder import RunFolder
from visavox.training.task import UNSTATED_LICENCE, Batch, Context, OptimizerStep, TrainingTask, Validation
from visavox.weights import NETWORKS, ModelCard, converted_checkpoint, load_model, network_of, save_model

logger = logging.getLogger(__name__)


def load_start(start: str, config: GeneratorConfig) -> dict[str, Tensor]:
    """Load the weights that a generator of these dimensions can begin with.

    From the same network: all of them. A motion-driven generator takes all but the speech branch from a Wav2Lip of
    the same dimensions. From another network: those of the speech branch, if it takes the same audio and predicts the
    same motion; the rest starts untrained, with a warning.

    Args:
        start: name or path of a generator's weights.
        config: dimensions of the generator that is to be trained.

    Returns:
        Part or all of the generator's state dict, float or int (any shape).

    Raises:
        InputError: there is no such file, it holds no generator, or one that does not fit.
    """
    model = load_model(start)
    if not isinstance(model, LipSyncGenerator):
        noun = NETWORKS[network_of(model.config)].noun
        raise InputError(f"{start} is {noun}; a generator starts from the weights of a generator")
    state, given = model.state_dict(), model.config
    if given == config:
        return state
    if isinstance(config.conditioner, MouthMotionConfig) and _driven_by_motion(given) == config:
        return {name: tensor for name, tensor in state.items() if not name.startswith(SPEECH_BRANCH)}
    if type(given.renderer) is type(config.renderer):
        raise InputError(f"{start} has other dimensions than the recipe's generator; give weights of the same recipe")
    noun, wanted = NETWORKS[network_of(given)].noun, NETWORKS[network_of(config)].noun
    own_branch = isinstance(config.conditioner, SpeechBranchConfig)
    if not own_branch or (given.conditioner, given.spec.audio) != (config.conditioner, config.spec.audio):
        raise InputError(
            f"{start} is {noun}, of which {wanted} can take the speech branch alone, and the recipe's has "
            f"{'other dimensions' if own_branch else 'none'}; give weights of the same recipe"
        )
    logger.warning(
        "of %s, which is %s, the speech branch is taken; all else of %s, which is trained here, begins untrained",
        start,
        noun,
        wanted,
    )
    return {name: tensor for name, tensor in state.items() if name.startswith(SPEECH_BRANCH)}


def _driven_by_motion(config: GeneratorConfig) -> GeneratorConfig | None:
    """Return what a generator with a speech branch is without it: the same renderer, driven by motion."""
    branch = config.conditioner
    if not isinstance(branch, SpeechBranchConfig):
        return None
    conditioner = MouthMotionConfig(branch.num_motions, branch.condition)
    return replace(config, spec=replace(config.spec, audio=None), conditioner=conditioner)


@dataclass(frozen=True, kw_only=True)
class GeneratorInputs(LpipsInputs):
    """Weights that a generator is trained with."""

    weights: ClassVar[tuple[str, ...]] = ("expert", "features")
    only_new: ClassVar[tuple[str, ...]] = ("start",)

    start: str | None = None
    """Weights to begin with: the best.safetensors of the task `speech`, or of an earlier run. Of another network's only
    the speech branch is taken, and a line says so."""
    expert: str | None = None
    """Expert of the sync loss, for recipes that have it: a name, or the best.safetensors of the task `expert`."""
    features: str | None = SHIPPED_FEATURES
    """Face features, for recipes whose losses look through them: a name, or the best.safetensors of the task
    `features`."""


class GeneratorTask(TrainingTask):
    """Trains a generator."""

    inputs = GeneratorInputs

    def __init__(
        self,
        settings: GeneratorSettings,
        clips: ClipSplits,
        networks: FrozenNetworks,
        *,
        device: torch.device,
        seed: int,
    ) -> None:
        self.settings, self.clips = settings, clips
        self.faces = FaceGeneration(settings, clips, networks, device, seed)
        self.modules = self.faces.modules
        # The speech branch is taught beforehand (task `speech`); it learns on here only where an expert evaluates it.
        named = self.faces.generator.named_parameters()
        trained = {n: p for n, p in named if settings.losses.sync > 0 or not n.startswith(SPEECH_BRANCH)}
        self._trained = list(trained)
        self.optimizers = {"generator": torch.optim.Adam(trained.values(), lr=0.0, betas=settings.betas)}
        if self.faces.discriminator is not None:
            parameters = self.faces.discriminator.parameters()
            self.optimizers["discriminator"] = torch.optim.Adam(parameters, lr=0.0, betas=settings.betas)

    @classmethod
    def check(
        cls, settings: GeneratorSettings, inputs: GeneratorInputs, *, device: str, resume: bool
    ) -> GeneratorInputs:
        """Refuse a recipe whose expert or start is missing.

        Raises:
            InputError: it is.
        """
        if settings.losses.sync and inputs.expert is None:
            raise InputError("this recipe has a sync loss, and that needs an expert: give --expert WEIGHTS or NAME")
        if settings.generator.num_motions is not None and inputs.start is None and not resume:
            before = "speech" if settings.generator.spec.audio is not None else "wav2lip"
            raise InputError(
                "this recipe's generator goes on from another: give as --start the best.safetensors of `visavox train "
                f"{before}`"
            )
        return inputs if settings.losses.need_features else replace(inputs, features=None)

    @classmethod
    def create(cls, settings: GeneratorSettings, data: Any, inputs: GeneratorInputs, context: Context) -> GeneratorTask:
        """Load clips and weights and build the networks.

        Raises:
            InputError: the data set or a weights file cannot be used.
        """
        config, start = settings.generator, inputs.start
        expert = _expert(settings, inputs.expert)
        start_weights = load_start(start, config) if start is not None else None
        features = _features(settings, inputs.features)
        lpips = inputs.load_lpips(settings.lpips_network) if settings.losses.lpips else None
        clips = ClipSplits.load(
            data,
            config.num_motions or NUM_MOTIONS,
            context,
            audio=config.spec.audio,
            start=None if config.num_motions is None else start,
        )
        networks = FrozenNetworks(expert, features, lpips)
        task = cls(settings, clips, networks, device=context.device, seed=context.seed)
        if start_weights is not None:
            generator = task.faces.generator
            generator.load_state_dict({**generator.state_dict(), **start_weights})
        conditioner = task.faces.generator.conditioner
        if isinstance(conditioner, MotionConditioner) and clips.basis is not None:
            conditioner.motion_basis.set(clips.basis)
        if isinstance(conditioner, MouthMotion):
            task._fit_mouth_code(conditioner)
        return task

    def _fit_mouth_code(self, conditioner: MouthMotion) -> None:
        """Fit the code of 68 landmarks, and describe all mouths as it will encode them in a dub."""
        clips = self.clips
        assert clips.basis is not None
        train = clips.train.clips
        code = fit_mouth_code(
            [stored.clip.displacements for stored in train], [stored.motion for stored in train], clips.basis
        )
        code.motion_gain.fill_(self.settings.motion_gain)
        conditioner.mouth_code.load_state_dict(code.state_dict())
        for stored in (*train, *clips.validation.clips):
            stored.motion = code.encode(stored.clip.displacements)

    def begin_run(self, run: RunFolder) -> None:
        """Keep the motion basis in the run."""
        self.clips.save_basis(run)

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless samples of the training clips."""
        return self.faces.dataset(seed, length)

    def averaged(self) -> nn.Module:
        """Return the generator."""
        return self.faces.generator

    def optimizer_steps(self) -> list[OptimizerStep[Any]]:
        """Return the step of the generator, then that of the discriminator."""
        faces = self.faces
        steps: list[OptimizerStep[Any]] = [
            OptimizerStep("generator", self.optimizers["generator"], faces.render, faces.losses())
        ]
        if faces.discriminator is not None:
            steps.append(faces.discriminator_step(self.optimizers["discriminator"]))
        return steps

    def validate(self) -> Validation:
        """Render frames of validation speakers from the audio and from the true motion.

        The score is the weighted L1 of what is rendered from the condition that the network is trained on, plus the
        sync loss where the recipe has one.
        """
        metrics, images = self.faces.measure()
        by_motion = self.settings.generator.num_motions is not None and self.settings.teacher_forcing == 1
        condition = "motion" if by_motion else "audio"
        score = self.faces.score(metrics, condition, sharp=self.faces.discriminator is not None)
        return Validation(metrics, score, images)

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the generator as a weights file."""
        noun = NETWORKS[network_of(self.settings.generator)].noun.split(" ", 1)[1]
        card = ModelCard(f"{noun} trained with visavox", training, UNSTATED_LICENCE, quality)
        save_model(path, self.faces.generator, card)

    def converted_checkpoint(self, state: dict[str, Any]) -> dict[str, Any]:
        """Give the tensors of an earlier version their names of today."""
        return converted_checkpoint(state, self.faces.generator, [self._trained])

    def extra_state(self) -> dict[str, Any]:
        """Return the state of the sync gate."""
        return {"gate_is_open": self.faces.gate.is_open}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        """Take back the state of the sync gate."""
        self.faces.gate.is_open = state["gate_is_open"]


def _expert(settings: GeneratorSettings, name: str | None) -> Expert | None:
    """Load the expert, if there is one.

    Raises:
        InputError: it cannot be used, or takes crops of another size.
    """
    size = settings.generator.resolution
    expert = load_model(name, Expert) if name is not None else None
    if expert is not None and expert.config.resolution != size:
        raise InputError(
            f"the expert {name} takes crops of {expert.config.resolution} pixels and the generator renders {size}; "
            "give an expert of the same resolution"
        )
    return expert


def _features(settings: GeneratorSettings, name: str | None) -> MouthPerceptualNet | None:
    """Load the face features, if there are any.

    Raises:
        InputError: they cannot be used, or take crops of another size.
    """
    size = settings.generator.resolution
    features = load_model(name, MouthPerceptualNet) if name is not None else None
    if features is not None and features.config.resolution != size:
        raise InputError(
            f"the face features {name} take crops of {features.config.resolution} pixels and the generator renders "
            f"{size}; give features of the same resolution"
        )
    return features
