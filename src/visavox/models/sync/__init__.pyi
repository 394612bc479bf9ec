from .expert import Expert, ExpertConfig
from .motion_syncnet import CHIN_68, MOUTH_68, MotionSyncNet, MotionSyncNetConfig
from .syncnet import MFCC_WINDOW, NUM_FRAMES, RESOLUTION, SyncNet, SyncNetConfig

__all__ = [
    "CHIN_68",
    "MFCC_WINDOW",
    "MOUTH_68",
    "NUM_FRAMES",
    "RESOLUTION",
    "Expert",
    "ExpertConfig",
    "MotionSyncNet",
    "MotionSyncNetConfig",
    "SyncNet",
    "SyncNetConfig",
]
