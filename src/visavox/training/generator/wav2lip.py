"""The stage that trains the generator."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from visavox.data.generator.clip_store import ClipStore
from visavox.data.generator.picture_augmentation import NO_AUGMENTATION, PictureAugmentation, draw_look
from visavox.data.generator.picture_dataset import PictureDataset, PictureSampling, build_sample
from visavox.face.geometry.crop import CropSpec
from visavox.losses.adversarial import feature_distance, real_or_painted
from visavox.losses.detail import detail_difference
from visavox.losses.face_features import normalized_feature_distance, reading_distance
from visavox.losses.perceptual import LpipsLoss
from visavox.losses.reconstruction import weighted_gradient_l1, weighted_l1
from visavox.losses.sync import cosine_bce, stack_mouths
from visavox.models.generator.attn_wav2lip import AttnWav2LipConfig
from visavox.models.generator.base import SPEECH_BRANCH, Generator
from visavox.models.generator.discriminator import QualityDiscriminator, QualityDiscriminatorConfig
from visavox.models.generator.motion_driven import MotionDub, MotionDubConfig
from visavox.models.generator.wav2lip import Wav2LipConfig
from visavox.models.perceptual.face_features import FaceFeatures
from visavox.models.sync.expert import Expert
from visavox.training.generator.prepared_batch import PreparedBatch, sharpness, side_by_side
from visavox.training.generator.sync_gate import SyncGate
from visavox.training.stage import UNSTATED_LICENCE, Batch, Losses, Stage, Turn, Validation, to_channels_last
from visavox.weights.checkpoint import save_model
from visavox.weights.networks import NETWORKS, network_of
from visavox.weights.weights_file import ModelCard


@dataclass(frozen=True)
class Wav2LipLosses:
    """Weights of the generator's losses."""

    reconstruction: float = 1.0
    """L1 over the repainted half, more on the mouth."""
    gradient: float = 1.0
    """L1 of the finite differences, for edges."""
    detail: float = 0.0
    """Difference in the amount of fine detail, wherever in a patch it lies: what pixels alone teach is soft."""
    cover: float = 0.0
    """Share of the picture that is painted over the bent reference (networks with `warp_reference`): what can be
    bent is to be bent, so that it stays sharp at any size."""
    sync: float = 0.0
    """The expert's judgement, once the gate is open (Wav2Lip: 0.01, with the discriminator 0.03)."""
    adversarial: float = 0.0
    """The discriminator's judgement (Wav2Lip: 0.07); 0 trains without a discriminator."""
    features: float = 0.0
    """Distance of the discriminator's features from those of the true picture."""
    reading: float = 0.0
    """Distance of the motion that is read from the painted mouth from the one that is read from the true mouth: a
    mouth that follows halfway costs little in pixels."""
    perceptual: float = 0.0
    """Distance of the face features of the painted picture from those of the true one; not LPIPS."""
    lpips: float = 0.0
    """LPIPS (in place of a discriminator in LPIPS-AttnWav2Lip); needs ImageNet weights."""

    @property
    def need_features(self) -> bool:
        """Whether face features judge."""
        return bool(self.reading or self.perceptual)


@dataclass(frozen=True)
class Wav2LipSettings:
    """What to train, on what samples, for what."""

    generator: Wav2LipConfig | AttnWav2LipConfig | MotionDubConfig
    """The network: which one, and its dimensions."""
    losses: Wav2LipLosses = field(default_factory=Wav2LipLosses)
    """Weights of the losses."""
    discriminator: QualityDiscriminatorConfig | None = None
    """The discriminator; needed when `adversarial` or `features` has a weight."""
    lpips_network: Literal["alex", "vgg", "squeeze"] = "alex"
    """The network of LPIPS."""
    num_frames: int = 1
    """Consecutive frames of a sample; the sync loss needs those of the expert."""
    true_motion: float = 1.0
    """Share of samples painted from the true motion instead of what is heard (networks with a speech branch)."""
    response: float = 1.0
    """By how much a dub enlarges the motion (networks that are told it), for what the painter falls short by: the
    inverse of the gain that `benchmarks.backwards --true-motion` finds without it."""
    mouth_weight: float = 4.0
    """Weight of the middle of the mouth against the rest of the repainted half."""
    augmentation: PictureAugmentation = field(default_factory=PictureAugmentation)
    """How the pictures are changed."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Adam's; the published training with a discriminator uses (0.5, 0.999)."""
    sync_threshold: float = 0.75
    """Validation sync loss that opens the gate of the sync loss."""
    validation_samples: int = 96
    """Samples of a validation."""
    frozen_statistics: bool = False
    """Leave the statistics of batch normalisation as they came; for fine-tuning on little footage, in small batches."""

    def __post_init__(self) -> None:
        """Check that who judges is there."""
        judged = bool(self.losses.adversarial or self.losses.features)
        if isinstance(self.generator, MotionDubConfig) and (self.losses.sync or self.true_motion < 1):
            raise ValueError("a generator that does not hear learns from the true motion alone, without a sync loss")
        if judged != (self.discriminator is not None):
            raise ValueError("`adversarial` or `features` has a weight exactly if there is a discriminator")


