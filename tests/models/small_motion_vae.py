"""A motion VAE small enough for a test, that hears mels."""

from visavox.models.motion.flow import FlowConfig
from visavox.models.motion.motion_vae import MotionVaeConfig
from visavox.models.motion.speech_encoder import SpeechEncoderConfig

SMALL_VAE = MotionVaeConfig(
    features="mel",
    speech=SpeechEncoderConfig(feature_size=80, channels=8, layers=1, kernel=3, dropout=0.1),
    hidden=8,
    kernel=3,
    encoder_layers=1,
    decoder_layers=1,
    latent=2,
    flow=FlowConfig(couplings=2, hidden=4, layers=1),
    dropout=0.1,
)
