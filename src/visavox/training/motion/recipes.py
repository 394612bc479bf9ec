"""Recipes of the networks of motion."""

from __future__ import annotations

from dataclasses import replace

from visavox.data.motion import MotionSampling
from visavox.models.motion import FlowConfig, MotionCriticConfig, MotionVaeConfig, PostNetConfig, SpeechEncoderConfig
from visavox.models.sync import CHIN_68, MOUTH_68, MotionSyncNetConfig
from visavox.training.motion.motion_syncnet import MotionSyncSettings
from visavox.training.motion.motion_vae import MotionVaeLosses, MotionVaeSettings
from visavox.training.motion.postnet_sources import PostNetSettings
from visavox.training.recipe import LoopSettings, Recipe

COMPACT_MOTION_SYNCNET = MotionSyncNetConfig(
    features="mel",
    feature_size=80,
    num_rows=34,
    lead_rows=12,
    points=(*CHIN_68, *MOUTH_68),
    mouth_channels=(64, 64, 96, 96),
    speech_channels=(64, 96, 96),
    dropout=0.2,
)
"""A motion SyncNet for less than an hour of speech, which takes 0.24 s before and after its five frames."""

MotionSyncRecipe = Recipe[MotionSyncSettings]
PostNetRecipe = Recipe[PostNetSettings]

MOTION_SYNC_RECIPES = {
    "compact": MotionSyncRecipe(
        "motion-syncnet",
        MotionSyncSettings(COMPACT_MOTION_SYNCNET),
        LoopSettings(
            steps=2500, batch_size=32, learning_rate=1e-3, validate_every=250, save_every=250, precision="32-true"
        ),
    ),
    "geneface": MotionSyncRecipe(
        "motion-syncnet",
        MotionSyncSettings(MotionSyncNetConfig(), contrast=0.0, motion=0.0, weight_decay=0.0, patience=5000),
        LoopSettings(steps=40_000, batch_size=128, learning_rate=5e-4, validate_every=2000, save_every=2000, workers=8),
    ),
}
"""Recipes of `visavox train motion-syncnet`: the shipped one, and the published network and schedule."""

POSTNET_RECIPES = {
    "compact": PostNetRecipe(
        "postnet",
        PostNetSettings(
            PostNetConfig(channels=(64, 64, 128, 128, 64)),
            # Whatever does not follow speech (eyes, brows, the tracker's trembling) would tell the critic everything.
            MotionCriticConfig(components=8, channels=(64, 128, 128, 64)),
            critic_noise=0.3,
            critic_slope=1.0,
            num_clips=500,
        ),
        LoopSettings(
            steps=600,
            batch_size=32,
            learning_rate=5e-4,
            validate_every=50,
            save_every=200,
            average_decay=0.995,
            precision="32-true",
        ),
    ),
    "geneface": PostNetRecipe(
        "postnet",
        PostNetSettings(critic_noise=0.0, critic_rate=0.2),
        LoopSettings(
            steps=20_000, batch_size=64, learning_rate=5e-4, validate_every=500, save_every=2000, precision="32-true"
        ),
    ),
}
"""Recipes of `visavox train postnet`: the shipped one, and the published network, critic and schedule."""


PERSON_POSTNET_RECIPES = {name: replace(recipe, task="person-postnet") for name, recipe in POSTNET_RECIPES.items()}
"""Recipes of `visavox train person-postnet`: the same."""

COMPACT_MOTION_VAE = MotionVaeConfig(
    features="mel",
    speech=SpeechEncoderConfig(feature_size=80, channels=128, layers=5, dropout=0.2),
    hidden=128,
    encoder_layers=4,
    decoder_layers=3,
    flow=FlowConfig(layers=2),
    dropout=0.1,
)
"""The motion VAE that is shipped: half as wide as the published one, with an audio encoder that takes 0.9 s."""

MotionVaeRecipe = Recipe[MotionVaeSettings]

_COMPACT_MOTION = MotionVaeRecipe(
    "motion",
    # On an hour of speech a posterior that may say more is followed less: the prior has to guess what it said.
    MotionVaeSettings(COMPACT_MOTION_VAE, losses=MotionVaeLosses(divergence=0.4)),
    LoopSettings(
        steps=1400,
        batch_size=24,
        learning_rate=1e-3,
        warmup=100,
        average_decay=0.995,
        validate_every=200,
        save_every=200,
    ),
)

MOTION_RECIPES = {
    "compact": _COMPACT_MOTION,
    "compact-pitch": replace(
        _COMPACT_MOTION,
        settings=replace(
            _COMPACT_MOTION.settings,
            vae=replace(
                COMPACT_MOTION_VAE, features="mel-pitch", speech=replace(COMPACT_MOTION_VAE.speech, feature_size=83)
            ),
        ),
    ),
    "geneface": MotionVaeRecipe(
        "motion",
        MotionVaeSettings(
            MotionVaeConfig(),
            losses=MotionVaeLosses(mode=0.0, opening=0.0),
            sampling=MotionSampling(num_frames=100),
            weight_decay=0.0,
        ),
        LoopSettings(
            steps=40_000,
            batch_size=64,
            learning_rate=5e-4,
            warmup=1000,
            validate_every=2000,
            save_every=2000,
            workers=8,
        ),
    ),
}
"""Recipes of `visavox train motion`: the shipped one, the same with pitch (GeneFace++), and the published network and
losses."""
