"""Rendering for training: a generator renders training faces, frozen networks compare them with the true ones.

`FaceGeneration` is shared by all tasks that train a generator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import Dataset

from visavox.data.generator import NO_AUGMENTATION, FaceDataset, FaceSampling, build_sample, draw_change
from visavox.losses import (
    LpipsLoss,
    cosine_bce,
    detail_difference,
    feature_distance,
    mouth_motion_distance,
    normalized_feature_distance,
    real_or_generated,
    stack_mouths,
    weighted_gradient_l1,
    weighted_l1,
)
from visavox.models.generator import (
    Layers,
    LipSyncGenerator,
    MotionConditioner,
    QualityDiscriminator,
    RegionSpec,
    SpeechBranch,
    composited,
)
from visavox.models.perceptual import MouthPerceptualNet
from visavox.models.sync import Expert
from visavox.training.generator.clips import ClipSplits, PreparedBatch, sharpness, side_by_side
from visavox.training.generator.settings import GeneratorSettings
from visavox.training.task import Batch, OptimizerStep, ValidationGate, WeightedLoss, to_channels_last
from visavox.weights import build_generator


@dataclass(frozen=True)
class FrozenNetworks:
    """Networks that losses and validation look through; none of them is trained."""

    expert: Expert | None = None
    """Expert of the sync loss."""
    features: MouthPerceptualNet | None = None
    """Face features of the losses `mouth_motion` and `perceptual`."""
    lpips: LpipsLoss | None = None
    """LPIPS of the loss of that name."""


class FacePair:
    """Generated faces beside the true ones; what face features see in them is computed once, when it is asked for."""

    def __init__(self, generated: Tensor, truth: Tensor, weight: Tensor, networks: FrozenNetworks) -> None:
        """Take the faces.

        Args:
            generated: float (B, 3, H, W) in [0, 1].
            truth: the same, the true faces.
            weight: (B, 1, H, W) of mean 1, where a difference counts.
            networks: frozen networks.
        """
        self.generated, self.truth, self.weight, self.networks = generated, truth, weight, networks

    def reconstruction(self) -> Tensor:
        """Weighted L1 (`weighted_l1`): float32 scalar, 0 or more, of colours in [0, 1]."""
        return weighted_l1(self.generated, self.truth, self.weight)

    def gradient(self) -> Tensor:
        """Weighted L1 of the finite differences (`weighted_gradient_l1`): float32 scalar, 0 or more."""
        return weighted_gradient_l1(self.generated, self.truth, self.weight)

    def detail(self) -> Tensor:
        """Difference in the amount of fine detail (`detail_difference`): float32 scalar, 0 or more."""
        return detail_difference(self.generated, self.truth, self.weight)

    def lpips(self) -> Tensor:
        """Mean LPIPS of the pairs: float32 scalar, 0 or more."""
        assert self.networks.lpips is not None
        distances: Tensor = self.networks.lpips(self.generated, self.truth)
        return distances.mean()

    def mouth_motion(self) -> Tensor:
        """Distance of the motion that is read from the generated mouth from the one read from the true mouth.

        Returns:
            float32 scalar, 0 or more: smooth L1, in standard deviations over the training speakers.
        """
        (_, motion), (_, true_motion) = self._seen
        return mouth_motion_distance(motion, true_motion)

    def perceptual(self) -> Tensor:
        """Distance of the face features (`normalized_feature_distance`): float32 scalar in [0, 4]."""
        (features, _), (true_features, _) = self._seen
        return normalized_feature_distance(features, true_features).mean()

    @cached_property
    def _seen(self) -> tuple[Any, Any]:
        """Features and motion of the generated and of the true faces."""
        assert self.networks.features is not None
        with torch.no_grad():
            true = self.networks.features(self.truth)
        return self.networks.features(self.generated), true


class RenderedBatch(FacePair):
    """Outputs of the generator's forward pass for one training batch."""

    alpha: Tensor | None
    """(B, 1, H, W): share of generated colours over the warped reference; None of generators that do not warp it."""
    prepared: PreparedBatch
    """Inputs of the generator."""
    batch: Batch
    """The batch itself."""
    region: RegionSpec
    """Part of the faces that is generated, which alone the discriminator is shown."""
    discriminator: QualityDiscriminator | None = None
    """Discriminator, if there is one."""

    def mean_alpha(self) -> Tensor:
        """Share of generated colours in the region that is generated: float32 scalar in [0, 1]."""
        assert self.alpha is not None
        return (self.alpha.float() * self.prepared.region).mean()

    def adversarial(self) -> Tensor:
        """Loss of the discriminator, which is to take the generated mouths for true ones.

        Returns:
            float32 scalar in nats, 0 or more (`real_or_generated`).
        """
        return real_or_generated(self._discriminated[0], real=True)

    def feature_distance(self) -> Tensor:
        """Distance of the discriminator's features from those of the true mouths: scalar, 0 or more."""
        return feature_distance(*self._discriminated[1:])

    @cached_property
    def _discriminated(self) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Verdict on the generated mouths, and the discriminator's features of generated and of true ones."""
        assert self.discriminator is not None
        # It learns in its own step: here its gradients would be found for nothing.
        self.discriminator.requires_grad_(False)
        with torch.no_grad():
            _, true_features = self.discriminator.score(self.region.crop(self.truth))
        verdict, features = self.discriminator.score(self.region.crop(self.generated))
        return verdict, features, true_features


