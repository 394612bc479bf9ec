"""The networks by name, and the named configurations of them: two plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import nn

from visavox.models.attn_wav2lip.generator import AttnWav2Lip, AttnWav2LipConfig
from visavox.models.face_features import FaceFeatures, FaceFeaturesConfig
from visavox.models.geneface.critic import MotionCritic, MotionCriticConfig
from visavox.models.geneface.head import Head, HeadConfig
from visavox.models.geneface.motion_syncnet import MotionSyncNet, MotionSyncNetConfig
from visavox.models.geneface.motion_vae import MotionVae, MotionVaeConfig
from visavox.models.geneface.postnet import PostNet, PostNetConfig
from visavox.models.geneface.torso import Torso, TorsoConfig
from visavox.models.motion_dub.generator import MotionDub, MotionDubConfig
from visavox.models.syncnet.expert import Expert, ExpertConfig
from visavox.models.syncnet.syncnet import SyncNet, SyncNetConfig
from visavox.models.wav2lip.discriminator import QualityDiscriminator, QualityDiscriminatorConfig
from visavox.models.wav2lip.generator import Wav2Lip, Wav2LipConfig


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
