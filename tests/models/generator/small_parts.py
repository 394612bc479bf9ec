"""Contracts, inputs and states for tests of generators of any kind."""

from __future__ import annotations

from dataclasses import replace

import torch
from tests.narrow import ModuleT, present
from torch import Tensor, nn
from torch.nn import functional as F

from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.conditioners import AudioEncoderConfig
from visavox.models.generator.generator import GeneratorConfig, LipSyncGenerator
from visavox.models.generator.spec import AudioSpec, GeneratorSpec
from visavox.models.generator.speech_branch import SpeechBranchConfig
from visavox.weights.networks import build_generator

ENCODER = AudioEncoderConfig((2, 2, 2, 2, 4))
BRANCH = SpeechBranchConfig(num_motions=3, channels=8, condition=4)
SPEC = GeneratorSpec(CropSpec(size=96), AudioSpec())


def inputs(config: GeneratorConfig, batch: int = 2) -> tuple[Tensor, Tensor]:
    """What drives `batch` faces, and smooth targets and references for them."""
    torch.manual_seed(0)
    spec, size = config.spec, config.resolution
    if spec.audio is None:
        drive = torch.randn(batch, config.num_motions or 0)
    else:
        drive = torch.rand(batch, spec.audio.size, spec.audio.window) * 8 - 4
    faces = torch.rand(batch, 3 + 3 * spec.references, 12, 12)
    return drive, F.interpolate(faces, size=(size, size), mode="bilinear")


def used(config: GeneratorConfig) -> LipSyncGenerator:
    """A generator in eval mode none of whose numbers is at its starting value."""
    torch.manual_seed(1)
    generator = build_generator(config)
    for name, parameter in generator.named_parameters():
        if "affine" in name or "flow" in name:
            nn.init.normal_(parameter, 0, 0.1)
    for part in generator.modules():
        if isinstance(part, nn.BatchNorm2d):
            present(part.running_mean).normal_(0, 0.2)
            present(part.running_var).uniform_(0.2, 1)
            nn.init.normal_(part.bias, 0.2, 0.2)
    return generator.eval()


def shaken(module: ModuleT) -> ModuleT:
    """Give every normalisation the statistics and weights of a network in use; return the module, in eval mode."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            present(part.running_mean).normal_(0, 0.3)
            present(part.running_var).uniform_(0.5, 2)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.3)
    return module.eval()


def sized(config: GeneratorConfig, resolution: int) -> GeneratorConfig:
    """The same for crops of another size."""
    return replace(config, spec=replace(config.spec, crop=CropSpec(size=resolution)))
