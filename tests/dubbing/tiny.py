"""Dimensions of the tiny generator of these tests."""

from visavox.face.crop import CropSpec
from visavox.models.wav2lip.generator import Wav2LipConfig

CROP = CropSpec(size=96)
CONFIG = Wav2LipConfig(
    mel_lead=4,
    encoder_channels=(4, 4, 8, 8, 8, 8, 8),
    encoder_residuals=(0, 0, 1, 0, 0, 0),
    decoder_channels=(8, 8, 8, 8, 8, 8, 4),
    decoder_residuals=(0, 0, 1, 0, 0, 0, 0),
    audio_channels=(4, 4, 8, 8, 8),
    output_channels=4,
)
