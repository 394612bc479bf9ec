"""The networks by name, and the named configurations of them: two plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import nn

from visavox.models.face_features import FaceFeatures, FaceFeaturesConfig
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
}
"""Name, as the weights file gives it, to network."""

CONFIGURATIONS = {
    "wav2lip-96": ("wav2lip", Wav2LipConfig()),
    "expert-96": ("expert", ExpertConfig()),
    "quality-96": ("quality", QualityDiscriminatorConfig()),
    "syncnet-224": ("syncnet", SyncNetConfig()),
}
"""The published networks: name to network and dimensions."""
