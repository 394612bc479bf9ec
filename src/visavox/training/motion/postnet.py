"""The stage that trains the post-net against a critic (GeneFace, section 3.2), and chooses its weights by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from visavox.data.motion.postnet_dataset import PostNetDataset, PostNetSampling, SourceClip
from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec
from visavox.face.geometry.resting_face import lip_gap, resting_face
from visavox.losses.adversarial import gradient_penalty, least_squares
from visavox.losses.sync import cosine_bce
from visavox.metrics.motion_domain import landmark_frechet_distance
from visavox.metrics.motion_sync import apart_agreement, mean_agreement
from visavox.models.motion.critic import MotionCritic, MotionCriticConfig
from visavox.models.motion.postnet import PostNet, PostNetConfig
from visavox.models.sync.motion_syncnet import MotionSyncNet
from visavox.training.generator.speech import correlation
from visavox.training.motion.collapse import CollapseLimits, CollapseWatch
from visavox.training.stage import UNSTATED_LICENCE, Batch, Losses, Stage, Turn, Validation
from visavox.weights.checkpoint import save_model
from visavox.weights.weights_file import ModelCard

COLLAPSED = 100.0
"""Added to the score of weights that have collapsed, so that any others are better."""
LEAST_MARGIN = 0.02
"""What the judge's cosines of right and wrong speech differ by at least, where a loss is counted in that."""
LEAST_SCALE = 0.02
"""Centimetres: what moves less is taken to move so much."""


class TooLittleSpeech(InputError):
    """A person's footage does not suffice to train a post-net and to choose it by."""


@dataclass(frozen=True)
class PostNetLosses:
    """Weight of each loss of the post-net; the published ones."""

    adversarial: float = 0.85
    """The critic takes its frames for the person's."""
    sync: float = 0.1
    """The motion SyncNet finds them in sync."""
    paired: float = 0.05
    """Squared distance, in deviations of the person's points, from what the person's face really did."""


@dataclass(frozen=True)
class PostNetSettings:
    """What to train, and how."""

    network: PostNetConfig = field(default_factory=PostNetConfig)
    """The post-net."""
    critic: MotionCriticConfig = field(default_factory=MotionCriticConfig)
    """The critic."""
    losses: PostNetLosses = field(default_factory=PostNetLosses)
    """Weights of the losses."""
    critic_noise: float = 0.2
    """Deviation of the noise on all that the critic sees, in its own units: the trembling of a tracker is not what it
    is to learn."""
    critic_rate: float = 0.5
    """Learning rate of the critic as a share of the post-net's."""
    critic_slope: float = 0.0
    """Weight of a penalty on the critic's slope at the person's frames, which keeps it from racing ahead (not in the
    published loss)."""
    num_frames: int = 24
    """Frames of a stretch of motion."""
    num_windows: int = 4
    """Windows of a stretch that are judged against the speech."""
    num_clips: int = 0
    """Clips of other speakers to draw motion for, spread over all of them; 0 takes all."""
    num_draws: int = 2
    """Motions drawn for the speech of each clip."""
    temperature: float = 0.7
    """Temperature of these draws: what `visavox motion` takes."""
    held_out: float = 0.12
    """Share of the person's clips, the last ones, that the weights are chosen by."""
    limits: CollapseLimits = field(default_factory=CollapseLimits)
    """From where on training has gone wrong."""


@dataclass(frozen=True)
class PostNetSources:
    """What the post-net is trained and chosen by."""

    everybody: list[SourceClip]
    """Motion for the speech of many training speakers."""
    unseen: list[SourceClip]
    """Motion for the speech of validation speakers."""
    person: list[SourceClip]
    """The person's clips that are trained on."""
    held_out: list[SourceClip]
    """The person's clips that are not."""


