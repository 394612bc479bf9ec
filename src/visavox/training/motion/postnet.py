"""Task that trains the post-net of one speaker against a critic (GeneFace, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from visavox.data.motion import PostNetDataset, PostNetSampling, SourceClip
from visavox.face.geometry.motion import lip_gap, resting_face
from visavox.losses import cosine_bce, gradient_penalty, least_squares
from visavox.metrics.motion import apart_agreement, landmark_frechet_distance, mean_agreement
from visavox.models.motion import MotionCritic, PostNet
from visavox.models.sync import MotionSyncNet
from visavox.training.divergence import MotionMonitor, correlation
from visavox.training.motion.postnet_sources import (
    PostNetSettings,
    PostNetSources,
    TooLittleSpeech,
    drawn_motion,
    postnet_sources,
    true_motion,
)
from visavox.training.motion.speech import TRUE_MOTION, find_features, load_motions, load_pair
from visavox.training.recipe import SHIPPED_MOTION, SHIPPED_SYNCNET, Inputs
from visavox.training.task import (
    UNSTATED_LICENCE,
    Batch,
    Context,
    OptimizerStep,
    TrainingTask,
    Validation,
    WeightedLoss,
)
from visavox.weights import ModelCard, save_model

COLLAPSED = 100.0
"""Added to the score of weights that have collapsed, so that any others are better."""
LEAST_MARGIN = 0.02
"""Least difference of the motion SyncNet's cosines of right and wrong speech, where a loss is counted in that."""
LEAST_SCALE = 0.02
"""Centimetres: what moves less is taken to move so much."""


@dataclass(frozen=True, kw_only=True)
class PostNetInputs(Inputs):
    """Speaker and weights that a post-net is trained with."""

    weights: ClassVar[tuple[str, ...]] = ("motion", "sync")
    recorded: ClassVar[tuple[str, ...]] = ("person",)

    person: str
    """The person, by the name of the speaker in the data set's manifest."""
    motion: str | None = SHIPPED_MOTION
    """Motion VAE whose motion comes in: a name, or the best.safetensors of the task `motion`; `true` takes the true
    motion of the other speakers, each brought onto their mean face."""
    sync: str = SHIPPED_SYNCNET
    """Motion SyncNet of the sync loss: a name, or the best.safetensors of the task `motion-syncnet`."""

    def identity(self) -> dict[str, Any]:
        """Return what a resumed run must share: the person, and digests of the weights."""
        return {"person": self.person, **super().identity()}


@dataclass(frozen=True)
class PostNetOutputs:
    """Outputs of the forward pass of the post-net."""

    made: Tensor
    """(B, T, 204), motion of others in the person's domain."""
    speech: Tensor
    """(B W, D), embeddings of the speech."""
    mouths: Tensor
    """(B W, D), embeddings of the mouths."""
    distance: Tensor
    """(B, T, 204), of the person's motion from what their face really did, in deviations of each coordinate."""


@dataclass(frozen=True)
class CriticOutputs:
    """Outputs of the forward pass of the critic."""

    real: Tensor
    """(B, T, D), the person's motion as the critic takes it."""
    verdict: Tensor
    """Of the critic on it."""
    made: Tensor
    """(B, T, 204), motion of others in the person's domain."""