class FaceGeneration:
    """Generator, discriminator and frozen networks, with the losses and the validation that the settings ask for."""

    def __init__(
        self, settings: GeneratorSettings, clips: ClipSplits, networks: FrozenNetworks, device: torch.device, seed: int
    ) -> None:
        """Build the networks.

        Raises:
            ValueError: a loss has a weight, and its frozen network is not given.
        """
        torch.manual_seed(seed)
        if settings.losses.need_features and networks.features is None:
            raise ValueError("`mouth_motion` or `perceptual` has a weight, and no face features are given")
        if settings.losses.lpips and networks.lpips is None:
            raise ValueError("`lpips` has a weight, and no network for it is given")
        self.settings, self.clips, self.networks, self.device, self.seed = settings, clips, networks, device, seed
        config = settings.generator
        self.generator: LipSyncGenerator = to_channels_last(build_generator(config), device)
        self.conditioner = self.generator.conditioner
        self.audio_driven = config.spec.audio is not None
        self.discriminator: QualityDiscriminator | None = None
        if settings.discriminator is not None:
            self.discriminator = to_channels_last(QualityDiscriminator(settings.discriminator), device)
        # In eval mode while they look: the published training leaves the expert in train mode, so that its verdict
        # on a mouth depends on the other mouths of the batch.
        for frozen in (networks.expert, networks.features):
            if frozen is not None:
                frozen.to(device).eval().requires_grad_(False)
        if networks.lpips is not None:
            networks.lpips.to(device)
        self.gate = ValidationGate(settings.sync_threshold)
        expert = networks.expert.config if networks.expert is not None else None
        self.sampling = FaceSampling(
            config.resolution,
            audio=self.audio_driven,
            num_frames=expert.num_frames if expert and settings.losses.sync else settings.num_frames,
            expert_mel_window=expert.mel_window if expert else 16,
            expert_mel_lead=expert.mel_lead if expert else 0,
        )

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        """Networks that are trained, by name."""
        modules: dict[str, torch.nn.Module] = {"generator": self.generator}
        return modules if self.discriminator is None else modules | {"discriminator": self.discriminator}

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless samples of the training clips."""
        return FaceDataset(self.clips.train, self.sampling, self.settings.augmentation, seed=seed, length=length)

    def render(self, batch: Batch) -> RenderedBatch:
        """Render a training batch, and leave the result in it for the discriminator."""
        prepared = self._prepared(batch)
        self.generator.train(not self.settings.freeze_batch_norm)
        targets, references = prepared.faces[:, :3], prepared.faces[:, 3:]
        layers = self.generator.render(self._condition(prepared), targets, references)
        generated = composited(layers, references).float()
        alpha = layers.alpha if isinstance(layers, Layers) else None
        batch["generated"] = generated.detach()
        rendered = RenderedBatch(generated, prepared.truth, prepared.weight, self.networks)
        rendered.alpha, rendered.prepared, rendered.batch = alpha, prepared, batch
        rendered.region, rendered.discriminator = self.generator.spec.region, self.discriminator
        return rendered

    def losses(self) -> list[WeightedLoss[RenderedBatch]]:
        """Return the losses of the generator."""
        weights = self.settings.losses
        losses: list[WeightedLoss[Any]] = [
            WeightedLoss("reconstruction", weights.reconstruction, FacePair.reconstruction),
            WeightedLoss("gradient", weights.gradient, FacePair.gradient),
        ]
        if weights.detail:
            losses.append(WeightedLoss("detail", weights.detail, FacePair.detail))
        if self.settings.generator.spec.layered:
            losses.append(WeightedLoss("alpha", weights.alpha, RenderedBatch.mean_alpha))
        if weights.sync and self.networks.expert is not None:
            sync = WeightedLoss("sync", weights.sync, self._sync_loss, after=self.gate)
            losses.append(sync)
        losses += self._frozen_losses()
        if self.discriminator is not None:
            losses += [
                WeightedLoss("adversarial", weights.adversarial, RenderedBatch.adversarial),
                WeightedLoss("features", weights.features, RenderedBatch.feature_distance),
            ]
        return losses

    def _frozen_losses(self) -> Sequence[WeightedLoss[FacePair]]:
        """Losses of frozen networks that know faces or images; the validation measures them, too."""
        weights = self.settings.losses
        losses = [
            WeightedLoss("lpips", weights.lpips, FacePair.lpips),
            WeightedLoss("mouth_motion", weights.mouth_motion, FacePair.mouth_motion),
            WeightedLoss("perceptual", weights.perceptual, FacePair.perceptual),
        ]
        return [loss for loss in losses if loss.weight]

    def discriminator_step(self, optimizer: Optimizer) -> OptimizerStep[tuple[Tensor, Tensor]]:
        """Return the step of the discriminator: true mouths and those that the generator has just rendered.

        Its outputs are the verdicts on both, (B T, 1) each: the probability that a mouth is a photograph.
        """
        return OptimizerStep(
            "discriminator",
            optimizer,
            self._discriminate,
            [
                WeightedLoss("real", 1.0, lambda verdicts: real_or_generated(verdicts[0], real=True)),
                WeightedLoss("generated", 1.0, lambda verdicts: real_or_generated(verdicts[1], real=False)),
            ],
        )

    def _discriminate(self, batch: Batch) -> tuple[Tensor, Tensor]:
        assert self.discriminator is not None
        self.discriminator.requires_grad_(True)
        region, truth = self.generator.spec.region, batch["faces"].flatten(0, 1).float() / 255
        real, _ = self.discriminator.score(region.crop(truth))
        generated, _ = self.discriminator.score(region.crop(batch["generated"]))
        return real, generated

    def _condition(self, prepared: PreparedBatch) -> Tensor:
        """Condition of the renderer: from the true motion, from the audio, or some from each."""
        conditioner = self.conditioner
        if not isinstance(conditioner, MotionConditioner):
            return self.generator.condition(_given(prepared))
        motion = prepared.motion
        if isinstance(conditioner, SpeechBranch) and not self.settings.losses.sync:
            conditioner.predictor.eval()
        if isinstance(conditioner, SpeechBranch) and self.settings.teacher_forcing < 1:
            predicted = conditioner.predictor(_given(prepared))
            # Whole samples, not single frames: a mouth must not jump between two sources.
            forced = torch.rand(prepared.num_samples, device=motion.device) < self.settings.teacher_forcing
            motion = torch.where(forced.repeat_interleave(prepared.num_frames)[:, None], motion, predicted)
        return conditioner.from_motion(motion)

    def _prepared(self, batch: Batch) -> PreparedBatch:
        return PreparedBatch(batch, self.generator.spec.region, self.settings.mouth_weight)

    def _sync_loss(self, rendered: RenderedBatch) -> Tensor:
        return self._sync(rendered.generated, rendered.batch)

    def _sync(self, generated: Tensor, batch: Batch) -> Tensor:
        assert self.networks.expert is not None
        mouths = stack_mouths(generated.unflatten(0, batch["faces"].shape[:2]))
        audio, face = self.networks.expert(batch["expert_mel"][:, None], mouths)
        return cosine_bce(audio, face, torch.ones(len(audio), device=audio.device))

    def measure(self) -> tuple[dict[str, float], np.ndarray]:
        """Render frames of the validation clips from the audio and from the true motion.

        The sync loss of what is rendered from the audio opens the gate, where an expert is at hand.

        Returns:
            metrics: names end with the condition, `_audio` or `_motion`.
            images: uint8 RGB (H, W, 3): reference, truth, and what was rendered, side by side.
        """
        expert = self.networks.expert
        totals: dict[str, list[float]] = {}
        strip: list[np.ndarray] = []
        for batch in self._validation_batches():
            prepared, rendered = self._prepared(batch), {}
            if self.audio_driven:
                rendered["audio"] = self.generator(_given(prepared), prepared.faces)
            if isinstance(self.conditioner, MotionConditioner):
                condition = self.conditioner.from_motion(prepared.motion)
                rendered["motion"] = self.generator.images(condition, prepared.faces[:, :3], prepared.faces[:, 3:])
            for name, generated in rendered.items():
                pair = FacePair(generated.float(), prepared.truth, prepared.weight, self.networks)
                l1 = float(pair.reconstruction())
                totals.setdefault(f"l1_{name}", []).append(l1)
                totals.setdefault("sharpness", []).append(sharpness(pair.generated, pair.truth, pair.weight))
                for loss in self._frozen_losses():
                    totals.setdefault(f"{loss.name}_{name}", []).append(float(loss.function(pair)))
                if expert is not None and self.sampling.num_frames == expert.config.num_frames:
                    totals.setdefault(f"sync_{name}", []).append(float(self._sync(pair.generated, batch)))
            if len(strip) < 6:
                strip.append(side_by_side([prepared.faces[:, 3:], prepared.truth, *rendered.values()]))
        metrics = {name: float(np.mean(values)) for name, values in totals.items()}
        if "sync_audio" in metrics:
            self.gate.update(metrics["sync_audio"])
            metrics["gate"] = float(self.gate.is_open)
        return metrics, np.concatenate(strip, axis=0)

    def score(self, metrics: dict[str, float], condition: str, *, sharp: bool) -> float:
        """Return the weighted L1 plus the sync loss, of what was rendered from one condition.

        The state of the gate makes no difference: scores are compared over the whole run.

        Args:
            metrics: of `measure`.
            condition: `audio` or `motion`.
            sharp: make the L1 count more the further the sharpness is from the truth's.
        """
        score = metrics[f"l1_{condition}"] * (blur_penalty(metrics["sharpness"]) if sharp else 1)
        if self.settings.losses.sync and self.networks.expert is not None:
            score += self.settings.losses.sync * metrics[f"sync_{condition}"]
        return score

    def _validation_batches(self) -> list[Batch]:
        """The same samples at every validation, without augmentation."""
        rng = np.random.default_rng(self.seed)
        still = draw_change(NO_AUGMENTATION, rng)
        samples = []
        clips = self.clips.validation.clips
        for number in range(self.settings.validation_samples):
            stored = clips[number % len(clips)]
            first = int(rng.integers(0, stored.clip.num_frames - self.sampling.num_frames + 1))
            # A fixed reference for each clip, as dubbing has it.
            reference = 0 if first >= stored.clip.num_frames // 2 else stored.clip.num_frames - 1
            samples.append(build_sample(stored, first, reference, still, still, self.sampling))
        size = max(1, 16 // self.sampling.num_frames)
        return [
            {name: torch.stack([s[name] for s in samples[i : i + size]]).to(self.device) for name in samples[0]}
            for i in range(0, len(samples), size)
        ]


def _given(prepared: PreparedBatch) -> Tensor:
    """Return the audio features of a batch that has them."""
    assert prepared.features is not None, "the sampling has audio"
    return prepared.features


def blur_penalty(sharpness: float) -> float:
    """Factor on the L1 of images that are to be sharp: 1 where they are as sharp as the truth, else more.

    L1 alone prefers blur: by it, what makes an image sharp does harm from its first step on.
    """
    return 1 + abs(math.log(max(sharpness, 1e-3)))