class Wav2LipStage(Stage):
    """Trains a generator, with a frozen expert and a discriminator where the settings ask for them."""

    def __init__(
        self,
        settings: Wav2LipSettings,
        train: ClipStore,
        validation: ClipStore,
        *,
        expert: Expert | None,
        features: FaceFeatures | None = None,
        lpips: LpipsLoss | None = None,
        device: torch.device,
        seed: int,
    ) -> None:
        torch.manual_seed(seed)
        self.settings, self.train, self.validation, self.seed = settings, train, validation, seed
        if settings.losses.need_features and features is None:
            raise ValueError("`reading` or `perceptual` has a weight, and no face features are given")
        if settings.losses.lpips and lpips is None:
            raise ValueError("`lpips` has a weight, and no network for it is given")
        config = settings.generator
        network: Any = NETWORKS[network_of(config)].build(config)
        self.generator: Generator = to_channels_last(network, device)
        self.hears = not isinstance(self.generator, MotionDub)
        self.modules: dict[str, nn.Module] = {"generator": self.generator}
        # The speech branch is taught beforehand (stage `speech`); it learns on here only where an expert judges.
        trained = [p for name, p in self.generator.named_parameters() if self._is_trained(name)]
        optimizer = torch.optim.Adam(trained, lr=0.0, betas=settings.betas)
        self.optimizers = {"generator": optimizer}
        self.discriminator: QualityDiscriminator | None = None
        if settings.discriminator is not None:
            self.discriminator = to_channels_last(QualityDiscriminator(settings.discriminator), device)
            self.modules["discriminator"] = self.discriminator
            self.optimizers["discriminator"] = torch.optim.Adam(
                self.discriminator.parameters(), lr=0.0, betas=settings.betas
            )
        # In eval mode while it judges: the published training leaves it in train mode, so that its verdict on a
        # mouth depends on the other mouths of the batch.
        self.expert = expert.to(device).eval().requires_grad_(False) if expert is not None else None
        self.features = features.to(device).eval().requires_grad_(False) if features is not None else None
        self.lpips = lpips.to(device) if lpips is not None else None
        self.gate = SyncGate(settings.sync_threshold)
        self.device = device
        expert_config = expert.config if expert is not None else None
        self.sampling = PictureSampling(
            config.resolution,
            config.mel_window,
            config.mel_lead,
            num_frames=expert_config.num_frames if expert_config and settings.losses.sync else settings.num_frames,
            expert_mel_window=expert_config.mel_window if expert_config else 16,
            expert_mel_lead=expert_config.mel_lead if expert_config else 0,
        )

    def _is_trained(self, name: str) -> bool:
        return self.settings.losses.sync > 0 or not name.startswith(SPEECH_BRANCH)

    def dataset(self, seed: int, length: int) -> Dataset[Batch]:
        """Return endless samples of the training clips."""
        return PictureDataset(self.train, self.sampling, self.settings.augmentation, seed=seed, length=length)

    def averaged(self) -> nn.Module:
        """Return the generator."""
        return self.generator

    def turns(self) -> list[Turn]:
        """Return the generator's turn, then the discriminator's."""
        turns = [Turn("generator", self.optimizers["generator"], self._generator_losses, self._generator_weights)]
        if self.discriminator is not None:
            turns.append(
                Turn(
                    "discriminator",
                    self.optimizers["discriminator"],
                    self._discriminator_losses,
                    lambda: {"real": 1.0, "painted": 1.0},
                )
            )
        return turns

    def extra_state(self) -> dict[str, Any]:
        """Return the state of the sync gate."""
        return {"gate_is_open": self.gate.is_open}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        """Take back the state of the sync gate."""
        self.gate.is_open = state["gate_is_open"]

    def export(self, path: str, training: str, quality: dict[str, float]) -> None:
        """Write the generator as a weights file."""
        config = self.settings.generator
        crop = CropSpec(size=config.resolution)
        description = f"{type(self.generator).__name__} generator trained with visavox"
        card = ModelCard(crop, description, training, UNSTATED_LICENCE, quality)
        save_model(path, self.generator, network=network_of(config), config=config, card=card)

    def validate(self) -> Validation:
        """Paint frames of validation speakers from the true motion and from what is heard.

        The score is the weighted L1, painted from what the network is trained to paint from; where an expert is
        at hand, the sync loss is measured too, and opens the gate.
        """
        batches = self._validation_batches()
        totals: dict[str, list[float]] = {}
        strip: list[np.ndarray] = []
        for batch in batches:
            prepared = PreparedBatch(batch, self.settings.mouth_weight)
            painted = {}
            if self.hears:
                painted["heard"] = self.generator(prepared.mel, prepared.faces)
            if self.settings.generator.motion is not None:
                painted["true_motion"] = self.generator(prepared.mel, prepared.faces, prepared.motion)
            for name, pictures in painted.items():
                pictures = pictures.float()
                totals.setdefault(f"l1_{name}", []).append(
                    float(weighted_l1(pictures, prepared.truth, prepared.weight))
                )
                totals.setdefault("sharpness", []).append(sharpness(pictures, prepared.truth, prepared.weight))
                if self.features is not None or self.lpips is not None:
                    for key, value in self._face_losses(pictures, prepared.truth).items():
                        totals.setdefault(f"{key}_{name}", []).append(float(value))
                if self.expert is not None and self.sampling.num_frames == self.expert.config.num_frames:
                    totals.setdefault(f"sync_{name}", []).append(float(self._sync(pictures, batch)))
            if len(strip) < 6:
                strip.append(side_by_side([prepared.faces[:, 3:], prepared.truth, *painted.values()]))
        figures = {name: float(np.mean(values)) for name, values in totals.items()}
        if "sync_heard" in figures:
            self.gate.see(figures["sync_heard"])
            figures["gate"] = float(self.gate.is_open)
        return Validation(figures, self._score(figures), np.concatenate(strip, axis=0))

    def _score(self, figures: dict[str, float]) -> float:
        """The weighted L1, dearer the less sharp the painting where the painting is to be sharp, and the sync loss.

        Whether the gate is open makes no difference: scores are compared over the whole run.
        """
        by_motion = self.settings.generator.motion is not None and self.settings.true_motion == 1
        score = figures["l1_true_motion" if by_motion else "l1_heard"]
        if self.discriminator is not None:
            score *= price_of_blur(figures["sharpness"])
        if self.settings.losses.sync and self.expert is not None:
            score += self.settings.losses.sync * figures["sync_heard"]
        return score

    def _validation_batches(self) -> list[Batch]:
        """The same samples at every validation, without augmentation."""
        rng = np.random.default_rng(self.seed)
        still = draw_look(NO_AUGMENTATION, rng)
        samples = []
        clips = self.validation.clips
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

    def _generator_losses(self, batch: Batch) -> Losses:
        prepared = PreparedBatch(batch, self.settings.mouth_weight)
        painted, cover = self._paint(prepared)
        batch["painted"] = painted.detach()
        losses = {
            "reconstruction": weighted_l1(painted, prepared.truth, prepared.weight),
            "gradient": weighted_gradient_l1(painted, prepared.truth, prepared.weight),
        }
        if self.settings.losses.detail:
            losses["detail"] = detail_difference(painted, prepared.truth, prepared.weight)
        if cover is not None:
            losses["cover"] = (cover.float() * prepared.lower).mean()
        if self.settings.losses.sync and self.expert is not None:
            losses["sync"] = self._sync(painted, batch) if self.gate.is_open else painted.new_zeros(())
        if self.settings.losses.need_features or self.settings.losses.lpips:
            losses |= self._face_losses(painted, prepared.truth)
        if self.discriminator is not None:
            half = painted.shape[-1] // 2
            # It learns in its own turn: here its gradients would be found for nothing.
            self.discriminator.requires_grad_(False)
            with torch.no_grad():
                _, true_features = self.discriminator.judge(prepared.truth[..., half:, :])
            judged, features = self.discriminator.judge(painted[..., half:, :])
            losses["adversarial"] = real_or_painted(judged, real=True)
            losses["features"] = feature_distance(features, true_features)
        return losses

    def _generator_weights(self) -> dict[str, float]:
        weights = self.settings.losses
        named = {"reconstruction": weights.reconstruction, "gradient": weights.gradient}
        if self.settings.generator.warp_reference:
            named["cover"] = weights.cover
        if weights.sync and self.expert is not None:
            named["sync"] = weights.sync if self.gate.is_open else 0.0
        chosen = ("detail", "reading", "perceptual", "lpips")
        named |= {name: value for name in chosen if (value := getattr(weights, name))}
        if self.discriminator is not None:
            named |= {"adversarial": weights.adversarial, "features": weights.features}
        return named

    def _face_losses(self, painted: Tensor, truth: Tensor) -> Losses:
        """What is left of a painted face's difference from the true one, to networks that know faces or pictures."""
        losses: Losses = {}
        if self.settings.losses.lpips and self.lpips is not None:
            losses["lpips"] = self.lpips(painted, truth).mean()
        if not self.settings.losses.need_features or self.features is None:
            return losses
        with torch.no_grad():
            true_features, true_motion = self.features(truth)
        features, motion = self.features(painted)
        if self.settings.losses.reading:
            losses["reading"] = reading_distance(motion, true_motion)
        if self.settings.losses.perceptual:
            losses["perceptual"] = normalized_feature_distance(features, true_features).mean()
        return losses

    def _discriminator_losses(self, batch: Batch) -> Losses:
        assert self.discriminator is not None
        self.discriminator.requires_grad_(True)
        truth = batch["faces"].flatten(0, 1).float() / 255
        half = truth.shape[-1] // 2
        real, _ = self.discriminator.judge(truth[..., half:, :])
        painted, _ = self.discriminator.judge(batch["painted"][..., half:, :])
        return {"real": real_or_painted(real, real=True), "painted": real_or_painted(painted, real=False)}

    def _paint(self, prepared: PreparedBatch) -> tuple[Tensor, Tensor | None]:
        """Paint a batch; return the pictures and, of networks that bend the reference, the cover."""
        self.generator.train(not self.settings.frozen_statistics)
        condition = self._condition(prepared)
        if not self.settings.generator.warp_reference:
            return self.generator.paint(condition, prepared.faces).float(), None
        layers = self.generator.layers(condition, prepared.faces)
        return layers.flatten(prepared.faces[:, 3:]), layers.cover

    def _condition(self, prepared: PreparedBatch) -> Tensor:
        """Condition of the decoder: from the true motion, from what is heard, or some from each."""
        if self.settings.generator.motion is None:
            return self.generator.condition(prepared.mel)
        if not self.hears:
            return self.generator.motion_condition(prepared.motion)
        if not self.settings.losses.sync:
            self.generator.motion_predictor.eval()
        motion = prepared.motion
        if self.settings.true_motion < 1:
            heard = self.generator.motion_predictor(prepared.mel)
            # Whole samples, not single frames: a mouth must not jump between two sources.
            chosen = torch.rand(prepared.num_samples, device=motion.device) < self.settings.true_motion
            motion = torch.where(chosen.repeat_interleave(prepared.num_frames)[:, None], motion, heard)
        return self.generator.motion_condition(motion)

    def _sync(self, painted: Tensor, batch: Batch) -> Tensor:
        assert self.expert is not None
        mouths = stack_mouths(painted.unflatten(0, batch["faces"].shape[:2]))
        audio, face = self.expert(batch["expert_mel"][:, None], mouths)
        return cosine_bce(audio, face, torch.ones(len(audio), device=audio.device))


def price_of_blur(sharpness: float) -> float:
    """Factor on the L1 of a painting that is to be sharp: 1 where it is as sharp as the truth, else more.

    L1 alone prefers blur: by it, what makes a painting sharp does harm from its first step on.
    """
    return 1 + abs(math.log(max(sharpness, 1e-3)))
