"""Recipes of the tasks that train generators, experts and face features."""

from __future__ import annotations

from dataclasses import replace

from visavox.face.geometry.crop import CropSpec
from visavox.models.generator import (
    AttnWav2LipConfig,
    AudioEncoderConfig,
    AudioSpec,
    GeneratorConfig,
    GeneratorSpec,
    MouthMotionConfig,
    QualityDiscriminatorConfig,
    SpeechBranchConfig,
    Wav2LipConfig,
)
from visavox.models.sync import ExpertConfig
from visavox.training.generator.expert import ExpertSettings
from visavox.training.generator.features import FeaturesSettings
from visavox.training.generator.settings import GeneratorLosses, GeneratorSettings
from visavox.training.generator.speech import SpeechSettings
from visavox.training.recipe import LoopSettings, Recipe

_COMPACT_SPEC = GeneratorSpec(CropSpec(size=128), AudioSpec(window=64, lead=30), layered=True)
_SPEECH_BRANCH = SpeechBranchConfig(num_motions=8, dilations=(1, 2, 1, 2))

COMPACT_GENERATOR = GeneratorConfig(
    _COMPACT_SPEC,
    _SPEECH_BRANCH,
    Wav2LipConfig(
        output_channels=16,
        encoder_channels=(8, 16, 32, 64, 96, 128, 128),
        encoder_residuals=(0, 1, 1, 1, 1, 1),
        decoder_channels=(128, 128, 128, 96, 64, 32, 16),
        decoder_residuals=(0, 1, 1, 1, 1, 1, 0),
        modulated=True,
    ),
)
"""The generator of the default model: 0.37 GMAC a frame, a speech branch that takes 0.8 s of audio."""

COMPACT_ATTN_GENERATOR = GeneratorConfig(
    _COMPACT_SPEC,
    _SPEECH_BRANCH,
    AttnWav2LipConfig(
        output_channels=16,
        encoder_channels=(8, 16, 32, 64, 128),
        encoder_blocks=(0, 1, 1, 1, 1),
        decoder_channels=(16, 32, 64, 96, 128),
        decoder_blocks=(0, 1, 1, 1, 1),
        attention_from=2,
    ),
)
"""AttnWav2Lip in the size of the default model, with the same speech branch: 0.39 GMAC a frame."""

COMPACT_MOTION_GENERATOR = GeneratorConfig(
    replace(_COMPACT_SPEC, audio=None),
    MouthMotionConfig(_SPEECH_BRANCH.num_motions, _SPEECH_BRANCH.condition),
    COMPACT_GENERATOR.renderer,
)
"""The renderer of the default model, driven by motion: 0.36 GMAC a frame."""

_PUBLISHED_SPEC = GeneratorSpec(CropSpec(size=96), AudioSpec(lead=3))
"""Of the published networks, with the window about the frame."""

COMPACT_EXPERT = ExpertConfig(
    resolution=128,
    mel_window=32,
    mel_lead=8,
    face_channels=(8, 16, 32, 64, 96, 128),
    audio_channels=(16, 32, 64, 96, 128),
    face_residuals=(1, 1, 1, 1),
    dropout=0.1,
)
"""An expert for the crops of the compact generator, small enough for less than an hour of speech."""

COMPACT_DISCRIMINATOR = QualityDiscriminatorConfig(resolution=128, channels=(8, 16, 32, 48, 64, 96, 96))
"""A quality discriminator for the crops of the compact generator."""


SpeechRecipe = Recipe[SpeechSettings]
FeaturesRecipe = Recipe[FeaturesSettings]
ExpertRecipe = Recipe[ExpertSettings]
GeneratorRecipe = Recipe[GeneratorSettings]


SPEECH_RECIPES = {
    "compact": SpeechRecipe(
        "speech",
        # A tenth more than true: so much of a motion is lost where it is rendered.
        SpeechSettings(COMPACT_GENERATOR, exaggeration=1.1),
        LoopSettings(steps=2000, batch_size=384, learning_rate=1e-3, validate_every=250, precision="32-true"),
    ),
}
"""Recipes of `visavox train speech`."""

FEATURES_RECIPES = {
    "compact": FeaturesRecipe(
        "features",
        FeaturesSettings(),
        LoopSettings(steps=3000, batch_size=64, learning_rate=2e-3, validate_every=250, save_every=250),
    ),
}
"""Recipes of `visavox train features`."""

EXPERT_RECIPES = {
    "compact": ExpertRecipe(
        "expert",
        # Wrong audio of the same clip only: that of other people can be told by the voice, which is no sync.
        ExpertSettings(
            COMPACT_EXPERT, num_wrong=6, batch_pairs=False, motion=1.0, motion_first=700, contrast=1.0, patience=2000
        ),
        LoopSettings(steps=9000, batch_size=64, learning_rate=1e-3, validate_every=400, save_every=400),
    ),
    "expert-96": ExpertRecipe(
        "expert",
        ExpertSettings(ExpertConfig(), batch_pairs=False, motion=0.0),
        LoopSettings(
            steps=200_000,
            batch_size=64,
            learning_rate=1e-4,
            warmup=1,
            validate_every=10_000,
            save_every=10_000,
            workers=8,
        ),
    ),
}
"""Recipes of `visavox train expert`: the shipped one, and the published network and schedule."""