class PostNetTask(TrainingTask):
    """Trains a post-net to move motion into the domain of one person without losing the speech."""

    inputs: ClassVar[type[Inputs]] = PostNetInputs

    def __init__(
        self,
        settings: PostNetSettings,
        sources: PostNetSources,
        syncnet: MotionSyncNet,
        *,
        licence: str = UNSTATED_LICENCE,
        device: torch.device,
        seed: int,
    ) -> None:
        torch.manual_seed(seed)
        self.settings, self.sources, self.device, self.licence = settings, sources, device, licence
        self.syncnet = syncnet.to(device).eval().requires_grad_(False)
        self.postnet = PostNet(settings.network).to(device)
        self.critic = MotionCritic(settings.critic).to(device)
        self._set_scales()
        mean = self.postnet.neutral.cpu().numpy()
        self.rest = torch.from_numpy(resting_face(mean[None], self.syncnet.opening_mode.cpu().numpy())).to(device)
        self.modules: dict[str, nn.Module] = {"postnet": self.postnet, "critic": self.critic}
        self.optimizers = {
            "postnet": torch.optim.Adam(self.postnet.parameters(), lr=0.0, betas=(0.5, 0.99)),
            "critic": torch.optim.Adam(self.critic.parameters(), lr=0.0, betas=(0.5, 0.99)),
        }
        for group in self.optimizers["critic"].param_groups:
            group["rate_factor"] = settings.critic_rate
        self.monitor = MotionMonitor(settings.limits)
        self.start = self._measure_start()

    @classmethod
    def check(cls, settings: PostNetSettings, inputs: Any, *, device: str, resume: bool) -> Any:
        """Return the inputs, with None for the motion VAE where true motion comes in."""
        return replace(inputs, motion=None) if inputs.motion == TRUE_MOTION else inputs

    @classmethod
    def create(cls, settings: PostNetSettings, data: Any, inputs: PostNetInputs, context: Context) -> PostNetTask:
        """Load clips and weights, draw the motion that comes in, and build the networks.

        Raises:
            InputError: the data set, the person or a weights file cannot be used.
        """
        syncnet, vae = load_pair(inputs.sync, inputs.motion, context.device)
        features = find_features(syncnet.config.features, syncnet.config.feature_size)
        train, validation = load_motions(data, features, context.progress)
        draw = true_motion(train) if vae is None else drawn_motion(vae, settings.num_draws, settings.temperature)
        sources = postnet_sources(
            train,
            validation,
            inputs.person,
            draw,
            settings.held_out,
            num_clips=settings.num_clips,
            progress=context.progress,
        )
        return cls(settings, sources, syncnet, device=context.device, seed=context.seed)

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless samples of the training clips."""
        settings, expert = self.settings, self.syncnet.config
        sampling = PostNetSampling(
            settings.num_frames, settings.num_windows, expert.num_frames, expert.num_rows, expert.lead_rows
        )
        return PostNetDataset(self.sources.everybody, self.sources.person, sampling, seed=seed, length=length)

    def averaged(self) -> nn.Module:
        """Return the post-net."""
        return self.postnet

    def optimizer_steps(self) -> list[OptimizerStep[Any]]:
        """Return the steps of post-net and critic."""
        return [
            OptimizerStep("postnet", self.optimizers["postnet"], self._forward, self._losses()),
            OptimizerStep("critic", self.optimizers["critic"], self._forward_critic, self._critic_losses()),
        ]

    def _losses(self) -> list[WeightedLoss[PostNetOutputs]]:
        """Return the losses of the post-net."""
        weights = self.settings.losses
        return [
            WeightedLoss(
                "adversarial",
                weights.adversarial,
                lambda out: least_squares(self.critic.score(self._noisy(out.made)), real=True),
            ),
            WeightedLoss(
                "sync",
                weights.sync,
                lambda out: cosine_bce(out.speech, out.mouths, out.mouths.new_ones(len(out.mouths))),
            ),
            WeightedLoss("paired", weights.paired, lambda out: (out.distance.float() ** 2).mean()),
        ]

    def _critic_losses(self) -> list[WeightedLoss[CriticOutputs]]:
        """Return the losses of the critic."""
        losses: list[WeightedLoss[CriticOutputs]] = [
            WeightedLoss("real", 0.5, lambda out: least_squares(out.verdict, real=True)),
            WeightedLoss("made", 0.5, lambda out: least_squares(self.critic.score(self._noisy(out.made)), real=False)),
        ]
        if self.settings.critic_slope:
            losses.append(
                WeightedLoss("slope", self.settings.critic_slope, lambda out: gradient_penalty(out.verdict, out.real))
            )
        return losses

    def extra_state(self) -> dict[str, Any]:
        """Return the counts of the monitor of divergence."""
        return {"in_a_row": self.monitor.in_a_row, "said": self.monitor.warned}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        """Take back the result of `extra_state`."""
        self.monitor = replace(self.monitor, in_a_row=dict(state["in_a_row"]), warned=list(state["said"]))

    def _set_scales(self) -> None:
        """Set the means of both domains, and the size of the person's movements."""
        truth = np.concatenate([clip.truth for clip in self.sources.person if clip.truth is not None])
        source = np.concatenate([clip.draws.reshape(-1, 68, 3) for clip in self.sources.everybody])
        mean, scale = (torch.from_numpy(each.reshape(-1)) for each in (truth.mean(0), truth.std(0)))
        self.postnet.source_mean.copy_(torch.from_numpy(source.mean(axis=0, dtype=np.float64).reshape(-1)))
        for network_mean, network_scale in (
            (self.postnet.person_mean, self.postnet.person_scale),
            (self.critic.mean, self.critic.scale),
        ):
            network_mean.copy_(mean)
            network_scale.copy_(scale.clamp(min=LEAST_SCALE))
        if self.settings.critic.components:
            self.critic.basis.copy_(_components(source, self.settings.critic.components))

    def _forward(self, batch: Batch) -> PostNetOutputs:
        self.postnet.train()
        self.critic.train().requires_grad_(False)
        # One pass for both kinds: batch normalisation is to see all that will come.
        made, own = self.postnet(torch.cat([batch["source"], batch["person_source"]])).chunk(2)
        mouths = self.syncnet.take_points(made - self.rest)
        frames = batch["starts"][..., None] + torch.arange(self.syncnet.config.num_frames, device=self.device)
        clips = torch.arange(len(mouths), device=self.device)[:, None, None]
        speech, mouths = self.syncnet(batch["speech"].flatten(0, 1), mouths[clips, frames].flatten(0, 1))
        distance = (own - batch["person"]).flatten(-2) / self.postnet.person_scale
        return PostNetOutputs(made, speech, mouths, distance)

    def _forward_critic(self, batch: Batch) -> CriticOutputs:
        self.critic.train().requires_grad_(True)
        with torch.no_grad():
            made = self.postnet(torch.cat([batch["source"], batch["person_source"]])).chunk(2)[0]
        real = self._noisy(batch["person"]).requires_grad_()
        return CriticOutputs(real, self.critic.score(real), made)

    def _noisy(self, displacements: Tensor) -> Tensor:
        """Return displacements as the critic takes them, with noise."""
        normal = self.critic.normal(displacements)
        return normal + torch.randn_like(normal) * self.settings.critic_noise

    def validate(self) -> Validation:
        """Measure distance to the person, sync, and the critic, on what was not trained on.

        The score adds: Frechet distance and paired distance as shares of those of an untrained post-net, the share of
        the sync that is lost, and how far the critic is from chance.
        """
        metrics = self._measure(self.postnet)
        metrics |= {f"{name}_start": self.start[name] for name in ("frechet", "paired", "agreement", "movement")}
        margin = max(self.start["agreement"] - self.start["apart"], LEAST_MARGIN)
        metrics["sync_kept"] = 1 + (metrics["agreement"] - self.start["agreement"]) / margin
        # The critic is as it is now, not averaged; it scores without dropout.
        self.critic.eval()
        metrics["critic_accuracy"] = self._critic_accuracy()
        collapsed = self.monitor.update(metrics)
        metrics["collapsed"] = float(bool(collapsed))
        score = metrics["frechet"] / metrics["frechet_start"] + metrics["paired"] / metrics["paired_start"]
        score += max(0.0, 1 - metrics["sync_kept"]) + abs(metrics["critic_accuracy"] - 0.5)
        metrics["frechet_before"], metrics["frechet_floor"] = self.start["before"], self.start["floor"]
        return Validation(metrics, score + COLLAPSED * bool(collapsed))

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the post-net as a weights file."""
        card = ModelCard("post-net of one person, trained with visavox", training, self.licence, quality)
        save_model(path, self.postnet, card)

    @torch.no_grad()
    def _measure_start(self) -> dict[str, float]:
        """Measure an untrained post-net, which exchanges the means, and what bounds its metrics from both sides."""
        self.postnet.eval()
        start = self._measure(self.postnet)
        unseen = self.sources.unseen
        start["apart"] = apart_agreement(self.syncnet, [(clip.features, self._from_rest(clip)) for clip in unseen])
        truth = self._held_out_frames()
        start["before"] = landmark_frechet_distance(np.concatenate([clip.draws[0] for clip in unseen]), truth)
        person = np.concatenate([clip.truth for clip in self.sources.person if clip.truth is not None])
        start["floor"] = landmark_frechet_distance(person, truth)
        if not np.isfinite(list(start.values())).all():
            raise TooLittleSpeech(
                "too little speech is held out to measure a post-net by; give more clips of the person."
            )
        return start

    @torch.no_grad()
    def _measure(self, postnet: PostNet) -> dict[str, float]:
        unseen, held_out = self.sources.unseen, self.sources.held_out
        made = [self.apply(postnet, clip.draws[0]) for clip in unseen]
        own = [self.apply(postnet, clip.draws[0]) for clip in held_out]
        scale = postnet.person_scale.cpu().numpy().reshape(68, 3)
        distances = [(((one - clip.truth) / scale) ** 2).mean() for one, clip in zip(own, held_out, strict=True)]
        rest = self.rest.cpu().numpy()
        pairs = [(clip.features, one - rest) for clip, one in zip(unseen, made, strict=True)]
        kept = [_opening_correlation(one, clip.draws[0]) for one, clip in zip(made, unseen, strict=True)]
        truth = self._held_out_frames()
        return {
            "frechet": landmark_frechet_distance(np.concatenate(made), truth),
            "paired": float(np.mean(distances)),
            "agreement": mean_agreement(self.syncnet, pairs),
            "opening_kept": float(np.mean(kept)),
            "movement": _movement(made) / max(_movement([clip.truth for clip in held_out]), 1e-6),
        }

    def _held_out_frames(self) -> np.ndarray:
        return np.concatenate([clip.truth for clip in self.sources.held_out if clip.truth is not None])

    def _from_rest(self, clip: SourceClip) -> np.ndarray:
        rest: np.ndarray = self.rest.cpu().numpy()
        return np.asarray(self.apply(self.postnet, clip.draws[0]) - rest)

    @torch.no_grad()
    def _critic_accuracy(self) -> float:
        """Share of frames that the critic scores rightly, of the person's held-out ones and of made ones alike."""
        made = np.concatenate([self.apply(self.postnet, clip.draws[0]) for clip in self.sources.unseen])
        generator = torch.Generator().manual_seed(0)
        rightly = []
        for frames, real in ((self._held_out_frames(), True), (made, False)):
            normal = self.critic.normal(torch.from_numpy(frames).to(self.device))
            noise = torch.randn(normal.shape, generator=generator).to(self.device)
            scores = self.critic.score(normal + noise * self.settings.critic_noise)
            rightly.append(float(((scores > 0.5) == real).float().mean()))
        return float(np.mean(rightly))

    def apply(self, postnet: PostNet, displacements: np.ndarray) -> np.ndarray:
        """Move the motion of a clip (T, 68, 3)."""
        moved: np.ndarray = postnet(torch.from_numpy(displacements)[None].to(self.device))[0].float().cpu().numpy()
        return moved


def is_worth_having(metrics: Mapping[str, float]) -> bool:
    """Tell whether a post-net is better than one that exchanges the means, by the metrics of its validation.

    It is nearer to the person in distribution and to what they really did, counted together as in its score, by more
    than it loses in sync; and it has not collapsed.
    """
    distance = metrics["frechet"] / metrics["frechet_start"] + metrics["paired"] / metrics["paired_start"]
    return not metrics["collapsed"] and distance + max(0.0, 1 - metrics["sync_kept"]) < 2


def _components(source: np.ndarray, number: int) -> Tensor:
    """Columns (204, number) that turn deviations of motion (N, 68, 3) into its components of unit variance."""
    rows = source.reshape(len(source), -1).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
    return torch.from_numpy((vectors[:, -number:] / np.sqrt(values[-number:].clip(min=1e-9))).astype(np.float32))


def _opening_correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(correlation(lip_gap(one)[:, None], lip_gap(other)[:, None])[0])


def _movement(motions: list[Any]) -> float:
    """Mean over clips of the standard deviation of the gap between the lips, centimetres."""
    return float(np.mean([lip_gap(motion).std() for motion in motions]))
