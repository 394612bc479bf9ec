"""The networks by name, and the named configurations of them: two plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import nn

from visavox.models.generator.attn_wav2lip import AttnWav2Lip, AttnWav2LipConfig
from visavox.models.generator.discriminator import QualityDiscriminator, QualityDiscriminatorConfig
from visavox.models.generator.motion_driven import MotionDub, MotionDubConfig
from visavox.models.generator.wav2lip import Wav2Lip, Wav2LipConfig
from visavox.models.motion.critic import MotionCritic, MotionCriticConfig
from visavox.models.motion.motion_vae import MotionVae, MotionVaeConfig
from visavox.models.motion.postnet import PostNet, PostNetConfig
from visavox.models.perceptual.face_features import FaceFeatures, FaceFeaturesConfig
from visavox.models.radiance.head import Head, HeadConfig
from visavox.models.radiance.torso import Torso, TorsoConfig
from visavox.models.sync.expert import Expert, ExpertConfig
from visavox.models.sync.motion_syncnet import MotionSyncNet, MotionSyncNetConfig
from visavox.models.sync.syncnet import SyncNet, SyncNetConfig


class Network(NamedTuple):
    """One network: what it is called in sentences, its dimensions, and how it is built from them."""

    noun: str
    config: type
    build: Callable[[Any], nn.Module]


NETWORKS = {
    "wav2lip": Network("a Wav2Lip generator", Wav2LipConfig, Wav2Lip),
    "expert": Network("an expert (SyncNet)", ExpertConfig, Expert),
    "quality": Network("a visual quality discriminator", QualityDiscriminatorConfig, QualityDiscriminator),
    "face_features": Network("face features", FaceFeaturesConfig, FaceFeatures),
    "syncnet": Network("the SyncNet of Chung & Zisserman (2016)", SyncNetConfig, SyncNet),
    "attn_wav2lip": Network("an AttnWav2Lip generator", AttnWav2LipConfig, AttnWav2Lip),
    "head": Network("a Head-NeRF", HeadConfig, Head),
    "torso": Network("a Torso-NeRF", TorsoConfig, Torso),
    "motion_vae": Network("a motion VAE", MotionVaeConfig, MotionVae),
    "motion_syncnet": Network("a motion SyncNet", MotionSyncNetConfig, MotionSyncNet),
    "postnet": Network("a post-net of one person's motion", PostNetConfig, PostNet),
    "motion_critic": Network("a critic of one person's motion", MotionCriticConfig, MotionCritic),
    "motion_dub": Network("a generator that is told the motion", MotionDubConfig, MotionDub),
}
"""Name, as the weights file gives it, to network."""

CONFIGURATIONS = {
    "wav2lip-96": ("wav2lip", Wav2LipConfig()),
    "expert-96": ("expert", ExpertConfig()),
    "quality-96": ("quality", QualityDiscriminatorConfig()),
    "syncnet-224": ("syncnet", SyncNetConfig()),
    "attn-wav2lip-96": ("attn_wav2lip", AttnWav2LipConfig()),
    "motion-vae-204": ("motion_vae", MotionVaeConfig()),
    "geneface-syncnet": ("motion_syncnet", MotionSyncNetConfig()),
    "geneface-postnet": ("postnet", PostNetConfig()),
    "geneface-critic": ("motion_critic", MotionCriticConfig()),
}
"""Name to network and dimensions: the published networks, and AttnWav2Lip as wide as the published Wav2Lip."""


def network_of(config: Any) -> str:
    """Return the name of the network that has such dimensions."""
    (name,) = (name for name, network in NETWORKS.items() if network.config is type(config))
    return name
