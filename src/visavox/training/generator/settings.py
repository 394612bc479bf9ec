"""Settings of the tasks that train a generator."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from visavox.data.generator import CropAugmentation
from visavox.models.generator import GeneratorConfig, QualityDiscriminatorConfig


@dataclass(frozen=True)
class GeneratorLosses:
    """Weights of the generator's losses."""

    reconstruction: float = 1.0
    """L1 over the generated half, more on the mouth."""
    gradient: float = 1.0
    """L1 of the finite differences, for edges."""
    detail: float = 0.0
    """Difference in the amount of fine detail, wherever in a patch it lies: what pixels alone teach is soft."""
    alpha: float = 0.0
    """Share of generated colours over the warped reference (layered networks): what can be warped is to
    be warped, so that it stays sharp at any size."""
    sync: float = 0.0
    """Sync loss of the expert, once the gate is open (Wav2Lip: 0.01, with the discriminator 0.03)."""
    adversarial: float = 0.0
    """Verdict of the discriminator (Wav2Lip: 0.07); 0 trains without a discriminator."""
    features: float = 0.0
    """Distance of the discriminator's features from those of the true image."""
    mouth_motion: float = 0.0
    """Distance of the motion that is read from the generated mouth from the one that is read from the true mouth: a
    mouth that follows halfway costs little in pixels."""
    perceptual: float = 0.0
    """Distance of the face features of the generated image from those of the true one; not LPIPS."""
    lpips: float = 0.0
    """LPIPS (in place of a discriminator in LPIPS-AttnWav2Lip); needs ImageNet weights."""

    @property
    def need_features(self) -> bool:
        """True where a loss looks through face features."""
        return bool(self.mouth_motion or self.perceptual)


@dataclass(frozen=True)
class GeneratorSettings:
    """Network, samples and losses of a generator's training."""

    generator: GeneratorConfig
    """The network: its contract, and which conditioner and renderer of which dimensions."""
    losses: GeneratorLosses = field(default_factory=GeneratorLosses)
    """Weights of the losses."""
    discriminator: QualityDiscriminatorConfig | None = None
    """The discriminator; needed when `adversarial` or `features` has a weight."""
    lpips_network: Literal["alex", "vgg", "squeeze"] = "alex"
    """The network of LPIPS."""
    num_frames: int = 1
    """Consecutive frames of a sample; the sync loss needs those of the expert."""
    teacher_forcing: float = 1.0
    """Share of samples that are rendered from the true motion instead of the motion that is predicted from the audio
    (networks with a speech branch)."""
    motion_gain: float = 1.0
    """Factor by which a dub enlarges the motion (motion-driven networks), because the network moves less than it is
    asked to: the inverse of the gain that `benchmarks.backwards --true-motion` finds without it."""
    mouth_weight: float = 4.0
    """Weight of the middle of the mouth against the rest of the generated half."""
    augmentation: CropAugmentation = field(default_factory=CropAugmentation)
    """Augmentation of the images."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Adam's; the published training with a discriminator uses (0.5, 0.999)."""
    sync_threshold: float = 0.75
    """Validation sync loss that opens the gate of the sync loss."""
    validation_samples: int = 96
    """Samples of a validation."""
    freeze_batch_norm: bool = False
    """Leave the statistics of batch normalisation as they came; for fine-tuning on little video, in small batches."""

    def __post_init__(self) -> None:
        """Refuse losses whose network is missing."""
        adversarial = bool(self.losses.adversarial or self.losses.features)
        if self.generator.spec.audio is None and (self.losses.sync or self.teacher_forcing < 1):
            raise ValueError("a motion-driven generator learns from the true motion alone, without a sync loss")
        if adversarial != (self.discriminator is not None):
            raise ValueError("`adversarial` or `features` has a weight exactly if there is a discriminator")
