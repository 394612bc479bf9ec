"""Networks and recipes small enough to be trained in a test."""

from __future__ import annotations

from dataclasses import replace

from tests.models.small import ATTN

from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.conditioners import AudioEncoderConfig, MouthMotionConfig
from visavox.models.generator.discriminator import QualityDiscriminatorConfig
from visavox.models.generator.generator import GeneratorConfig
from visavox.models.generator.spec import AudioSpec, GeneratorSpec
from visavox.models.generator.speech_branch import SpeechBranchConfig
from visavox.models.generator.wav2lip import Wav2LipConfig
from visavox.models.perceptual.face_features import MouthPerceptualNetConfig
from visavox.models.sync.expert import ExpertConfig
from visavox.training.generator.expert import ExpertSettings
from visavox.training.generator.features import FeaturesSettings
from visavox.training.generator.recipes import ExpertRecipe, FeaturesRecipe, GeneratorRecipe, SpeechRecipe
from visavox.training.generator.settings import GeneratorLosses, GeneratorSettings
from visavox.training.generator.speech import SpeechSettings
from visavox.training.recipe import LoopSettings

SPEC = GeneratorSpec(CropSpec(size=96), AudioSpec(window=32, lead=14), layered=True)
BRANCH = SpeechBranchConfig(num_motions=4, channels=8, condition=4)
_TINY = Wav2LipConfig(
    output_channels=2,
    encoder_channels=(2, 2, 4, 4, 4, 4, 4),
    encoder_residuals=(0,) * 6,
    decoder_channels=(4, 4, 4, 4, 4, 4, 2),
    decoder_residuals=(0,) * 7,
)
GENERATOR = GeneratorConfig(SPEC, BRANCH, replace(_TINY, modulated=True))
ATTN_GENERATOR = GeneratorConfig(SPEC, BRANCH, ATTN)
"""Takes the audio that GENERATOR takes, so that it can start from the same speech branch."""
PLAIN_GENERATOR = GeneratorConfig(
    GeneratorSpec(CropSpec(size=96), AudioSpec(lead=3)), AudioEncoderConfig((2, 2, 4, 4, 4)), _TINY
)
MOTION_GENERATOR = GeneratorConfig(
    replace(SPEC, audio=None), MouthMotionConfig(BRANCH.num_motions, BRANCH.condition), GENERATOR.renderer
)
EXPERT = ExpertConfig(
    face_channels=(2, 2, 4, 4, 4, 8), audio_channels=(2, 2, 4, 4, 8), face_residuals=(0, 0, 0, 1), dropout=0.2
)
DISCRIMINATOR = QualityDiscriminatorConfig(channels=(2, 2, 2, 4, 4, 4, 4))
FACE_FEATURES = MouthPerceptualNetConfig(resolution=96, channels=(2, 4, 4), num_motions=4)
LOOP = LoopSettings(
    steps=6,
    batch_size=4,
    learning_rate=1e-2,
    warmup=2,
    average_decay=0.9,
    validate_every=2,
    save_every=3,
    log_every=1,
    workers=0,
    precision="32-true",
)
SPEECH = SpeechRecipe("speech", SpeechSettings(GENERATOR, calibration_speakers=1), LOOP)
EXPERT_RECIPE = ExpertRecipe("expert", ExpertSettings(EXPERT, num_wrong=2, validation_samples=6), LOOP)
FEATURES = FeaturesRecipe("features", FeaturesSettings(FACE_FEATURES, validation_samples=6), LOOP)
RENDERER = GeneratorRecipe(
    "wav2lip", GeneratorSettings(GENERATOR, GeneratorLosses(alpha=0.1), validation_samples=4), LOOP
)
MOTION_RENDERER = GeneratorRecipe(
    "motion-dub", GeneratorSettings(MOTION_GENERATOR, GeneratorLosses(alpha=0.1), validation_samples=2), LOOP
)
ATTENTION = GeneratorRecipe(
    "attn-wav2lip",
    GeneratorSettings(
        ATTN_GENERATOR,
        GeneratorLosses(alpha=0.1, sync=0.1),
        sync_threshold=100.0,
        teacher_forcing=0.5,
        validation_samples=2,
    ),
    replace(LOOP, batch_size=2),
)
EVERYTHING = GeneratorRecipe(
    "wav2lip",
    GeneratorSettings(
        GENERATOR,
        GeneratorLosses(alpha=0.1, sync=0.1, adversarial=0.1, features=0.1, mouth_motion=0.1, perceptual=0.1),
        discriminator=DISCRIMINATOR,
        teacher_forcing=0.5,
        sync_threshold=100.0,
        validation_samples=2,
    ),
    replace(LOOP, batch_size=2),
)
"""Sync loss (whose gate opens at the first validation), discriminator, face features, dropout in the speech branch,
average."""
