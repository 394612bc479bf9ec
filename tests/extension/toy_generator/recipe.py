"""The row of the toy network, and how it is trained."""

from __future__ import annotations

from tests.extension.toy_generator.renderer import ToyConfig, ToyRenderer

from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.conditioners import AudioEncoderConfig
from visavox.models.generator.generator import GeneratorConfig
from visavox.models.generator.spec import AudioSpec, GeneratorSpec
from visavox.training.generator.recipes import GeneratorRecipe
from visavox.training.generator.settings import GeneratorSettings
from visavox.training.recipe import LoopSettings
from visavox.weights.networks import Network

NETWORK = Network("generator", "a toy generator", ToyConfig, ToyRenderer)

CONFIG = GeneratorConfig(
    GeneratorSpec(CropSpec(size=64), AudioSpec(lead=4)), AudioEncoderConfig((2, 2, 4, 4, 4)), ToyConfig()
)
"""A crop that no U-Net of visavox takes, and the published audio encoder, as narrow as it gets."""

RECIPE = GeneratorRecipe(
    "wav2lip",
    GeneratorSettings(CONFIG, validation_samples=2),
    LoopSettings(
        steps=3,
        batch_size=2,
        learning_rate=1e-2,
        warmup=1,
        validate_every=3,
        save_every=3,
        workers=0,
        precision="32-true",
    ),
)