_LOSSES = GeneratorLosses(alpha=0.02, mouth_motion=0.05, perceptual=0.05)
"""Losses of generators of the shipped size."""

WAV2LIP_RECIPES = {
    "compact": GeneratorRecipe(
        "wav2lip",
        GeneratorSettings(COMPACT_GENERATOR, losses=_LOSSES, mouth_weight=6.0),
        LoopSettings(steps=16_000, batch_size=16, learning_rate=1e-3, validate_every=250, save_every=250),
    ),
    "compact-gan": GeneratorRecipe(
        "wav2lip",
        GeneratorSettings(
            COMPACT_GENERATOR,
            losses=replace(_LOSSES, adversarial=0.02, features=0.5),
            discriminator=COMPACT_DISCRIMINATOR,
            betas=(0.5, 0.999),
        ),
        LoopSettings(steps=4000, batch_size=16, learning_rate=2e-4, validate_every=250, save_every=250),
    ),
    "compact-sync": GeneratorRecipe(
        "wav2lip",
        GeneratorSettings(COMPACT_GENERATOR, losses=replace(_LOSSES, sync=0.03), teacher_forcing=0.5),
        LoopSettings(steps=4000, batch_size=4, learning_rate=2e-4, validate_every=250, save_every=250),
    ),
    "wav2lip-96": GeneratorRecipe(
        "wav2lip",
        GeneratorSettings(
            GeneratorConfig(_PUBLISHED_SPEC, AudioEncoderConfig(), Wav2LipConfig()),
            losses=GeneratorLosses(reconstruction=0.99, gradient=0.0, sync=0.01),
            mouth_weight=1.0,
        ),
        LoopSettings(
            steps=300_000,
            batch_size=16,
            learning_rate=1e-4,
            warmup=1,
            validate_every=3000,
            save_every=3000,
            workers=8,
        ),
    ),
    "wav2lip-96-gan": GeneratorRecipe(
        "wav2lip",
        GeneratorSettings(
            GeneratorConfig(_PUBLISHED_SPEC, AudioEncoderConfig(), Wav2LipConfig()),
            losses=GeneratorLosses(reconstruction=0.9, gradient=0.0, sync=0.03, adversarial=0.07),
            discriminator=QualityDiscriminatorConfig(),
            mouth_weight=1.0,
            betas=(0.5, 0.999),
        ),
        LoopSettings(
            steps=300_000,
            batch_size=16,
            learning_rate=1e-4,
            warmup=1,
            validate_every=3000,
            save_every=3000,
            workers=8,
        ),
    ),
}
"""Recipes of `visavox train wav2lip`: the shipped ones, and the published networks and losses."""

MOTION_DUB_RECIPES = {
    "motion-compact": GeneratorRecipe(
        "motion-dub",
        # More weight on the motion that is read from the mouth: it is to follow.
        GeneratorSettings(
            COMPACT_MOTION_GENERATOR, losses=replace(_LOSSES, mouth_motion=0.2), mouth_weight=6.0, motion_gain=1.25
        ),
        LoopSettings(
            steps=400,
            batch_size=16,
            learning_rate=1e-4,
            warmup=50,
            average_decay=0.99,
            validate_every=100,
            save_every=100,
        ),
    ),
}
"""Recipes of `visavox train motion-dub`, which goes on from a trained Wav2Lip: a few steps, in which the renderer
learns the motion of the 68 landmarks."""

_ATTN_COMPACT = GeneratorRecipe(
    "attn-wav2lip",
    GeneratorSettings(COMPACT_ATTN_GENERATOR, losses=_LOSSES, mouth_weight=6.0),
    LoopSettings(steps=16_000, batch_size=16, learning_rate=1e-3, validate_every=250, save_every=250),
)


def _with_renderer(recipe: GeneratorRecipe, **changes: object) -> GeneratorRecipe:
    generator = recipe.settings.generator
    renderer = replace(generator.renderer, **changes)
    return replace(recipe, settings=replace(recipe.settings, generator=replace(generator, renderer=renderer)))


ATTN_WAV2LIP_RECIPES = {
    "attn-compact": _ATTN_COMPACT,
    "attn-compact-no-attention": _with_renderer(_ATTN_COMPACT, attention=False),
    "attn-compact-no-perceptual": replace(
        _ATTN_COMPACT, settings=replace(_ATTN_COMPACT.settings, losses=replace(_LOSSES, perceptual=0.0))
    ),
    "attn-compact-no-alignment": _with_renderer(_ATTN_COMPACT, alignment_levels=()),
    "attn-wav2lip": GeneratorRecipe(
        "attn-wav2lip",
        GeneratorSettings(
            GeneratorConfig(_PUBLISHED_SPEC, AudioEncoderConfig(), AttnWav2LipConfig()),
            losses=GeneratorLosses(reconstruction=0.87, gradient=0.0, sync=0.03, lpips=0.1),
            mouth_weight=1.0,
        ),
        LoopSettings(
            steps=300_000,
            batch_size=16,
            learning_rate=1e-4,
            warmup=1,
            validate_every=3000,
            save_every=3000,
            workers=8,
        ),
    ),
}
"""Recipes of `visavox train attn-wav2lip`: one as large as `compact`, two that leave out one part of it each, all
trained alike; and one as wide as the published Wav2Lip, whose loss weights are ours."""