class PostNetStage(Stage):
    """Trains a post-net to move motion into the domain of one person without losing the speech."""

    def __init__(
        self,
        settings: PostNetSettings,
        sources: PostNetSources,
        judge: MotionSyncNet,
        *,
        licence: str = UNSTATED_LICENCE,
        device: torch.device,
        seed: int,
    ) -> None:
        torch.manual_seed(seed)
        self.settings, self.sources, self.device, self.licence = settings, sources, device, licence
        self.judge = judge.to(device).eval().requires_grad_(False)
        self.postnet = PostNet(settings.network).to(device)
        self.critic = MotionCritic(settings.critic).to(device)
        self._set_scales()
        mean = self.postnet.neutral.cpu().numpy()
        self.rest = torch.from_numpy(resting_face(mean[None], self.judge.opening_mode.cpu().numpy())).to(device)
        self.modules: dict[str, nn.Module] = {"postnet": self.postnet, "critic": self.critic}
        self.optimizers = {
            "postnet": torch.optim.Adam(self.postnet.parameters(), lr=0.0, betas=(0.5, 0.99)),
            "critic": torch.optim.Adam(self.critic.parameters(), lr=0.0, betas=(0.5, 0.99)),
        }
        for group in self.optimizers["critic"].param_groups:
            group["rate_factor"] = settings.critic_rate
        self.watch = CollapseWatch(settings.limits)
        self.start = self._measure_start()

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless samples of the training clips."""
        settings, heard = self.settings, self.judge.config
        sampling = PostNetSampling(
            settings.num_frames, settings.num_windows, heard.num_frames, heard.num_rows, heard.lead_rows
        )
        return PostNetDataset(self.sources.everybody, self.sources.person, sampling, seed=seed, length=length)

    def averaged(self) -> nn.Module:
        """Return the post-net."""
        return self.postnet

    def turns(self) -> list[Turn]:
        """Return the turns of post-net and critic."""
        losses = self.settings.losses
        weights = {"adversarial": losses.adversarial, "sync": losses.sync, "paired": losses.paired}
        return [
            Turn("postnet", self.optimizers["postnet"], self._postnet_losses, lambda: weights),
            Turn("critic", self.optimizers["critic"], self._critic_losses, self._critic_weights),
        ]

    def _critic_weights(self) -> dict[str, float]:
        slope = self.settings.critic_slope
        return {"real": 0.5, "made": 0.5} | ({"slope": slope} if slope else {})

    def extra_state(self) -> dict[str, Any]:
        """Return what the watch for a collapse has counted."""
        return {"in_a_row": self.watch.in_a_row, "said": self.watch.said}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        """Take back what `extra_state` gave."""
        self.watch = replace(self.watch, in_a_row=dict(state["in_a_row"]), said=list(state["said"]))

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

    def _postnet_losses(self, batch: Batch) -> Losses:
        self.postnet.train()
        self.critic.train().requires_grad_(False)
        # One pass for both kinds: batch normalisation is to see all that will come.
        made, own = self.postnet(torch.cat([batch["source"], batch["person_source"]])).chunk(2)
        mouths = self.judge.take_points(made - self.rest)
        frames = batch["starts"][..., None] + torch.arange(self.judge.config.num_frames, device=self.device)
        clips = torch.arange(len(mouths), device=self.device)[:, None, None]
        heard, seen = self.judge(batch["speech"].flatten(0, 1), mouths[clips, frames].flatten(0, 1))
        distance = (own - batch["person"]).flatten(-2) / self.postnet.person_scale
        return {
            "adversarial": least_squares(self.critic.judge(self._noisy(made)), real=True),
            "sync": cosine_bce(heard, seen, seen.new_ones(len(seen))),
            "paired": (distance.float() ** 2).mean(),
        }

    def _critic_losses(self, batch: Batch) -> Losses:
        self.critic.train().requires_grad_(True)
        with torch.no_grad():
            made = self.postnet(torch.cat([batch["source"], batch["person_source"]])).chunk(2)[0]
        real = self._noisy(batch["person"]).requires_grad_()
        judged = self.critic.judge(real)
        losses = {
            "real": least_squares(judged, real=True),
            "made": least_squares(self.critic.judge(self._noisy(made)), real=False),
        }
        if self.settings.critic_slope:
            losses["slope"] = gradient_penalty(judged, real)
        return losses

    def _noisy(self, displacements: Tensor) -> Tensor:
        """What the critic sees of displacements, with noise."""
        normal = self.critic.normal(displacements)
        return normal + torch.randn_like(normal) * self.settings.critic_noise

    def validate(self) -> Validation:
        """Measure distance to the person, sync, and the critic, on what was not trained on.

        The score adds: Frechet distance and paired distance as shares of those of an untrained post-net, the share of
        the sync that is lost, and how far the critic is from chance.
        """
        figures = self._measure(self.postnet)
        figures |= {f"{name}_start": self.start[name] for name in ("frechet", "paired", "agreement", "movement")}
        margin = max(self.start["agreement"] - self.start["apart"], LEAST_MARGIN)
        figures["sync_kept"] = 1 + (figures["agreement"] - self.start["agreement"]) / margin
        # The critic is as it is now, not averaged; it judges without dropout.
        self.critic.eval()
        figures["critic_accuracy"] = self._critic_accuracy()
        collapsed = self.watch.look(figures)
        figures["collapsed"] = float(bool(collapsed))
        score = figures["frechet"] / figures["frechet_start"] + figures["paired"] / figures["paired_start"]
        score += max(0.0, 1 - figures["sync_kept"]) + abs(figures["critic_accuracy"] - 0.5)
        figures["frechet_before"], figures["frechet_floor"] = self.start["before"], self.start["floor"]
        return Validation(figures, score + COLLAPSED * bool(collapsed))

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the post-net as a weights file."""
        config = self.settings.network
        card = ModelCard(CropSpec(), "post-net of one person, trained with visavox", training, self.licence, quality)
        save_model(path, self.postnet, network="postnet", config=config, card=card)

    @torch.no_grad()
    def _measure_start(self) -> dict[str, float]:
        """Measure an untrained post-net, which exchanges the means, and what bounds its figures from both sides."""
        self.postnet.eval()
        start = self._measure(self.postnet)
        unseen = self.sources.unseen
        start["apart"] = apart_agreement(self.judge, [(clip.features, self._from_rest(clip)) for clip in unseen])
        truth = self._held_out_frames()
        start["before"] = landmark_frechet_distance(np.concatenate([clip.draws[0] for clip in unseen]), truth)
        person = np.concatenate([clip.truth for clip in self.sources.person if clip.truth is not None])
        start["floor"] = landmark_frechet_distance(person, truth)
        if not np.isfinite(list(start.values())).all():
            raise TooLittleSpeech(
                "too little footage is held out to measure a post-net by; give more clips of the person."
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
            "agreement": mean_agreement(self.judge, pairs),
            "opening_kept": float(np.mean(kept)),
            "movement": _movement(made) / max(_movement([clip.truth for clip in held_out]), 1e-6),
        }

    def _held_out_frames(self) -> np.ndarray:
        return np.concatenate([clip.truth for clip in self.sources.held_out if clip.truth is not None])

    def _from_rest(self, clip: SourceClip) -> np.ndarray:
        return self.apply(self.postnet, clip.draws[0]) - self.rest.cpu().numpy()

    @torch.no_grad()
    def _critic_accuracy(self) -> float:
        """Share of frames that the critic judges rightly, of the person's held-out ones and of made ones alike."""
        made = np.concatenate([self.apply(self.postnet, clip.draws[0]) for clip in self.sources.unseen])
        generator = torch.Generator().manual_seed(0)
        rightly = []
        for frames, real in ((self._held_out_frames(), True), (made, False)):
            normal = self.critic.normal(torch.from_numpy(frames).to(self.device))
            noise = torch.randn(normal.shape, generator=generator).to(self.device)
            judged = self.critic.judge(normal + noise * self.settings.critic_noise)
            rightly.append(float(((judged > 0.5) == real).float().mean()))
        return float(np.mean(rightly))

    def apply(self, postnet: PostNet, displacements: np.ndarray) -> np.ndarray:
        """Move the motion of a clip (T, 68, 3)."""
        return postnet(torch.from_numpy(displacements)[None].to(self.device))[0].float().cpu().numpy()


def is_worth_having(figures: Mapping[str, float]) -> bool:
    """Whether a post-net is better than one that exchanges the means, by the figures of its validation.

    It is nearer to the person in distribution and to what they really did, counted together as in its score, by more
    than it loses in sync; and it has not collapsed.
    """
    distance = figures["frechet"] / figures["frechet_start"] + figures["paired"] / figures["paired_start"]
    return not figures["collapsed"] and distance + max(0.0, 1 - figures["sync_kept"]) < 2


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
