"""Dimensions of the tiny generators of these tests."""

from dataclasses import replace

from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.attn_wav2lip import AttnWav2LipConfig
from visavox.models.generator.conditioners import AudioEncoderConfig, MouthMotionConfig
from visavox.models.generator.generator import GeneratorConfig
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
