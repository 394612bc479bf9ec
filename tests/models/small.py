"""Generators small enough to be written in a test, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import torch

from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.attn_wav2lip import AttnWav2LipConfig
from visavox.models.generator.conditioners import AudioEncoderConfig
from visavox.models.generator.generator import GeneratorConfig, LipSyncGenerator
from visavox.models.generator.spec import AudioSpec, GeneratorSpec
from visavox.models.generator.wav2lip import Wav2LipConfig
from visavox.weights.checkpoint import save_model
from visavox.weights.networks import build_generator
from visavox.weights.weights_file import ModelCard

CONFIG = GeneratorConfig(
    GeneratorSpec(CropSpec(size=96, side=2.5), AudioSpec(lead=2)),
    AudioEncoderConfig((2, 2, 2, 2, 4)),
    Wav2LipConfig(
        encoder_channels=(2, 2, 2, 2, 2, 4, 4),
        encoder_residuals=(0,) * 6,
        decoder_channels=(4, 4, 4, 4, 4, 2, 2),
        decoder_residuals=(0,) * 7,
        output_channels=2,
    ),
)
ATTN = AttnWav2LipConfig(
    encoder_channels=(2, 4, 4, 4),
    encoder_blocks=(0, 0, 1, 0),
    decoder_channels=(4, 4, 4, 4),
    decoder_blocks=(0, 0, 1, 0),
    alignment_levels=(2, 3),
    output_channels=2,
)
"""A renderer of the other network, as small."""
CARD = ModelCard(
    description="a generator for tests",
    training="none",
    licence="CC0",
    quality={"opening_correlation": 0.5},
)


def small_generator(seed: int = 0, config: GeneratorConfig = CONFIG) -> LipSyncGenerator:
    """A generator in eval mode that never learned anything."""
    torch.manual_seed(seed)
    return build_generator(config).eval()


def save_small_generator(path: Path, dtype: torch.dtype = torch.float32) -> Path:
    """Write the small generator and return where."""
    save_model(path, small_generator(), CARD, dtype=dtype)
    return path
