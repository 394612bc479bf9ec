"""A generator small enough to be written in a test, and what is said of it."""

from pathlib import Path
from typing import Any

import torch

from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.wav2lip import Wav2Lip, Wav2LipConfig
from visavox.weights.checkpoint import save_model
from visavox.weights.weights_file import ModelCard

CONFIG = Wav2LipConfig(
    mel_lead=2,
    encoder_channels=(2, 2, 2, 2, 2, 4, 4),
    encoder_residuals=(0,) * 6,
    decoder_channels=(4, 4, 4, 4, 4, 2, 2),
    decoder_residuals=(0,) * 7,
    audio_channels=(2, 2, 2, 2, 4),
    output_channels=2,
)
CARD = ModelCard(
    crop=CropSpec(size=96, side=2.5),
    description="a generator for tests",
    training="none",
    licence="CC0",
    quality={"opening_correlation": 0.5},
)


def small_generator(seed: int = 0) -> Wav2Lip:
    torch.manual_seed(seed)
    return Wav2Lip(CONFIG).eval()


def save_small_generator(path: Path, **changes: Any) -> Path | None:
    save_model(path, small_generator(), **{"network": "wav2lip", "config": CONFIG, "card": CARD, **changes})
    return path
