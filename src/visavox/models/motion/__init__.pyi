from .flow import FlowConfig
from .motion_vae import NUM_POINTS, SQUEEZE, MotionVae, MotionVaeConfig, draw_noise, lip_gap
from .postnet import MotionCritic, MotionCriticConfig, PostNet, PostNetConfig
from .speech_encoder import ROWS_PER_FRAME, SpeechEncoderConfig

__all__ = [
    "NUM_POINTS",
    "ROWS_PER_FRAME",
    "SQUEEZE",
    "FlowConfig",
    "MotionCritic",
    "MotionCriticConfig",
    "MotionVae",
    "MotionVaeConfig",
    "PostNet",
    "PostNetConfig",
    "SpeechEncoderConfig",
    "draw_noise",
    "lip_gap",
]
