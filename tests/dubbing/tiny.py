"""Dimensions of the tiny generators of these tests."""

from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.attn_wav2lip import AttnWav2LipConfig
from visavox.models.generator.speech_branch import MotionConfig
from visavox.models.generator.wav2lip import Wav2LipConfig

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
ATTN_CONFIG = AttnWav2LipConfig(
    mel_window=32,
    mel_lead=14,
    encoder_channels=(4, 4, 8, 8, 8),
    encoder_blocks=(0, 0, 1, 0, 1),
    decoder_channels=(4, 8, 8, 8, 8),
    decoder_blocks=(0, 0, 1, 0, 1),
    output_channels=4,
    motion=MotionConfig(num_motions=4, channels=8, condition=8),
    warp_reference=True,
)
