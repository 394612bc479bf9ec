"""Tiny generators of these tests: their dimensions, and weights that make a difference."""

from dataclasses import replace

from tests.narrow import part, present
from torch import nn

from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.attn_wav2lip import AttnWav2LipConfig
from visavox.models.generator.conditioners import AudioEncoderConfig, MouthMotionConfig
from visavox.models.generator.generator import GeneratorConfig, LipSyncGenerator
from visavox.models.generator.spec import AudioSpec, GeneratorSpec
from visavox.models.generator.speech_branch import SpeechBranchConfig
from visavox.models.generator.wav2lip import Wav2LipConfig

CROP = CropSpec(size=96)
BRANCH = SpeechBranchConfig(num_motions=4, channels=8, condition=8)
CONFIG = GeneratorConfig(
    GeneratorSpec(CROP, AudioSpec(lead=4)),
    AudioEncoderConfig((4, 4, 8, 8, 8)),
    Wav2LipConfig(
        output_channels=4,
        encoder_channels=(4, 4, 8, 8, 8, 8, 8),
        encoder_residuals=(0, 0, 1, 0, 0, 0),
        decoder_channels=(8, 8, 8, 8, 8, 8, 4),
        decoder_residuals=(0, 0, 1, 0, 0, 0, 0),
    ),
)
MOTION_CONFIG = GeneratorConfig(
    replace(CONFIG.spec, audio=None), MouthMotionConfig(4, 8), replace(CONFIG.renderer, modulated=True)
)
"""Driven by motion."""
ATTN_CONFIG = GeneratorConfig(
    GeneratorSpec(CROP, AudioSpec(window=32, lead=14), layered=True),
    BRANCH,
    AttnWav2LipConfig(
        output_channels=4,
        encoder_channels=(4, 4, 8, 8, 8),
        encoder_blocks=(0, 0, 1, 0, 1),
        decoder_channels=(4, 8, 8, 8, 8),
        decoder_blocks=(0, 0, 1, 0, 1),
    ),
)


def randomize_statistics(generator: LipSyncGenerator) -> None:
    """Give batch normalization the statistics of a network in use: none is at its starting value."""
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            present(module.running_mean).normal_(0, 0.1)
            present(module.running_var).uniform_(0.05, 0.2)
            nn.init.normal_(module.bias, 0, 0.2)


def randomize_warp(generator: LipSyncGenerator, deviation: float) -> None:
    """Have a layered generator warp its reference at random."""
    nn.init.normal_(part(generator, "renderer.reference_warp.flow", nn.Conv2d).weight, 0, deviation)
