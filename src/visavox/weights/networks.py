"""All networks by name: one literal table, and another one of the conditioners of generators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from torch import nn

from visavox.face.geometry.crop import CropSpec
from visavox.models.generator import (
    AttnWav2LipConfig,
    AttnWav2LipRenderer,
    AudioEncoder,
    AudioEncoderConfig,
    AudioSpec,
    GeneratorConfig,
    GeneratorSpec,
    LipSyncGenerator,
    MouthMotion,
    MouthMotionConfig,
    QualityDiscriminator,
    QualityDiscriminatorConfig,
    SpeechBranch,
    SpeechBranchConfig,
    Wav2LipConfig,
    Wav2LipRenderer,
)
from visavox.models.motion import MotionCritic, MotionCriticConfig, MotionVae, MotionVaeConfig, PostNet, PostNetConfig
from visavox.models.perceptual import MouthPerceptualNet, MouthPerceptualNetConfig
from visavox.models.radiance import Head, HeadConfig, Torso, TorsoConfig
from visavox.models.speech import ReducedWhisper, ReducedWhisperConfig
from visavox.models.sync import Expert, ExpertConfig, MotionSyncNet, MotionSyncNetConfig, SyncNet, SyncNetConfig
from visavox.runtime.serialization import from_mapping

Kind = Literal["generator", "discriminator", "perceptual", "sync", "motion", "radiance", "speech"]


class Published(NamedTuple):
    """Published weights of a network: how they are recognised, and what they are converted to."""

    config: Any
    """Dimensions of the published network; a `GeneratorConfig` for a generator."""
    prefixes: tuple[str, ...] = ()
    """Prefixes of keys that tell its files from those of other networks; none where no weights are published."""
    input_layer: str = ""
    """The layer that sees the images, three channels each (BGR in published files)."""


class Network(NamedTuple):
    """One row of the table."""

    kind: Kind
    """Purpose of the network."""
    noun: str
    """Noun for it in sentences."""
    config: type
    """Class of its dimensions."""
    build: type[nn.Module]
    """Class of the network; of a generator, its renderer."""
    published: Published | None = None
    """Dimensions and weights in the field."""

    @property
    def is_generator(self) -> bool:
        """Tell whether it renders faces."""
        return self.kind == "generator"


class ConditionerKind(NamedTuple):
    """One row of the table of conditioners."""

    config: type
    """Class of its dimensions."""
    build: type[nn.Module]
    """Class of the conditioner."""


_PUBLISHED_SPEC = GeneratorSpec(CropSpec(kind="box", size=96), AudioSpec())

NETWORKS: dict[str, Network] = {
    "wav2lip": Network(
        "generator",
        "a Wav2Lip generator",
        Wav2LipConfig,
        Wav2LipRenderer,
        Published(
            GeneratorConfig(_PUBLISHED_SPEC, AudioEncoderConfig(), Wav2LipConfig()),
            ("face_encoder_blocks.", "face_decoder_blocks."),
            "face_encoder_blocks.0.0.conv_block.0.weight",
        ),
    ),
    "attn_wav2lip": Network(
        "generator",
        "an AttnWav2Lip generator",
        AttnWav2LipConfig,
        AttnWav2LipRenderer,
        Published(GeneratorConfig(_PUBLISHED_SPEC, AudioEncoderConfig(), AttnWav2LipConfig())),
    ),
    "quality": Network(
        "discriminator",
        "a visual quality discriminator",
        QualityDiscriminatorConfig,
        QualityDiscriminator,
        Published(
            QualityDiscriminatorConfig(),
            ("face_encoder_blocks.", "binary_pred."),
            "face_encoder_blocks.0.0.conv_block.0.weight",
        ),
    ),
    "expert": Network(
        "sync",
        "an expert (SyncNet)",
        ExpertConfig,
        Expert,
        Published(ExpertConfig(), ("face_encoder.", "audio_encoder."), "face_encoder.0.conv_block.0.weight"),
    ),
    "syncnet": Network(
        "sync",
        "the SyncNet of Chung & Zisserman (2016)",
        SyncNetConfig,
        SyncNet,
        Published(SyncNetConfig(), ("netcnnaud.", "netcnnlip."), "netcnnlip.0.weight"),
    ),
    "face_features": Network("perceptual", "face features", MouthPerceptualNetConfig, MouthPerceptualNet),
    "motion_vae": Network("motion", "a motion VAE", MotionVaeConfig, MotionVae, Published(MotionVaeConfig())),
    "motion_syncnet": Network(
        "motion", "a motion SyncNet", MotionSyncNetConfig, MotionSyncNet, Published(MotionSyncNetConfig())
    ),
    "postnet": Network(
        "motion", "a post-net of one person's motion", PostNetConfig, PostNet, Published(PostNetConfig())
    ),
    "motion_critic": Network(
        "motion",
        "a critic of one person's motion",
        MotionCriticConfig,
        MotionCritic,
        Published(MotionCriticConfig()),
    ),
    "head": Network("radiance", "a Head-NeRF", HeadConfig, Head),
    "torso": Network("radiance", "a Torso-NeRF", TorsoConfig, Torso),
    "reduced_whisper": Network("speech", "an encoder of speech", ReducedWhisperConfig, ReducedWhisper),
}
"""Name, as the weights file gives it, to network. AttnWav2Lip is as wide as the published Wav2Lip."""

CONDITIONERS: dict[str, ConditionerKind] = {
    "audio-encoder": ConditionerKind(AudioEncoderConfig, AudioEncoder),
    "speech-branch": ConditionerKind(SpeechBranchConfig, SpeechBranch),
    "mouth-motion": ConditionerKind(MouthMotionConfig, MouthMotion),
}
"""Kind, as the weights file gives it, to conditioner."""


def network_of(config: Any) -> str:
    """Return the name of the network that has such dimensions; of a generator, that of its renderer."""
    dimensions = config.renderer if isinstance(config, GeneratorConfig) else config
    (name,) = (name for name, network in NETWORKS.items() if network.config is type(dimensions))
    return name


def conditioner_of(config: Any) -> str:
    """Return the kind of the conditioner that has such dimensions."""
    (kind,) = (kind for kind, conditioner in CONDITIONERS.items() if conditioner.config is type(config))
    return kind


def build_network(config: Any) -> nn.Module:
    """Build a network of dimensions of any class in the table, or a generator of a `GeneratorConfig`.

    Raises:
        ValueError: the dimensions do not fit each other.
    """
    if isinstance(config, GeneratorConfig):
        return build_generator(config)
    return NETWORKS[network_of(config)].build(config)


def build_generator(config: GeneratorConfig) -> LipSyncGenerator:
    """Build a generator from its contract and the dimensions of its parts.

    Raises:
        ValueError: the dimensions do not fit each other.
    """
    conditioner: Any = CONDITIONERS[conditioner_of(config.conditioner)].build(config.conditioner, config.spec.audio)
    renderer: Any = NETWORKS[network_of(config)].build(config.renderer, config.spec, conditioner.channels)
    return LipSyncGenerator(config.spec, conditioner, renderer)


def config_from(
    network: str, config: Mapping[str, Any], spec: GeneratorSpec | None, conditioner: Mapping[str, Any] | None
) -> Any:
    """Turn dimensions, as JSON gives them, into those of the network's class.

    Raises:
        ValueError: there is no such conditioner, or a field is unknown or of another type.
    """
    dimensions: Any = from_mapping(NETWORKS[network].config, config)
    if spec is None:
        if NETWORKS[network].is_generator:
            raise ValueError("a generator without a spec")
        return dimensions
    described = dict(conditioner or {})
    kind = described.pop("kind", None)
    if kind not in CONDITIONERS:
        raise ValueError(f"there is no conditioner {kind!r}; this visavox knows {', '.join(CONDITIONERS)}")
    return GeneratorConfig(spec, from_mapping(CONDITIONERS[kind].config, described), dimensions)
